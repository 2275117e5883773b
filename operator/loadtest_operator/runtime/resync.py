"""Resync: list every kind, compare with what watching told, repair the difference, sweep what nobody owns any more.

Kopf loses a deletion that happens while its watch is down and a 410 makes it list again; and the ConfigMaps that
specs name are not watched at all. Both are found here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from loadtest_operator.build.names import CHILD_SELECTOR, LABEL_INSTANCE, LABEL_TEST, LABEL_TEST_UID
from loadtest_operator.io import kube as api
from loadtest_operator.io.kube import ApiError, ApiUnreachable, Kube, Resource
from loadtest_operator.runtime import orphans
from loadtest_operator.runtime.execute import Executor, NotLeading
from loadtest_operator.runtime.objects import OWN, Key, Objects
from loadtest_operator.runtime.sweeping import Sweeper
from loadtest_operator.runtime.workqueue import WorkQueue

log = logging.getLogger(__name__)

KINDS: tuple[tuple[Resource, str], ...] = (
    (api.LOADTESTS, ""),
    (api.SCHEDULES, ""),
    (api.JOBS, CHILD_SELECTOR),
    (api.PODS, CHILD_SELECTOR),
)
FIRST_RETRY_SECONDS = 1.0
FORBIDDEN = 403

Object = dict[str, Any]


class Resync:
    def __init__(
        self,
        kube: Kube,
        objects: Objects,
        queue: WorkQueue[Key],
        executor: Executor,
        orphaned: Callable[[Object], Awaitable[bool]],
        sweeper: Sweeper,
        *,
        namespaces: tuple[str, ...],
        instance: str,
        every_seconds: float,
    ) -> None:
        self._kube = kube
        self._objects = objects
        self._queue = queue
        self._executor = executor
        self._orphaned = orphaned
        self._sweeper = sweeper
        self._namespaces = namespaces
        self._instance = instance
        self._every = every_seconds
        self._wanted = asyncio.Event()
        self.succeeded_at = asyncio.get_running_loop().time()

    def soon(self) -> None:
        """Much may have been missed, and what failed waits longer than it need."""
        self._wanted.set()

    async def first(self) -> None:
        """Before anything is decided: a LoadTest without its pods looks like one that lost them."""
        while not await self.once():  # noqa: ASYNC110  nothing would set an event: the API server is away
            await asyncio.sleep(FIRST_RETRY_SECONDS)

    async def run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._wanted.wait()
            self._wanted.clear()
            await self.once()

    async def once(self) -> bool:
        try:
            for resource, selector in KINDS:
                await self._compare(resource, selector)
            for kind in OWN:  # oldest first: after a start, that is the order in which new ones get in line
                for item in sorted(self._objects.all(kind), key=_age):
                    self._queue.add(Key(item["metadata"]["namespace"], item["metadata"]["name"], kind))
            await self._sweep()
            await self._sweeper.sweep()
        except ApiError as error:
            log.warning("resync: %s", explain(error))
            return False
        except (ApiUnreachable, NotLeading) as error:
            log.warning("resync: %s", error)
            return False
        self.succeeded_at = asyncio.get_running_loop().time()
        return True

    async def _compare(self, resource: Resource, selector: str) -> None:
        before = {_identity(item): item for item in self._objects.all(resource.kind)}
        for namespace in self._namespaces or (None,):
            try:
                async for item in self._kube.list(resource, namespace, selector):
                    before.pop(_identity(item), None)
                    if key := self._objects.put(resource.kind, item):
                        self._queue.add(key)
            except ApiError as error:
                if error.status != FORBIDDEN or len(self._namespaces) < 2:
                    raise
                log.warning("resync: namespace %s is left out: %s", namespace, explain(error))
                before = {identity: item for identity, item in before.items() if identity[0] != namespace}
        for vanished in before.values():
            if key := self._objects.drop(resource.kind, vanished):
                log.info("found deleted by listing", extra={"kind": resource.kind, "object": str(key)})
                self._queue.add(key)

    async def _sweep(self) -> None:
        """What `--cascade=orphan`, or a deletion while nobody looked, left behind; only of this installation."""
        for job in list(self._objects.all("Job")):
            metadata = job["metadata"]
            labels = metadata.get("labels") or {}
            known = self._objects.test(Key(metadata["namespace"], labels.get(LABEL_TEST, "")))
            if labels.get(LABEL_INSTANCE) != self._instance:
                continue
            if known is not None and known["metadata"]["uid"] == labels.get(LABEL_TEST_UID):
                continue
            if orphans.left(job) and await self._orphaned(job):
                await orphans.take_down(self._kube, self._executor, job)


def _age(item: Object) -> str:
    return str(item["metadata"].get("creationTimestamp"))


def explain(error: ApiError) -> str:
    """What an installer has to do."""
    if error.status == 404:
        return "the CRDs are not installed: kubectl apply -f crds/"
    if error.status == 403:
        return f"{error.message}; apply the operator's RBAC (manifests/install.yaml), or set watch_namespaces"
    return str(error)


def _identity(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return metadata["namespace"], metadata["name"], metadata["uid"]
