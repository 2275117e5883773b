"""An operator in one of Kopf's handler styles that counts what it has seen; tests/bench/kopf_styles.py starts it."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kopf
from loadtest_operator.io import credentials
from loadtest_operator.runtime import kopf_source

GROUP, VERSION, PLURAL = "bench.loadtest.dev", "v1", "things"

Seen = Callable[[Any], None]
Handlers = Callable[[kopf.OperatorRegistry, Seen], None]


def events(registry: kopf.OperatorRegistry, seen: Seen) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    store: dict[str, Any] = {}

    async def handle(event: Any, **_: Any) -> None:
        raw = event["object"]
        store[raw["metadata"]["name"]] = raw
        queue.put_nowait(raw["metadata"]["name"])
        seen(raw["metadata"]["name"])

    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(handle)


def changes(registry: kopf.OperatorRegistry, seen: Seen) -> None:
    async def handle(name: str, **_: Any) -> None:
        seen(name)

    for decorator in (kopf.on.create, kopf.on.update, kopf.on.resume):
        decorator(GROUP, VERSION, PLURAL, registry=registry)(handle)


def daemons(registry: kopf.OperatorRegistry, seen: Seen) -> None:
    async def handle(name: str, stopped: Any, **_: Any) -> None:
        seen(name)
        await stopped.wait()

    kopf.daemon(GROUP, VERSION, PLURAL, registry=registry)(handle)


def timers(registry: kopf.OperatorRegistry, seen: Seen) -> None:
    async def handle(name: str, **_: Any) -> None:
        seen(name)

    kopf.timer(GROUP, VERSION, PLURAL, interval=30, registry=registry)(handle)


def index(registry: kopf.OperatorRegistry, seen: Seen) -> None:
    async def handle(name: str, namespace: str, **_: Any) -> Any:
        return {(namespace, name): name}

    kopf.index(GROUP, VERSION, PLURAL, registry=registry)(handle)
    events(registry, seen)


# Words for the table, and whether Kopf is told to keep no state (as this operator does).
STYLES: dict[str, tuple[str, tuple[Handlers, bool]]] = {
    "event": ("on.event and a queue, as this operator", (events, True)),
    "event-stock": ("on.event and a queue, Kopf's storages", (events, False)),
    "changes": ("on.create, on.update, on.resume", (changes, False)),
    "daemon": ("daemon", (daemons, False)),
    "timer": ("timer", (timers, False)),
    "index": ("on.event and index", (index, False)),
}


async def work(style: str, namespace: str, kubeconfig: str, objects: int, out: Path) -> None:
    access = credentials.find(kubeconfig)
    begun, spent = time.monotonic(), time.process_time()
    names, done = set[str](), asyncio.Event()

    def seen(name: Any) -> None:
        names.add(str(name))
        if len(names) >= objects and not done.is_set():
            done.set()
            out.write_text(json.dumps({"handled": time.monotonic() - begun, "imports": spent}))

    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(aiohttp_session=access.session(), server=access.server, default_namespace=namespace)

    kopf.on.login(registry=registry)(login)
    handlers, stateless = STYLES[style][1]
    handlers(registry, seen)
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    if stateless:
        settings.persistence.progress_storage = kopf_source.NoProgress()
        settings.persistence.diffbase_storage = kopf_source.NoDiffBase()
    await kopf.operator(registry=registry, settings=settings, namespaces=[namespace])


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    chosen, where, config, count, target = sys.argv[1:]
    asyncio.run(work(chosen, where, config, int(count), Path(target)))
