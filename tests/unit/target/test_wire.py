import pytest
from loadtest_target.wire import MAX_BODY_BYTES, Request, Response, UnreadableError, read_request, to_bytes


def requests_in(data: bytes) -> tuple[list[Request], bytes]:
    buffer, requests = bytearray(data), []
    while (request := read_request(buffer)[0]) is not None:
        requests.append(request)
    return requests, bytes(buffer)


def test_a_plain_get_is_one_request() -> None:
    requests, rest = requests_in(b"GET /search?q=a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert requests == [Request("GET", "/search?q=a", b"", keep_alive=True)]
    assert requests[0].path == "/search"
    assert rest == b""


def test_pipelined_requests_come_out_in_order_and_a_started_one_stays() -> None:
    first = b"POST /cart HTTP/1.1\r\ncontent-length: 4\r\n\r\nGET "
    requests, rest = requests_in(first + b"GET /home HTTP/1.1\r\n\r\n" + b"GET /it")
    assert [(r.method, r.target, r.body) for r in requests] == [("POST", "/cart", b"GET "), ("GET", "/home", b"")]
    assert rest == b"GET /it"


def test_a_request_cut_at_any_byte_waits_for_the_rest() -> None:
    whole = b"POST /cart HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    for cut in range(len(whole)):
        assert requests_in(whole[:cut]) == ([], whole[:cut])
    assert len(requests_in(whole)[0]) == 1


@pytest.mark.parametrize(
    ("version", "header", "keep_alive"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"Connection: Close\r\n", False),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_keep_alive_follows_version_and_header(version: bytes, header: bytes, keep_alive: bool) -> None:
    requests, _ = requests_in(b"GET / " + version + b"\r\n" + header + b"\r\n")
    assert requests[0].keep_alive is keep_alive


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it_once() -> None:
    head = b"POST /cart HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    assert read_request(bytearray(head)) == (None, True)
    assert read_request(bytearray(head + b"a")) == (None, False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /home\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"POST /cart HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /cart HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"POST /cart HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
    ],
)
def test_what_cannot_be_read_has_its_status(data: bytes, status: int) -> None:
    with pytest.raises(UnreadableError) as error:
        read_request(bytearray(data))
    assert error.value.status == status


def test_head_is_answered_with_the_length_and_no_body() -> None:
    answer = to_bytes(Response(200, b"12345"), head_only=True, close=False)
    assert b"Content-Length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
