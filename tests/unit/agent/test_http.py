"""Reading HTTP answers in any pieces, and turning a declarative scenario into requests."""

from __future__ import annotations

import gzip
import zlib
from typing import Any
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_agent import http_plan, http_wire
from loadtest_agent.errors import AgentError
from loadtest_agent.http_client import Client
from loadtest_agent.http_cookies import Cookies

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=1\r\n world\r\n0\r\nT: 1\r\n\r\n"
ANSWERS: list[tuple[bytes, bytes, int, bytes, bool]] = [
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello", True),
    (b"GET", b"HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello", 200, b"hello", True),
    (b"GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, b"", False),
    (b"GET", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"GET", b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    (b"GET", b"HTTP/1.1 200 OK\r\n\r\nto the end", 200, b"to the end", False),
    (b"GET", CHUNKED, 200, b"hello world", True),
    (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, b"", True),
    (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"GET", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", True),
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", 200, b"a", False),
]


def receiver(data: bytes, sizes: list[int]) -> Any:
    rest = bytearray(data)
    pieces = iter(sizes)

    def recv(most: int) -> bytes:
        size = min(most, next(pieces, len(rest) or 1))
        piece = bytes(rest[:size])
        del rest[:size]
        return piece

    return recv


@given(st.sampled_from(ANSWERS), st.lists(st.integers(1, 20), max_size=60))
def test_answers_in_any_pieces(answer: tuple[bytes, bytes, int, bytes, bool], sizes: list[int]) -> None:
    method, data, status, body, reusable = answer
    read = http_wire.read(receiver(data, sizes), method)
    assert (read.status, read.body) == (status, body)
    assert read.reusable is reusable or (data.endswith(b"ab") and sizes)


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200000,
    ],
)
def test_nonsense(data: bytes) -> None:
    with pytest.raises(http_wire.BadResponse):
        http_wire.read(receiver(data, []), b"GET")


def test_silence() -> None:
    with pytest.raises(http_wire.ConnectionClosed):
        http_wire.read(receiver(b"", []), b"GET")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"text", mtime=0)),
        ("deflate", zlib.compress(b"text")),
        ("deflate", zlib.compress(b"text")[2:-4]),
        ("identity", b"text"),
    ],
)
def test_encodings(encoding: str, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert http_wire.read(receiver(head + body, []), b"GET").text() == b"text"


def requests(http: dict[str, Any], url: str = "http://shop:8080/base") -> tuple[http_plan.Request, ...]:
    (plan,) = http_plan.plans(http, url)
    return plan.requests


def test_the_bytes_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0p")
    (request,) = requests(
        {
            "headers": {"X-Env": "test", "accept": "text/html"},
            "requests": [
                {
                    "method": "post",
                    "path": "/items/{env.TOKEN}/ä b?x=1",
                    "query": {"q": ["a b", True]},
                    "json": {"token": "{env.TOKEN}", "n": 1},
                    "headers": {"Authorization": "Bearer {env.TOKEN}"},
                    "timeout": "5s",
                }
            ],
        }
    )
    assert request.head == (
        b"POST /base/items/t0p/%C3%A4%20b?x=1&q=a+b&q=true HTTP/1.1\r\n"
        b"Host: shop:8080\r\nUser-Agent: loadtest-agent/0.1.0\r\nAccept-Encoding: gzip, deflate\r\n"
        b"Content-Type: application/json\r\nContent-Length: 21\r\n"
        b"X-Env: test\r\naccept: text/html\r\nAuthorization: Bearer t0p\r\n"
    )
    assert request.body == b'{"token":"t0p","n":1}'
    assert request.name == "/items/{env.TOKEN}/ä b"  # as written: what was filled in may be secret
    assert request.timeout == 5.0


def test_a_redirect_to_get_leaves_the_body_behind() -> None:
    (request,) = requests({"requests": [{"method": "POST", "path": "/a", "json": 1}]})
    moved = request.redirected("GET", "/b")
    assert moved.head.startswith(b"GET /b HTTP/1.1\r\n")
    assert b"Content-" not in moved.head
    assert moved.body == b""
    assert request.redirected("POST", "/b").body == b"1"


def test_users_and_weights() -> None:
    plans = http_plan.plans(
        {
            "thinkTime": {"min": "1s", "max": "3s"},
            "users": [
                {"name": "big spender", "weight": 7, "requests": [{"path": "/", "weight": 3}, {"path": "/b"}]},
                {"sequence": [{"path": "/a"}, {"path": "/b"}], "thinkTime": "250ms"},
                {"name": "nobody", "weight": 0, "requests": [{"path": "/"}]},
            ],
        },
        "http://shop",
    )
    assert [(plan.name, plan.weight, plan.think, plan.sequence) for plan in plans] == [
        ("big_spender", 7.0, (1.0, 3.0), False),
        ("User2", 1.0, (0.25, 0.25), True),
    ]
    assert plans[0].cumulative == (3.0, 4.0)


def test_the_default_think_time_is_a_second() -> None:
    (plan,) = http_plan.plans({"requests": [{"path": "/"}]}, "https://shop")
    assert plan.think == (1.0, 1.0)
    assert plan.requests[0].head.startswith(b"GET / HTTP/1.1\r\nHost: shop\r\n")
    assert plan.requests[0].timeout == 30.0


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        ({"path": "items"}, "scenario.http.requests[0].path must begin with /"),
        ({"path": "/", "method": "G T"}, "scenario.http.requests[0].method is not an HTTP method"),
        ({"path": "/", "headers": {"A": "b\r\nC: d"}}, "scenario.http.requests[0].headers 'A' is not a valid header"),
        ({"path": "/", "json": 1, "body": "1"}, "scenario.http.requests[0].body and json cannot both be given"),
        ({"path": "/", "expect": {"status": ["2xx"]}}, "scenario.http.requests[0].expect.status must be a number"),
        ({"path": "/", "timeout": "soon"}, "scenario.http.requests[0].timeout 'soon' is not a duration"),
        ({"path": "/", "weight": 0}, "scenario.http.requests all have weight 0"),
        ({"path": "/", "save": {"a": {}}}, "scenario.http.requests[0].save is not supported by this agent yet"),
        ({"path": "/{env.NOT_THERE}"}, "{env.NOT_THERE} is used in scenario.http, but NOT_THERE is not set"),
    ],
)
def test_complaints_name_the_field(request_: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AgentError) as caught:
        requests({"requests": [request_]})
    assert caught.value.reason == "ScriptError"
    assert caught.value.message.startswith(complaint)


