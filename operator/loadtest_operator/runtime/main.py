"""The operator's process: puts the parts together, holds the Lease, and stops in under five seconds."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import aiohttp

from loadtest_operator.io import credentials
from loadtest_operator.io.credentials import Access, CredentialsError
from loadtest_operator.io.kube import ApiError, ApiUnreachable, Kube
from loadtest_operator.runtime import clock, logs
from loadtest_operator.runtime import settings as settings_module
from loadtest_operator.runtime.assembly import Parts
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.health import Health
from loadtest_operator.runtime.kopf_source import Source
from loadtest_operator.runtime.lease import Lease
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.resync import FIRST_RETRY_SECONDS, explain
from loadtest_operator.runtime.settings import Settings, SettingsError
from loadtest_operator.runtime.tokenkey import Tokens
from loadtest_operator.runtime.web import Web, measure_lag
from loadtest_operator.store import SqliteStore, StoreRefused, StoreUnavailable

log = logging.getLogger(__name__)


class StartError(Exception):
    """The operator cannot start; the message says what to do."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtest-operator", description=__doc__)
    parser.add_argument("--settings", type=Path, help="YAML file with settings; docs/settings.md lists them")
    parser.add_argument("--kubeconfig", help="run outside the cluster with this kubeconfig")
    arguments = parser.parse_args()
    try:
        settings = settings_module.load(arguments.settings)
        logs.configure(settings.log_format, settings.log_level)
        access = credentials.find(arguments.kubeconfig)
        asyncio.run(serve(settings, access))
    except (SettingsError, CredentialsError, StartError) as error:
        print(f"loadtest-operator: {error}", file=sys.stderr)  # noqa: T201  before logging may be there
        sys.exit(2)


async def serve(settings: Settings, access: Access) -> None:
    stop = asyncio.Event()
    _take_signals(stop)
    async with contextlib.AsyncExitStack() as closing:
        time = clock.ClusterClock()
        kube = Kube(access, time.hear)
        closing.push_async_callback(kube.close)
        agents = await closing.enter_async_context(aiohttp.ClientSession())
        store = SqliteStore(settings.store)
        closing.callback(store.close)
        await _look_at(store)
        operator = Operator(settings, kube, Results(store, agents), time)
        gc.freeze()  # what was imported stays, so the collector need not walk it again and again
        await operator.run(stop)


async def _look_at(store: SqliteStore) -> None:
    """A store that is away stops no run: results wait in the masters, and the store is used as soon as it is back."""
    try:
        await asyncio.to_thread(store.open)
    except StoreRefused as error:
        raise StartError(str(error)) from error
    except StoreUnavailable as error:
        log.warning("store unavailable: runs go on, their results wait", extra={"error": str(error)})


KOPF = "kopf"  # the one task that is asked to end, not cancelled


class Operator:
    """All parts of one process."""

    def __init__(
        self, settings: Settings, kube: Kube, results: Results, clock: Clock = clock.now, identity: str = ""
    ) -> None:
        """Clock and identity are given by those who run several in one process."""
        self.settings = settings
        self._kube = kube
        self._home = settings.namespace or kube.access.namespace
        self._tokens = Tokens()
        parts = Parts(settings, kube, results, self._tokens, clock, self._leading)
        self.metrics, self.queue, self.objects, self.turns = parts.metrics, parts.queue, parts.objects, parts.turns
        self.environments, self.reconcile, self.resync = parts.environments, parts.reconcile, parts.resync
        self.source = Source(kube.access, self.objects, self.queue.add, settings.watch_namespaces)
        self.lease = Lease(
            kube,
            self._home,
            settings.lease_name,
            identity or _identity(),
            settings.lease_seconds,
            clock,
            self.resync.soon,
        )
        self.health = Health(self.queue, self.resync, self.source, settings.resync_seconds)
        self.web = Web(self.metrics, self.health.healthy, self.health.ready)
        self.metrics.queue_depth.set_function(lambda: len(self.queue))
        self.metrics.queued.set_function(lambda: len(self.turns))
        self.metrics.tests.set_function(self.objects.count)
        self.metrics.leading.set_function(lambda: float(self._leading()))

    def _leading(self) -> bool:
        return not self.settings.lease_name or self.lease.trusted

    async def run(self, stop: asyncio.Event) -> None:
        await self.web.start(self.settings.listen_host, self.settings.listen_port)
        try:
            if await _unless(stop, self._acquired()):
                await self._lead(stop)
        finally:
            if self.settings.lease_name:
                await self.lease.release()
            await self.environments.close()
            await self.web.stop()

    async def _acquired(self) -> None:
        await self._unlocked()
        if self.settings.lease_name:
            await self.lease.acquire()

    async def _unlocked(self) -> None:
        """Waits for an API server that is away, as while a cluster starts; what waiting does not mend is told."""
        said = ""
        while True:
            try:
                return await self._tokens.unlock(self._kube, self._home, self.settings.instance)
            except ApiError as error:
                if not error.retryable:
                    raise StartError(f"namespace {self._home}: {explain(error)}") from error
                problem = f"the API server at {self._kube.access.server} answers {error}"
            except ApiUnreachable as error:
                problem = f"the API server at {self._kube.access.server} does not answer: {error}"
            if problem != said:
                log.warning("waiting: %s", problem)
                said = problem
            await asyncio.sleep(FIRST_RETRY_SECONDS)

    def works(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What goes on at the same time while this process leads, once it knows what there is."""
        return {
            "queue": self.queue.run(self.reconcile, self.settings.workers),
            "turns": self.turns.run(),
            "resync": self.resync.run(),
            "lag": measure_lag(self.metrics, self.health.beat),
        }

    async def _lead(self, stop: asyncio.Event) -> None:
        """The Lease is kept from its first second on: to list everything may take longer than it lasts."""
        always = {"stop": _wait(stop), **({"lease": self.lease.keep()} if self.settings.lease_name else {})}
        tasks = [asyncio.create_task(work, name=name) for name, work in always.items()]
        first = asyncio.create_task(self.resync.first(), name="first look")
        try:
            done, _ = await asyncio.wait([first, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if done == {first}:
                tasks += [asyncio.create_task(work, name=name) for name, work in self.works().items()]
                tasks.append(asyncio.create_task(self.source.run(lambda: _take_signals(stop)), name=KOPF))
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end([first, *tasks])
        log.info("stopping", extra={"because": ", ".join(task.get_name() for task in done)})
        for task in done:
            task.result()  # what ended by itself may have ended badly
        if not stop.is_set():
            raise StartError("the Lease was lost, or watching ended: start it again")

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """Kopf is asked to stop, and does; everything else is cancelled."""
        self.source.stop()
        for task in tasks:
            if task.get_name() != KOPF:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work was done before we were asked to stop."""
    doing = asyncio.create_task(work)
    stopping = asyncio.create_task(_wait(stop))
    done, pending = await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if doing in done:
        doing.result()
    return doing in done


def _identity() -> str:
    """The pod's name and something that a restarted container does not share with its predecessor."""
    return f"{os.environ.get('HOSTNAME') or socket.gethostname()}-{uuid.uuid4().hex[:8]}"


if __name__ == "__main__":
    main()
