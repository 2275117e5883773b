"""One process of the operator in a world: the real parts, on a played network; it can be paused, killed, started."""

import asyncio
import contextvars
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadtest_operator.io.kube import Kube
from loadtest_operator.runtime.clock import ClusterClock
from loadtest_operator.runtime.kopf_source import Source
from loadtest_operator.runtime.main import Operator, StartError
from loadtest_operator.runtime.objects import Key
from loadtest_operator.runtime.results import Results

from tests.faults.chance import Fault
from tests.faults.model import Change, Refusal
from tests.faults.results import PlayedStore
from tests.faults.web import PlayedAccess, Session

if TYPE_CHECKING:
    from tests.faults.world import World

OWNER: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("OWNER", default=None)
LABEL, OURS = "app.kubernetes.io/managed-by", "loadtest-operator"
FEW_TASKS = 50  # of one process; only when there are twice as many, those that ended are looked for
FEEDS = (
    ("LoadTest", "loadtests", False),
    ("LoadTestSchedule", "loadtestschedules", False),
    ("Job", "jobs", True),
    ("Pod", "pods", True),
)


class PlayedOperator(Operator):
    """Without the loop's lag, which is none on virtual time."""

    def works(self) -> dict[str, Coroutine[Any, Any, None]]:
        works = super().works()
        works.pop("lag").close()
        return works


class NoWeb:
    async def start(self, host: str, port: int) -> None:
        pass

    async def stop(self) -> None:
        pass