def test_cookies() -> None:
    cookies = Cookies("http://shop:8080")
    assert cookies.line("/") == b""
    cookies.take("/login", ["a=1; Path=/", "b=2; Path=/private", "c=3; Domain=elsewhere.example"])
    assert cookies.line("/") == b"Cookie: a=1\r\n"
    assert cookies.line("/private/x") == b"Cookie: b=2; a=1\r\n"
    cookies.take("/logout", ["a=; Max-Age=0; Path=/"])
    assert cookies.line("/") == b""


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.example/",
        "//evil.example/x",
        "https://checkout.shop/",
        "http://checkout.shop:8080/",
        "http://checkout.shop@evil.example/",
        "http://checkout.shop.evil.example/",
        "HTTP://EVIL.example",
        "/\\evil.example/../http://x",
        "ftp://checkout.shop/",
    ],
)
def test_no_redirect_leads_away_from_the_target(location: str) -> None:
    client = Client(http_plan.Origin.of("http://checkout.shop"), None)
    there = http_plan.Origin.of(urljoin("http://checkout.shop/a", location))
    stays = (there.scheme, there.host, there.port) == ("http", "checkout.shop", 80)
    assert client.leaves(location, "/a") is not stays
    assert stays is location.startswith("/\\")


@pytest.mark.parametrize("path", ["//evil.example/x", "/http://evil.example/", "/@evil.example", "/\\evil.example"])
def test_a_path_is_a_path_whatever_it_looks_like(path: str) -> None:
    [plan] = http_plan.plans({"requests": [{"path": path}]}, "http://checkout.shop/base")
    assert plan.requests[0].target.startswith("/base/")
