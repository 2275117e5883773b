"""All that goes wrong in a history, drawn from one seed; and until when something was wrong."""

import random
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.process import Process


class Fault(StrEnum):
    CONFLICT = "409 conflict"
    EXPIRED = "410 expired page"
    BUSY = "429 too many requests"
    ERROR = "500 internal error"
    UNAVAILABLE = "503 unavailable"
    TIMEOUT_BEFORE = "time-out before the write"
    TIMEOUT_AFTER = "time-out after the write"
    CUT_BEFORE = "connection cut before the write"
    CUT_AFTER = "connection cut after the write"
    LATE = "call delayed by seconds"
    STRAY = "connection cut, and the write comes seconds later"
    CRASH_BEFORE = "crash before a call"
    CRASH_AFTER = "crash after a call"
    CRASH = "crash at any time"
    AWAY = "API server away"
    WATCH_DUPLICATE = "watch: events twice"
    WATCH_DELAY = "watch: events late"
    WATCH_EXPIRED = "watch: 410 and a new list"
    WATCH_LOST = "watch: event lost"
    PAUSE = "process paused"
    STANDBY = "second operator"
    CLOCK = "clock of an operator steps"
    MASTER_DIES = "master dies"
    WORKER_DIES = "worker dies"
    POD_DELETED = "pod deleted by somebody"
    NODE_DIES = "node dies"
    NODE_CUT = "node cut off from the API server"
    STORE_AWAY = "store away"
    STORE_FULL = "store full"
    AGENT_CUT = "agent unreachable"
    ANSWER_LOST = "agent's answer lost"
    EDITED = "object touched by somebody"


_READS = (Fault.BUSY, Fault.ERROR, Fault.UNAVAILABLE, Fault.TIMEOUT_BEFORE, Fault.CUT_BEFORE, Fault.LATE)
_LISTS = (*_READS, Fault.EXPIRED)
_WRITES = (
    *_READS,
    Fault.TIMEOUT_AFTER,
    Fault.CUT_AFTER,
    Fault.STRAY,
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.CRASH_AFTER,
)
_OPTIMISTIC = (*_WRITES, Fault.CONFLICT, Fault.CONFLICT)
STRAY_SECONDS = 15.0
_LONG = {Fault.STRAY: STRAY_SECONDS, Fault.TIMEOUT_BEFORE: 30.0, Fault.TIMEOUT_AFTER: 30.0, Fault.LATE: 30.0}
_WATCH = (Fault.WATCH_DUPLICATE, Fault.WATCH_DELAY, Fault.WATCH_DELAY, Fault.WATCH_EXPIRED, Fault.WATCH_LOST)


class Chance:
    """`until`: from then on nothing new goes wrong."""

    def __init__(self, seed: int, now: Callable[[], float]) -> None:
        self.random = random.Random(seed)
        self._now = now
        self.counts: Counter[Fault] = Counter()
        self.until = 0.0
        self.call_rate = 0.0
        self.watch_rate = 0.0
        self.away: list[tuple[float, float, int]] = []  # from, until, process number or -1
        self.agents_cut: list[tuple[float, float, int]] = []
        self.last = 0.0  # when the last thing that was wrong was right again

    def maybe(self, share: float) -> bool:
        return self.random.random() < share

    def seconds(self, least: float, most: float) -> float:
        return self.random.uniform(least, most)

    def latency(self) -> float:
        return 0.001 + 0.02 * self.random.random() ** 4

    @property
    def on(self) -> bool:
        return self._now() < self.until

    def happens(self, fault: Fault, lasting: float = 0.0) -> None:
        self.counts[fault] += 1
        self.last = max(self.last, self._now() + lasting)

    def of_call(self, process: "Process", method: str) -> Fault | None:
        now = self._now()
        for begin, end, number in self.away:
            if begin <= now < end and number in {-1, process.number}:
                self.happens(Fault.AWAY, end - now)
                return self.random.choice((Fault.CUT_BEFORE, Fault.UNAVAILABLE, Fault.ERROR))
        if not self.on or not self.maybe(self.call_rate):
            return None
        fault = self.random.choice(self._possible(method))
        self.happens(fault, _LONG.get(fault, 0.0))
        return fault

    def away_for(self, process: "Process") -> float:
        """How long the API server stays away."""
        now = self._now()
        ends = [end for begin, end, number in self.away if begin <= now < end and number in {-1, process.number}]
        return max(ends, default=now) - now

    @staticmethod
    def _possible(method: str) -> tuple[Fault, ...]:
        return {"GET": _LISTS, "POST": _WRITES, "DELETE": _WRITES}.get(method, _OPTIMISTIC)

    def of_watch(self) -> Fault | None:
        if not self.on or not self.maybe(self.watch_rate):
            return None
        return self.random.choice(_WATCH)

    def agent_cut(self, process: "Process", address: str) -> bool:
        now = self._now()
        for begin, end, number in self.agents_cut:
            if begin <= now < end and number in {-1, process.number}:
                self.happens(Fault.AGENT_CUT, end - now)
                return True
        return False

    def lose_agent_answer(self) -> bool:
        if self.on and self.maybe(self.call_rate / 2):
            self.happens(Fault.ANSWER_LOST)
            return True
        return False
