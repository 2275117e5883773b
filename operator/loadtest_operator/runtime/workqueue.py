"""The work queue: each key at most once, one worker per key, backoff for what failed, a date for what is due later."""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.2
LAST_BACKOFF_SECONDS = 60.0

Clock = Callable[[], float]


Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """Level-triggered: a key says 'look again', never what happened."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._ready: dict[Key, float] = {}  # in order of arrival, with the time since when
        self._running: dict[Key, float] = {}
        self._again: set[Key] = set()  # asked for while running
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0
        self._failures: dict[Key, int] = {}
        self._wake = asyncio.Event()

    def add(self, key: Key) -> None:
        if key in self._running:
            self._again.add(key)
        else:
            self._ready.setdefault(key, self._clock())
            self._wake.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """The earliest date wins; an earlier `add` makes a later date superfluous but harmless."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock() + seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, key))
            self._wake.set()

    def fail(self, key: Key) -> float:
        """Look again after a wait that doubles with each failure in a row."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait: float = min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, 20), LAST_BACKOFF_SECONDS)
        self.add_after(key, wait)
        return wait

    def succeed(self, key: Key) -> None:
        self._failures.pop(key, None)

    def forget(self, key: Key) -> None:
        """The key's object is gone: no dates, no memory of failures."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    def __len__(self) -> int:
        return len(self._ready)

    def oldest_seconds(self) -> float:
        """How long the longest waiting or working key has done so."""
        now = self._clock()
        waits: list[float] = [now - since for since in (*self._ready.values(), *self._running.values())]
        return max(waits, default=0.0)

    async def run(self, work: Callable[[Key], Awaitable[None]], workers: int) -> None:
        """Until cancelled; then what is being worked on is cancelled too."""
        async with asyncio.TaskGroup() as group:
            free = asyncio.Semaphore(workers)
            while True:
                await free.acquire()
                key = await self._next()
                group.create_task(self._work(key, work, free))

    async def _next(self) -> Key:
        loop = asyncio.get_running_loop()
        while True:
            now = self._clock()
            while self._heap and self._heap[0][0] <= now:
                due, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
            if self._ready:
                key = next(iter(self._ready))
                del self._ready[key]
                self._running[key] = now
                return key
            self._wake.clear()
            alarm = loop.call_later(self._heap[0][0] - now, self._wake.set) if self._heap else None
            try:
                await self._wake.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()

    async def _work(self, key: Key, work: Callable[[Key], Awaitable[None]], free: asyncio.Semaphore) -> None:
        try:
            await work(key)
        finally:
            del self._running[key]
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            free.release()
