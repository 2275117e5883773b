"""A real HTTP server on loopback that answers as it is told and remembers what it was asked."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.testcluster.pki import ensure


@dataclass
class Asked:
    method: str
    path: str
    query: dict
    headers: dict
    body: object


@dataclass
class Server:
    base: str = ""
    asked: list = field(default_factory=list)
    answers: list = field(default_factory=list)  # the last one is repeated
    answers_at_all: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        self.answers_at_all.set()

    def answer(self, body=None, status=200, headers=None, text=None):
        self.answers.append((status, json.dumps(body) if text is None else text, headers or {}))

    async def handle(self, request):
        await self.answers_at_all.wait()
        text = await request.text()
        body = json.loads(text) if text else None
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers), body))
        status, answer, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text=answer, headers=headers)


@pytest.fixture
async def server():
    found = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    async with TestServer(app) as running:
        found.base = str(running.make_url("")).rstrip("/")
        yield found
        found.answers_at_all.set()


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """A CA (ca), a server's certificate for 127.0.0.1 (apiserver) and a client's (apiserver-kubelet-client)."""
    folder = tmp_path_factory.mktemp("pki")
    ensure(folder, ["127.0.0.1"])
    return folder
