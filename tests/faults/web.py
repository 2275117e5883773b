"""What one process of the operator sees of the world: HTTP sessions without sockets, with all that goes wrong there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pydantic_core
from loadtest_operator.io.credentials import Access

from tests.faults import rest
from tests.faults.chance import STRAY_SECONDS, Fault

if TYPE_CHECKING:
    from tests.faults.process import Process

SERVER = "https://api"


class Answer:
    """As much of aiohttp's response as is used."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self.content = self

    async def read(self) -> bytes:
        return self._body

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        yield self._body


def answer(status: int, body: Any, **headers: str) -> Answer:
    return Answer(status, pydantic_core.to_json(body), headers)


def refused(status: int, reason: str, message: str, **headers: str) -> Answer:
    return answer(status, rest.status(status, reason, message), **headers)


class PlayedAccess(Access):
    """Leads to the model, in the name of one process."""

    def __init__(self, process: "Process") -> None:
        super().__init__(server=SERVER, ssl=True, namespace="operator", in_cluster=True)
        self._process = process

    def as_bearer(self, token: str) -> Access:
        return PlayedAccess(self._process)

    def session(self) -> Any:
        return Session(self._process)


class Session:
    def __init__(self, process: "Process") -> None:
        self._process = process

    async def close(self) -> None:
        pass

    def request(self, method: str, url: str, **given: Any) -> "Exchange":
        return Exchange(self._process, method, url, given)


class Exchange:
    """`async with` of it sends the request."""

    def __init__(self, process: "Process", method: str, url: str, given: dict[str, Any]) -> None:
        self._process = process
        self._method = method
        self._url = url
        self._given = given

    async def __aenter__(self) -> Answer:
        process = self._process
        if process.held:
            await process.alive()
        try:
            if self._url.startswith(SERVER):
                return await self._ask_server()
            return await self._ask_agent()
        finally:
            if process.held:
                await process.alive()

    async def __aexit__(self, *_: object) -> None:
        pass

    async def _ask_server(self) -> Answer:
        process, path = self._process, self._url[len(SERVER) :]
        chance = process.world.chance
        fault = chance.of_call(process, self._method)
        await asyncio.sleep(chance.latency())
        if fault is None:
            return self._serve(path)
        return await self._fail(fault, path)

    async def _fail(self, fault: Fault, path: str) -> Answer:
        if fault in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}:
            if fault is Fault.CRASH_AFTER:
                self._serve(path)
            await self._process.crash()
        if fault in {Fault.TIMEOUT_AFTER, Fault.CUT_AFTER}:
            self._serve(path)
        if fault in {Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER}:
            await asyncio.sleep(self._given["timeout"].total)
            raise TimeoutError
        if fault is Fault.STRAY:  # it waits in some proxy, and takes effect when nobody expects it any more
            world = self._process.world
            world.later(world.chance.seconds(0.1, STRAY_SECONDS), lambda: self._serve(path))
        if fault in {Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.STRAY}:
            raise aiohttp.ServerDisconnectedError
        if fault is Fault.LATE:  # on its way for long, and then it takes effect
            await asyncio.sleep(self._process.world.chance.seconds(1, self._given["timeout"].total - 1))
            return self._serve(path)
        return {
            Fault.CONFLICT: refused(409, "Conflict", "the object has been modified"),
            Fault.EXPIRED: refused(410, "Expired", "The provided continue parameter is too old"),
            Fault.BUSY: refused(429, "TooManyRequests", "too many requests", **{"Retry-After": "1"}),
            Fault.ERROR: refused(500, "InternalError", "etcdserver: request timed out"),
            Fault.UNAVAILABLE: Answer(503, b"upstream connect error", {}),
        }[fault]

    def _serve(self, path: str) -> Answer:
        given = self._given
        data = given.get("data")
        body = pydantic_core.from_json(data) if data else None
        process = self._process
        process.world.writer = process if self._method != "GET" else None
        status, said = rest.serve(
            process.world.api, self._method, path, given.get("params") or {}, body, given.get("headers") or {}
        )
        process.world.writer = None
        return answer(status, said, Date=process.world.date())

    async def _ask_agent(self) -> Answer:
        world = self._process.world
        chance = world.chance
        where = urlsplit(self._url)
        await asyncio.sleep(chance.latency())
        agent = world.agents.get(where.hostname or "")
        if agent is None or chance.agent_cut(self._process, where.hostname or ""):
            if chance.maybe(0.5):
                raise aiohttp.ClientConnectionError("connection refused")
            await asyncio.sleep(self._given["timeout"].total)
            raise TimeoutError
        body = self._given.get("json")
        query = dict(parse_qsl(where.query))
        token = (self._given.get("headers") or {}).get("X-Loadtest-Token", "")
        status, said = agent.answer(self._method, where.path, query, body, token)
        if chance.lose_agent_answer():
            raise aiohttp.ServerDisconnectedError
        return answer(status, said)
