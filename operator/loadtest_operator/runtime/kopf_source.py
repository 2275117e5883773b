"""Kopf as the transport: list and watch. Its handlers put an object into the store and a key into the queue."""

import asyncio
import logging
import types
from collections.abc import Callable
from typing import Any

import kopf
import pydantic_core
from kopf._cogs.clients import api as kopf_client

from loadtest_operator.build.names import CHILD_SELECTOR, GROUP
from loadtest_operator.io.credentials import Access
from loadtest_operator.runtime.objects import Key, Objects

log = logging.getLogger(__name__)


class Source:
    def __init__(
        self, access: Access, objects: Objects, enqueue: Callable[[Key], None], namespaces: tuple[str, ...]
    ) -> None:
        self._access = access
        self._objects = objects
        self._enqueue = enqueue
        self._namespaces = namespaces
        self._stop = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self, take_signals: Callable[[], None]) -> None:
        """Until `stop`; a login that fails for good ends the process, which is then restarted by whoever started it.

        Kopf takes SIGTERM for itself, and then waits 5 s for every task of this process, ours too: so we take it back.
        """
        share_strings()
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=settings(),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            ready_flag=self.ready,
            stop_flag=self._stop,
        )
        take_signals()
        await kopf.run_tasks(tasks, ignored=others)

    def stop(self) -> None:
        self._stop.set()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def login(**_: Any) -> kopf.AiohttpSession:
            # A session of its own: Kopf closes it when a token is refused, and then asks for another.
            return kopf.AiohttpSession(
                aiohttp_session=self._access.session(),
                server=self._access.server,
                default_namespace=self._access.namespace,
            )

        kopf.on.login(registry=registry)(login)
        kopf.on.event(GROUP, "v1alpha1", "loadtests", registry=registry)(self._handler("LoadTest"))
        kopf.on.event(GROUP, "v1alpha1", "loadtestschedules", registry=registry)(self._handler("LoadTestSchedule"))
        kopf.on.event("batch", "v1", "jobs", registry=registry)(self._handler("Job"))
        kopf.on.event("", "v1", "pods", registry=registry)(self._handler("Pod"))
        return registry

    def _handler(self, kind: str) -> Callable[..., Any]:
        async def handle(event: dict[str, Any], **_: Any) -> None:
            self.see(kind, event)

        handle.__name__ = f"see_{kind.lower()}"
        return handle

    def see(self, kind: str, event: dict[str, Any]) -> None:
        raw = dict(event["object"])
        key = self._objects.drop(kind, raw) if event.get("type") == "DELETED" else self._objects.put(kind, raw)
        if key is not None:
            self._enqueue(key)


def share_strings() -> None:
    """A thousand objects with the same keys and labels: this reader has each of these strings once, in every object.

    Kopf has no setting for what reads its watches; where it no longer uses this name, nothing is gained, and all works.
    """
    kopf_client.json = types.SimpleNamespace(loads=pydantic_core.from_json)  # type: ignore[attr-defined, assignment]


def settings() -> kopf.OperatorSettings:
    """Each of these was measured or read in Kopf's source: docs/decisions/0001-kopf-is-the-transport.md."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["batch", "v1", "jobs"] = CHILD_SELECTOR
    settings.watching.label_selectors["v1", "pods"] = CHILD_SELECTOR
    settings.watching.server_timeout = 270
    settings.watching.connect_timeout = 10
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.enforce_retry_after = True
    settings.networking.error_backoffs = (1, 1, 2, 3, *(5,) * 60)  # Kopf's own wait 21 s before the last, and end then
    settings.process.ultimate_exiting_timeout = None  # it kills this process; stopping is ours
    settings.persistence.finalizer = f"{GROUP}/finalizer"  # never written; should it be, then not under Kopf's name
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.diffbase_storage = NoDiffBase()
    return settings


class NoDiffBase(kopf.DiffBaseStorage):
    """Our handlers ask for no differences; Kopf copies each object three times to find them, half of its cost."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class NoProgress(kopf.ProgressStorage):
    """Our handlers have no state, so nothing is ever written onto an object."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence
