"""Everything of one history: virtual time, API server, controllers, nodes, store, processes of the operator."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from loadtest_operator.runtime.settings import Settings

from tests.faults.chance import Chance, Fault
from tests.faults.controllers import Collector, Deployments, Jobs, Namespaces
from tests.faults.kubelet import Kubelet
from tests.faults.locusts import Master, Worker
from tests.faults.loop import EPOCH, VirtualLoop
from tests.faults.model import Api, Change
from tests.faults.process import OWNER, Process
from tests.faults.results import Shelf
from tests.faults.watcher import Watcher

HOME = "shop"
RESYNC_SECONDS = 120.0


class World:
    def __init__(self, loop: VirtualLoop, seed: int, *, operators: int) -> None:
        self.loop = loop
        self.seed = seed
        self.chance = Chance(seed, loop.time)
        self.api = Api(self.stamp)
        self.watcher = Watcher(self)
        self.shelf = Shelf(self)
        self.agents: dict[str, Master] = {}
        self.masters: dict[str, Master] = {}
        self.kubelet = Kubelet(self)
        self.settings = Settings(
            namespace="operator",
            image="modelled",
            agent_access="direct",
            resync_seconds=RESYNC_SECONDS,
            lease_name="operator" if operators > 1 else "",
            environments=True,
        )
        self.paused: dict[int, float] = {}
        self.clock_steps: dict[int, float] = {}
        self.news: dict[str, list[asyncio.Event]] = {}
        self.processes: dict[int, Process] = {}
        self.starts = 0
        self.started: list[Process] = []
        self._stamp = (-1, "")
        self._date = (-1, "")
        self.ended = False
        self.writer: Process | None = None
        self.looks: list[float] = []
        workers = (Collector(self), Namespaces(self), Deployments(self), Jobs(self), self.kubelet)
        self.api.told = [self.watcher.hear, *(one.hear for one in workers), self._wake]
        for name in ("operator", HOME):
            self.api.create("namespaces", "", {"kind": "Namespace", "metadata": {"name": name}}, "admin")
        secret = {"metadata": {"name": "loadtest-operator-token-key"}, "data": {"key": "a2V5"}}
        self.api.create("secrets", "operator", {"apiVersion": "v1", "kind": "Secret", **secret}, "admin")
        loop.set_task_factory(_factory)
        for number in range(operators):
            self.processes[number] = Process(self, number)
        if operators > 1:
            self.chance.counts[Fault.STANDBY] += 1

    def now(self) -> float:
        return self.loop.now

    def wall(self, moment: float | None = None) -> float:
        return EPOCH + (self.loop.now if moment is None else moment)

    def stamp(self) -> str:
        """Of the servers, in whole seconds."""
        second = int(self.wall())
        if second != self._stamp[0]:
            self._stamp = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._stamp[1]

    def date(self) -> str:
        """As the API server puts it into the header of an answer."""
        second = int(self.wall())
        if second != self._date[0]:
            self._date = second, formatdate(second, usegmt=True)
        return self._date[1]

    def later(self, seconds: float, work: Callable[[], Any]) -> None:
        self.loop.call_later(seconds, work, context=_NOBODY)

    def restart(self, process: Process) -> None:
        """As the kubelet restarts a container; sooner or later."""
        if self.ended:
            return
        wait = self.chance.seconds(1, 15)
        self.chance.last = max(self.chance.last, self.now() + wait)
        self.later(wait, lambda: self._start(process.number))

    def _start(self, number: int) -> None:
        if not self.ended:
            self.processes[number] = Process(self, number)

    def load_changed(self, worker: Worker) -> None:
        self.watcher.load_changed(worker)

    def released(self, master: Master) -> None:
        self.watcher.released(master)

    def close(self) -> None:
        """Nothing of it may go on."""
        self.ended = True
        for process in self.processes.values():
            process.kill()

    def _wake(self, change: Change) -> None:
        for event in self.news.get(change.plural, ()):
            event.set()


_NOBODY = contextvars.Context()


def _factory(loop: Any, work: Any, **given: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    context = given.get("context")
    owner = OWNER.get() if context is None else context.get(OWNER)
    if owner is not None:
        owner.began(task)
    return task


class Complaints(logging.Handler):
    """What the operator says it did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.watcher: Watcher | None = None

    def emit(self, record: logging.LogRecord) -> None:
        owner = OWNER.get()
        if self.watcher is None or (owner is not None and owner.dead) or record.getMessage() == "lost the Lease":
            return
        error = record.exc_info[1] if record.exc_info else None
        self.watcher.wrong(f"the operator logged: {record.getMessage()}", error)

    def fault(self, context: dict[str, Any]) -> None:
        """What an event loop says of a task or callback that nobody looked after."""
        if self.watcher is not None:
            self.watcher.wrong(f"the event loop says: {context.get('message')}", context.get("exception"))
