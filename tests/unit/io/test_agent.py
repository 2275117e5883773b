"""The driver's end of the agent protocol."""

import hashlib

import aiohttp
import pytest
from loadtest_operator.io import agent
from loadtest_operator.io.agent import AgentClient, AgentError, AgentUnreachable


@pytest.fixture
async def client(server):
    async with aiohttp.ClientSession() as session:
        yield AgentClient(session, server.base + "/", "secret")


def error(reason, message="no"):
    return {"error": {"reason": reason, "message": message}}


async def test_every_question_carries_the_token_and_nothing_else_of_ours(client, server):
    server.answer({"state": "Running"})
    assert await client.state() == {"state": "Running"}
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("GET", "/v1/state")
    assert asked.headers["X-Loadtest-Token"] == "secret"
    assert "Authorization" not in asked.headers


async def test_windows_are_asked_for_from_a_cursor_on(client, server):
    server.answer({"windows": []})
    await client.windows(17, 5)
    assert (server.asked[0].path, server.asked[0].query) == ("/v1/windows", {"since": "17", "limit": "5"})


async def test_stop_and_acknowledge_are_posted(client, server):
    server.answer({}, 202)
    await client.stop("deadline")
    await client.acknowledge(17)
    found = [(asked.method, asked.path, asked.body) for asked in server.asked]
    assert found == [("POST", "/v1/stop", {"reason": "deadline"}), ("POST", "/v1/acknowledge", {"cursor": 17})]


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "Unauthorized"), (404, "NotFound"), (409, "NotHolding"), (409, "CursorMismatch")]
)
async def test_the_agent_s_refusals_keep_their_reason(client, server, status, reason):
    server.answer(error(reason, "why"), status)
    with pytest.raises(AgentError) as caught:
        await client.acknowledge(1)
    assert (caught.value.status, caught.value.reason, caught.value.message) == (status, reason, "why")


@pytest.mark.parametrize("text", ["<html>", "[]", '{"kind": "Status", "reason": "ServiceUnavailable"}', '"no"', ""])
async def test_a_proxy_that_finds_no_agent_means_unreachable(client, server, text):
    server.answer(text=text, status=503)
    with pytest.raises(AgentUnreachable, match="HTTP 503 from something that is not an agent"):
        await client.state()


@pytest.mark.parametrize("text", ["<html>welcome</html>", "[]", "1", "null", "\x00"])
async def test_user_code_that_answers_in_the_agent_s_place_is_an_error_and_no_accident(client, server, text):
    server.answer(text=text)
    with pytest.raises(AgentError) as caught:
        await client.state()
    assert caught.value.reason == "NotJSON"


async def test_a_redirect_is_not_followed(client, server):
    server.answer({}, 302, {"Location": f"{server.base}/secret"})
    with pytest.raises(AgentUnreachable):
        await client.state()
    assert len(server.asked) == 1


async def test_an_endless_answer_does_not_fill_our_memory(client, server, monkeypatch):
    monkeypatch.setattr(agent, "ANSWER_MAX_BYTES", 1000)
    server.answer({"state": "x" * 2000})
    with pytest.raises(AgentError) as caught:
        await client.state()
    assert caught.value.reason == "TooLong"


async def test_nobody_there_is_unreachable():
    async with aiohttp.ClientSession() as session:
        with pytest.raises(AgentUnreachable):
            await AgentClient(session, "http://127.0.0.1:1", "t").state()


async def test_an_agent_that_thinks_too_long_is_unreachable(client, server, monkeypatch):
    monkeypatch.setattr(agent, "TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    server.answers_at_all.clear()
    with pytest.raises(AgentUnreachable, match="TimeoutError"):
        await client.state()


def test_a_token_is_of_one_attempt_and_only_its_hash_is_told():
    one, other = agent.token(b"key", "run/1"), agent.token(b"key", "run/2")
    assert one != other
    assert agent.token_sha256(one) == hashlib.sha256(one.encode()).hexdigest()
