"""Every version of every object of the kinds that runs are made of, in all namespaces, as the API server tells them."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

import aiohttp
from loadtest_operator.io.kube import BY_KIND, Resource

from tests.testcluster.apiserver import ApiServer

DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
KINDS = (*BY_KIND.values(), DEPLOYMENTS)
LOOK_SECONDS = 0.03

Object = dict[str, Any]


class Recorder:
    def __init__(self, api: ApiServer, session: aiohttp.ClientSession) -> None:
        self._api = api
        self._session = session
        self._now: dict[tuple[str, str], dict[str, Object]] = defaultdict(dict)  # by kind and namespace, then name
        self._uids: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # by namespace, then name
        self._born: dict[str, dict[str, Object]] = defaultdict(dict)  # by namespace, then kind and name
        self._phases: dict[str, list[str]] = defaultdict(list)  # of LoadTests, by namespace
        self._trouble: BaseException | None = None

    async def __aenter__(self) -> Self:
        started = [asyncio.Event() for _ in KINDS]
        self._tasks = [asyncio.create_task(self._watch(kind, flag)) for kind, flag in zip(KINDS, started, strict=True)]
        await self.until(lambda: all(flag.is_set() for flag in started), "watches", 30)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def there(self, kind: str, namespace: str) -> dict[str, Object]:
        """What is there now."""
        return self._now[kind, namespace]

    def made(self, namespace: str) -> dict[str, set[str]]:
        """All UIDs that ever bore a name: two of them were made twice."""
        return self._uids[namespace]

    def born(self, namespace: str) -> dict[str, Object]:
        """Each object as it was made."""
        return self._born[namespace]

    def phases(self, namespace: str) -> list[str]:
        """Of the LoadTests there: each once for each time it was entered."""
        return self._phases[namespace]

    async def until(self, look: Callable[[], Any], what: str | Callable[[], str], seconds: float) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (found := look()):
            if self._trouble is not None:
                raise RuntimeError(f"the recorder lost a watch: {self._trouble!r}") from self._trouble
            if loop.time() > end:
                raise AssertionError(f"{what if isinstance(what, str) else what()}: not within {seconds:g} s")
            await asyncio.sleep(LOOK_SECONDS)
        return found

    async def _watch(self, resource: Resource, started: asyncio.Event) -> None:
        """A CRD that changes ends its watches; the next one begins with all that is there."""
        try:
            while True:
                await self._follow(resource, started)
                for (kind, _), place in self._now.items():
                    if kind == resource.kind:
                        place.clear()
                await asyncio.sleep(LOOK_SECONDS)
        except (aiohttp.ClientError, OSError) as error:
            self._trouble = error

    async def _follow(self, resource: Resource, started: asyncio.Event) -> None:
        """Until it ends, which is at once for a CRD that is seconds old: 429."""
        async with self._session.get(f"{self._api.server}{resource.path()}", params={"watch": "1"}) as answer:
            if answer.status == 429:
                return
            answer.raise_for_status()
            started.set()
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._see(resource.kind, json.loads(line))

    def _see(self, kind: str, event: Object) -> None:
        raw = event["object"]
        metadata = raw["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        place = self._now[kind, namespace]
        if event["type"] == "DELETED":
            if place.get(name, raw)["metadata"]["uid"] == metadata["uid"]:
                place.pop(name, None)
            return
        place[name] = raw
        self._born[namespace].setdefault(f"{kind} {name}", raw)
        self._uids[namespace][f"{kind} {name}"].add(metadata["uid"])
        status = raw.get("status") or {}
        if kind == "LoadTest" and status.get("phase"):
            entered = f"{name}: run {(status.get('run') or {}).get('number', 0)} {status['phase']}"
            if self._phases[namespace][-1:] != [entered]:
                self._phases[namespace].append(entered)
