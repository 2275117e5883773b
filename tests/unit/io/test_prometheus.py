"""What may come back from somebody else's Prometheus, or from what stands in its place."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from loadtest_operator.io import prometheus
from loadtest_operator.io.prometheus import PrometheusAway, PrometheusClient, QueryRefused


class Played:
    def __init__(self):
        self.asked, self.headers = [], []
        self.status, self.text = 200, '{"data": {"result": []}}'

    async def answer(self, request):
        self.asked.append(dict(await request.post()) | {"path": request.path})
        self.headers.append(dict(request.headers))
        return web.Response(status=self.status, text=self.text, headers={"Location": "http://127.0.0.1:1/"})


@pytest.fixture
async def played():
    found = Played()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    async with TestServer(app) as running, aiohttp.ClientSession() as http:
        found.url = str(running.make_url("/prom")).rstrip("/")
        found.http = http
        yield found


def ask(played, tenant=None):
    return PrometheusClient(played.http, played.url, tenant).samples("up", 10.0, 20.0, 0.5, 5.0)


async def test_the_query_is_a_form_with_its_time_and_the_tenant_a_header(played):
    assert await ask(played, "team-a") == ()
    form = {"query": "up", "start": "10.000", "end": "20.000", "step": "0.500", "timeout": "5s"}
    assert played.asked == [form | {"path": "/prom/api/v1/query_range"}]
    assert played.headers[0]["X-Scope-OrgID"] == "team-a"
    await ask(played)
    assert "X-Scope-OrgID" not in played.headers[1]


async def test_samples_are_numbers(played):
    played.text = '{"data": {"result": [{"metric": {}, "values": [[10, "1.5"], [10.5, "NaN"], [11, "+Inf"]]}]}}'
    assert await ask(played) == ((10.0, 1.5),)


@pytest.mark.parametrize("status", [400, 422])
async def test_its_own_words_say_what_is_wrong_with_a_query(played, status):
    played.status, played.text = status, '{"status": "error", "errorType": "bad_data", "error": "parse error"}'
    with pytest.raises(QueryRefused, match=r"^Prometheus says: parse error$"):
        await ask(played)


async def test_two_series_are_one_too_many(played):
    played.text = '{"data": {"result": [{"values": []}, {"values": []}]}}'
    with pytest.raises(QueryRefused, match="it gives 2 series"):
        await ask(played)


async def test_an_endless_answer_is_not_read_to_its_end(played, monkeypatch):
    monkeypatch.setattr(prometheus, "ANSWER_MAX_BYTES", 1000)
    played.text = "x" * 2000
    with pytest.raises(QueryRefused, match="more than 1000 bytes"):
        await ask(played)


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (302, "{}", "HTTP 302"),
        (401, "{}", "HTTP 401"),
        (403, '{"error": "no"}', "HTTP 403"),
        (503, '{"error": "starting"}', "HTTP 503"),
        (200, "<html>", "not as a Prometheus does"),
        (400, "<html>", "not as a Prometheus does"),
        (200, "[]", "not as a Prometheus does"),
        (200, "{}", "not as a Prometheus does"),
        (200, '{"data": {"result": [{"values": [["a", "b"]]}]}}', "not as a Prometheus does"),
        (200, '{"data": {"result": 5}}', "not as a Prometheus does"),
    ],
)
async def test_whoever_else_answers_is_no_prometheus(played, status, text, words):
    played.status, played.text = status, text
    with pytest.raises(PrometheusAway, match=words):
        await ask(played)


async def test_nobody_answers(played):
    played.url = "http://127.0.0.1:1"
    with pytest.raises(PrometheusAway, match=r"http://127\.0\.0\.1:1 does not answer"):
        await ask(played)
