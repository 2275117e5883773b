"""One telling of a story: a namespace with an operator, a played kubelet, and what is to happen when."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from loadtest_operator.build.names import ANNOTATION_OWNER_NAMESPACE
from loadtest_operator.io.kube import BY_KIND, LEASES

from tests.crash.nursery import Forked, Nursery
from tests.crash.proxy import Line, Proxy
from tests.crash.recorder import LOOK_SECONDS, Recorder
from tests.support.played import PlayedKubelet
from tests.support.played_agent import Script
from tests.testcluster import pki
from tests.testcluster.apiserver import ApiServer

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
LEASE = "loadtest-operator"
SETTINGS = {
    "agent_access": "proxy",
    "image": "played",
    "lease_name": LEASE,
    "listen_host": "127.0.0.1",
    "listen_port": 0,
    "log_level": "info",
}

Object = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What a person, a node or a target does as soon as something is the case."""

    when: Callable[["Scene"], Any]
    then: Callable[["Scene"], Awaitable[Any]]


@dataclass(frozen=True)
class Story:
    name: str
    begins_with: tuple[Object, ...]  # applied before the operator looks; the namespace is filled in
    over: Callable[["Scene"], Any]
    steps: tuple[Step, ...] = ()
    script: Script = field(default_factory=Script)


@dataclass
class World:
    """What all tellings share."""

    api: ApiServer
    session: aiohttp.ClientSession
    proxy: Proxy
    recorder: Recorder
    nursery: Nursery
    folder: Path

    async def call(self, method: str, path: str, body: Object | None = None, content: str = "application/json") -> Any:
        """As every client does it, later if asked to: the API server has no time for a kind whose CRD just changed."""
        headers = {"Content-Type": content}
        while True:
            async with self.session.request(method, self.api.server + path, json=body, headers=headers) as answer:
                if answer.status == 429:
                    await asyncio.sleep(float(answer.headers["Retry-After"]))
                    continue
                found = await answer.json()
                assert answer.status < 300, f"{method} {path}: {found.get('message')}"
                return found


async def _at_once() -> None:
    return


@dataclass(frozen=True)
class Heir:
    """Who comes after a crash, and when."""

    nursery: Nursery
    settings: dict[str, Any] = field(default_factory=dict)
    may_come: Callable[[], Awaitable[None]] = _at_once


class Scene:
    def __init__(
        self, world: World, story: Story, namespace: str, deadly: Collection[str] = (), heir: Heir | None = None
    ) -> None:
        self.world = world
        self.story = story
        self.namespace = namespace
        self.folder = world.folder / namespace
        self.line = Line(namespace, self._crash, set(deadly))
        self.heir = heir or Heir(world.nursery)
        self._tasks: list[asyncio.Task[None]] = []
        self._operator: Forked | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir()
        self.log = self.folder / "operator.log"
        kubeconfig = self.folder / "kubeconfig"
        kubeconfig.write_text(pki.kubeconfig(self.world.proxy.open(self.line), self.world.api.ca, self.world.api.token))
        self._argv = ["--kubeconfig", str(kubeconfig)]
        await self.world.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        api = self.world.api
        self.kubelet = PlayedKubelet(api.server, api.ca, api.token, self.namespace)
        self.kubelet.default = self.story.script
        await asyncio.to_thread(self.kubelet.__enter__)
        for body in self.story.begins_with:
            await self.apply(body)
        self._tasks = [asyncio.create_task(self._take(step)) for step in self.story.steps]
        await self._start(Heir(self.world.nursery))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._operator is not None:
            self._operator.kill()
        await asyncio.to_thread(self.kubelet.__exit__)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _start(self, who: Heir) -> None:
        values = {
            **SETTINGS,
            "namespace": self.namespace,
            "watch_namespaces": self.namespace,
            "store": self.store,
            **who.settings,
        }
        self._operator = await who.nursery.fork(self._argv, values, self.log)

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def _crash(self) -> None:
        assert self._operator is not None
        if not self._operator.alive:
            return  # what was on its way when it died: this answer, too, gets to nobody
        self._operator.kill()
        self._tasks.append(asyncio.create_task(self._follow()))

    async def _follow(self) -> None:
        """The next process. That it waits for the dead one's Lease is tested elsewhere, so nobody waits here."""
        with contextlib.suppress(AssertionError):
            await self.world.call("DELETE", LEASES.path(self.namespace, LEASE))
        await self.heir.may_come()
        await self._start(self.heir)

    async def _take(self, step: Step) -> None:
        while not step.when(self):  # noqa: ASYNC110  it looks at what many watches tell
            await asyncio.sleep(LOOK_SECONDS)
        await step.then(self)

    # What happens in stories

    async def apply(self, body: Object) -> None:
        body = {**body, "metadata": {**body["metadata"], "namespace": self.namespace}}
        path = BY_KIND[body["kind"]].path(self.namespace, body["metadata"]["name"])
        await self.world.call("PATCH", f"{path}?fieldManager=kubectl&force=true", _without_status(body), APPLY)
        if "status" in body:
            await self.world.call("PATCH", f"{path}/status", {"status": body["status"]}, MERGE)

    async def patch(self, kind: str, name: str, change: Object) -> None:
        await self.world.call("PATCH", BY_KIND[kind].path(self.namespace, name), change, MERGE)

    async def delete(self, kind: str, name: str) -> None:
        await self.world.call("DELETE", BY_KIND[kind].path(self.namespace, name), {"propagationPolicy": "Background"})

    # What is seen of it

    def there(self, kind: str) -> dict[str, Object]:
        return self.world.recorder.there(kind, self.namespace)

    def status(self, name: str) -> Object:
        found: Object = self.there("LoadTest").get(name, {}).get("status") or {}
        return found

    def condition(self, name: str, kind: str) -> Object:
        found = (item for item in self.status(name).get("conditions") or () if item["type"] == kind)
        return next(found, {})

    def environments(self) -> dict[str, Object]:
        """Namespaces that belong to a LoadTest of this one."""
        return {
            name: raw
            for name, raw in self.world.recorder.there("Namespace", "").items()
            if (raw["metadata"].get("annotations") or {}).get(ANNOTATION_OWNER_NAMESPACE) == self.namespace
        }

    def going(self) -> list[str]:
        """What was deleted and waits for the garbage collector."""
        return [
            f"{kind} {name}"
            for kind in BY_KIND
            for name, raw in self.there(kind).items()
            if "deletionTimestamp" in raw["metadata"]
        ]

    def words(self) -> str:
        """For whoever has to find out what went wrong."""
        log = self.log.read_text()[-3000:] if self.log.exists() else ""
        return f"writes: {self.line.writes}\nlog: {log}"


def _without_status(body: Object) -> Object:
    return {key: value for key, value in body.items() if key != "status"}