class Process:
    """`number` stays over restarts of its container; an instance of this class is one start."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.number = number
        self.start_number = world.starts
        world.starts += 1
        world.started.append(self)
        self.dead = False
        self.tasks: list[asyncio.Task[Any]] = []
        self._busy = FEW_TASKS
        context = contextvars.Context()
        context.run(OWNER.set, self)
        self.main = world.loop.create_task(self._run(), context=context)

    def wall(self) -> datetime:
        """Of its machine; somebody may set it."""
        return datetime.fromtimestamp(self.world.wall() + self.world.clock_steps.get(self.number, 0.0), UTC)

    def began(self, task: asyncio.Task[Any]) -> None:
        if len(self.tasks) >= 2 * self._busy:
            self.tasks = [one for one in self.tasks if not one.done()]
            self._busy = max(FEW_TASKS, len(self.tasks))
        self.tasks.append(task)
        if self.dead:
            task.cancel()

    @property
    def held(self) -> bool:
        """Dead or paused: what it does next has to await `alive`."""
        return self.dead or (bool(self.world.paused) and self.world.paused.get(self.number, 0.0) > self.world.now())

    async def alive(self) -> None:
        """Returns when this process may go on; never for one that is dead."""
        while True:
            if self.dead:
                raise asyncio.CancelledError
            wait = self.world.paused.get(self.number, 0.0) - self.world.now()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    async def crash(self) -> None:
        """Everything that is not written anywhere is gone."""
        self.kill()
        raise asyncio.CancelledError

    def kill(self) -> None:
        if not self.dead:
            self.dead = True
            for task in self.tasks:
                task.cancel()
            self.world.restart(self)

    async def _run(self) -> None:
        clock = ClusterClock(self.wall, self.world.now)
        kube = Kube(PlayedAccess(self), clock.hear)
        results = Results(PlayedStore(self, self.world.shelf), Session(self))  # type: ignore[arg-type]
        name = f"operator-{self.number}-{self.start_number}"
        try:
            operator = PlayedOperator(self.world.settings, kube, results, clock, name)
            operator.web = NoWeb()  # type: ignore[assignment]
            operator.source = PlayedSource(self, kube.access, operator)
            operator.reconcile = Timed(operator.reconcile, self.world.looks)  # type: ignore[assignment]
            await operator.run(asyncio.Event())
        except StartError:
            pass
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is told
            self.world.watcher.wrong("the operator's process ended with an unexpected error", error)
        finally:
            self.kill()  # however it ended, the kubelet starts it again


class Timed:
    """The real CPU time of each look."""

    def __init__(self, look: Callable[[Key], Coroutine[Any, Any, None]], seconds: list[float]) -> None:
        self._look = look
        self._seconds = seconds
        self.orphaned = look.orphaned  # type: ignore[attr-defined]

    def __call__(self, key: Key) -> Awaitable[None]:
        return _Timing(self._look(key), self._seconds)


class _Timing:
    def __init__(self, look: Coroutine[Any, Any, None], seconds: list[float]) -> None:
        self._look = look
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, None]:
        spent, steps = 0.0, self._look.__await__()
        go_on: Callable[[], Any] = functools.partial(next, steps)
        try:
            while True:
                begun = time.perf_counter()
                try:
                    waited_for = go_on()
                except StopIteration:
                    return
                finally:
                    spent += time.perf_counter() - begun
                try:
                    yield waited_for
                except BaseException as error:  # noqa: BLE001  passed on
                    go_on = functools.partial(steps.throw, error)  # type: ignore[attr-defined]
                else:
                    go_on = functools.partial(next, steps)
        finally:
            self._seconds.append(spent)


class PlayedSource(Source):
    """Watches the model as Kopf does: a list, then changes; after a 410 another list, without what vanished."""

    def __init__(self, process: Process, access: Any, operator: Operator) -> None:
        super().__init__(access, operator.objects, operator.queue.add, ())
        self._process = process

    async def run(self, take_signals: Callable[[], None]) -> None:
        tasks = [asyncio.create_task(self._follow(*feed)) for feed in FEEDS]
        self.ready.set()
        try:
            await self._stop.wait()
        finally:
            for task in tasks:
                task.cancel()

    async def _follow(self, kind: str, plural: str, ours: bool) -> None:
        world, chance, process = self._process.world, self._process.world.chance, self._process
        news = asyncio.Event()
        world.news.setdefault(plural, []).append(news)
        version = None
        while True:
            await process.alive()
            if wait := chance.away_for(process):
                await asyncio.sleep(wait + chance.seconds(0, 1))
                if chance.maybe(0.5):
                    version = None
                continue
            if version is None:
                version = world.api.version
                for item in list(world.api.select(plural, "", f"{LABEL}={OURS}" if ours else "")):
                    self.see(kind, {"type": None, "object": item})
            try:
                changes = [one for one in world.api.since(plural, version) if not ours or _is_ours(one)]
            except Refusal:  # it was away for too long
                version = None
                continue
            if not changes:
                news.clear()
                await news.wait()
                await asyncio.sleep(chance.latency())
                continue
            version = await self._deliver(kind, plural, changes)

    async def _deliver(self, kind: str, plural: str, changes: list[Change]) -> int | None:
        world, chance = self._process.world, self._process.world.chance
        fault, version = chance.of_watch(), changes[-1].version
        match fault:
            case Fault.WATCH_DELAY:
                wait = chance.seconds(0.5, 20)
                chance.happens(fault, wait)
                await asyncio.sleep(wait)
                await self._process.alive()
            case Fault.WATCH_EXPIRED:
                wait = chance.seconds(0, 15)
                chance.happens(fault, max(wait, world.settings.resync_seconds))  # a deletion is found by the resync
                await asyncio.sleep(wait)
                return None
            case Fault.WATCH_LOST:
                chance.happens(fault, world.settings.resync_seconds)
                changes = changes[:-1]
            case Fault.WATCH_DUPLICATE:
                chance.happens(fault)
                before = [one for one in world.api.log[plural][-6:] if one.version <= version]
                changes = [*changes, *before]
        for change in changes:
            if kind in {"LoadTest", "LoadTestSchedule"} or _is_ours(change):
                self.see(kind, {"type": change.type, "object": change.object})
        return version


def _is_ours(change: Change) -> bool:
    return (change.object["metadata"].get("labels") or {}).get(LABEL) == OURS
