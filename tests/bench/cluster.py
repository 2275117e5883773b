"""Many LoadTests at once, and when each had its children and its status: one asyncio client, four watches."""

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any, Self

import aiohttp

from tests.support.clusterapi import path
from tests.support.loadtests import loadtest
from tests.testcluster.apiserver import ApiServer

LINE_BYTES = 4 * 1024 * 1024
CHILDREN = {"jobs": 2, "services": 1, "configmaps": 1}
TEST = "loadtest.dev/test"


class Crowd:
    """LoadTests of one namespace, watched while they are created."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._api = api
        self.namespace = namespace
        self.asked: dict[str, float] = {}
        self.complete: dict[str, float] = {}  # when all children were there and the status said so
        self.phases: dict[str, dict[str, float]] = {}  # by LoadTest: when each phase was first seen
        self.versions: dict[str, set[str]] = {}
        self._children: dict[str, set[str]] = {}
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        context = ssl.create_default_context(cafile=str(self._api.ca))
        headers = {"Authorization": f"Bearer {self._api.token}"}
        connector = aiohttp.TCPConnector(ssl=context, limit=40)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, headers=headers, read_bufsize=LINE_BYTES, timeout=timeout)
        )
        self._watches = [asyncio.create_task(self._watch(kind)) for kind in ("loadtests", *CHILDREN)]
        for watch in self._watches:
            watch.add_done_callback(lambda _: self._changed.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        await self._stack.aclose()

    async def create(self, names: Iterable[str], **changes: Any) -> None:
        await asyncio.gather(*(self._create(name, changes) for name in names))

    async def _create(self, name: str, changes: dict[str, Any]) -> None:
        body = loadtest(name, self.namespace, **changes)
        async with self._session.post(self._api.server + path("loadtests", self.namespace), json=body) as answer:
            self.asked[name] = time.monotonic()
            if answer.status >= 300:
                raise RuntimeError(await answer.text())

    async def create_all(self, bodies: Iterable[dict[str, Any]], kind: str) -> None:
        async def one(body: dict[str, Any]) -> None:
            async with self._session.post(self._api.server + path(kind, self.namespace), json=body) as answer:
                answer.raise_for_status()

        await asyncio.gather(*(one(body) for body in bodies))

    async def until_complete(self, count: int, seconds: float) -> None:
        await self._until(lambda: len(self.complete) >= count, f"{count} with children and status", seconds)

    async def until_phase(self, phase: str, count: int, seconds: float) -> None:
        there = lambda: sum(phase in seen for seen in self.phases.values())  # noqa: E731
        await self._until(lambda: there() >= count, f"{count} {phase}", seconds)

    async def _until(self, look: Any, what: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not look():
                    self._changed.clear()
                    await self._changed.wait()
                    for watch in self._watches:
                        if watch.done():
                            watch.result()
        except TimeoutError:
            there = Counter(list(seen)[-1] for seen in self.phases.values())
            children = sum(map(len, self._children.values()))
            raise RuntimeError(f"{what}: not within {seconds:g} s; phases {dict(there)}, {children} children") from None

    async def _watch(self, kind: str) -> None:
        """Again and again: a busy API server ends watches when it likes."""
        url = self._api.server + path(kind, self.namespace)
        while True:
            async with self._session.get(url, params={"watch": "1"}) as stream:
                stream.raise_for_status()
                async for line in stream.content:
                    event = json.loads(line)
                    if event["type"] in {"ADDED", "MODIFIED"}:
                        self._see(kind, event["object"], time.monotonic())

    def _see(self, kind: str, found: dict[str, Any], now: float) -> None:
        name = found["metadata"]["name"]
        if kind == "loadtests":
            self.versions.setdefault(name, set()).add(found["metadata"]["resourceVersion"])
            phase = (found.get("status") or {}).get("phase", "")
            self.phases.setdefault(name, {}).setdefault(phase, now)
        else:
            name = (found["metadata"].get("labels") or {}).get(TEST, "")
            self._children.setdefault(name, set()).add(f"{kind}/{found['metadata']['name']}")
        phases = self.phases.get(name, {}).keys() - {"", "Preparing"}
        if phases and len(self._children.get(name, ())) >= sum(CHILDREN.values()):
            self.complete.setdefault(name, now)
        self._changed.set()
