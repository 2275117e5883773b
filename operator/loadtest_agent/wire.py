"""What one worker measured in one window, and its form on the way to the master; no clock, no I/O."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from loadtest_agent import histogram

if TYPE_CHECKING:
    from loadtest_agent.histogram import Histogram

Endpoint = tuple[str, str]  # method, name
# What is later than the most is as good as without a pacing; what is less late than the least is in time.
_MOST_TURNS, _IN_TIME = 1e6, 1e-3
_LN_GROWTH = math.log(1.1)


class Cell:
    """Requests of one endpoint in one window; `total_us` and `peak_us` are over successes."""

    __slots__ = ("errors", "fail_hist", "hist", "n", "peak_us", "total_us")

    def __init__(self) -> None:
        self.n = 0
        self.errors = 0
        self.hist: Histogram = {}
        self.fail_hist: Histogram = {}
        self.total_us = 0.0
        self.peak_us = 0.0

    def add(self, other: Cell) -> None:
        self.n += other.n
        self.errors += other.errors
        histogram.add(self.hist, other.hist)
        histogram.add(self.fail_hist, other.fail_hist)
        self.total_us += other.total_us
        self.peak_us = max(self.peak_us, other.peak_us)

    def subtract(self, other: Cell) -> None:
        """Take back an earlier version of a window; the peak stays, it cannot be taken back."""
        self.n -= other.n
        self.errors -= other.errors
        histogram.subtract(self.hist, other.hist)
        histogram.subtract(self.fail_hist, other.fail_hist)
        self.total_us -= other.total_us


@dataclass(frozen=True)
class Health:
    """How the load generator itself was doing."""

    users: int = 0
    cpu: float = 0.0
    lag: float = 0.0
    throttled: float | None = None  # where there is nobody who would throttle


class Pacing:
    """Iterations of users that have a pacing. Lateness is told in turns: 1 is as late as two of them are apart."""

    __slots__ = ("late", "missed", "n")

    def __init__(self) -> None:
        self.n = 0
        self.missed = 0.0
        self.late: Histogram = {}  # those that were late, by floor(ln(1000 turns) / ln 1.1)

    def count(self, turns: float) -> None:
        self.n += 1
        if turns >= _IN_TIME:
            turns = min(turns, _MOST_TURNS)
            self.missed += turns
            bucket = int(math.log(turns / _IN_TIME) / _LN_GROWTH)
            self.late[bucket] = self.late.get(bucket, 0) + 1

    def add(self, other: Pacing) -> None:
        self.n += other.n
        self.missed += other.missed
        histogram.add(self.late, other.late)

    def to_json(self) -> dict[str, object]:
        """As drivers read it."""
        return {"n": self.n, "missed": round(self.missed, 3), "late": dict(sorted(self.late.items()))}


@dataclass
class Window:
    """One worker's window; `covered` is below the window's length while the window is still open."""

    covered: float
    health: Health = Health()
    cells: dict[Endpoint, Cell] = field(default_factory=dict)
    pacing: Pacing | None = None  # of a script without any


def encode(window: Window) -> bytes:
    # Compressed once by the worker: the same bytes are sent three times, and the master keeps them as they are.
    health = window.health
    document: dict[str, object] = {
        "s": round(window.covered, 3),
        "u": health.users,
        "c": round(health.cpu, 3),
        "l": round(health.lag, 4),
        "t": None if health.throttled is None else round(health.throttled, 3),
        "e": [
            [method, name, cell.n, cell.errors, cell.hist, cell.fail_hist, round(cell.total_us), round(cell.peak_us)]
            for (method, name), cell in window.cells.items()
        ],
    }
    if window.pacing is not None:
        pacing = window.pacing
        document["p"] = [pacing.n, pacing.missed, pacing.late]
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def decode(blob: bytes) -> Window:
    document = json.loads(zlib.decompress(blob))
    window = Window(document["s"], Health(document["u"], document["c"], document["l"], document["t"]))
    for method, name, n, errors, hist, fail_hist, total_us, peak_us in document["e"]:
        cell = window.cells.setdefault((method, name), Cell())
        cell.n, cell.errors, cell.total_us, cell.peak_us = n, errors, total_us, peak_us
        cell.hist = {int(index): count for index, count in hist.items()}
        cell.fail_hist = {int(index): count for index, count in fail_hist.items()}
    if "p" in document:
        pacing = window.pacing = Pacing()
        pacing.n, pacing.missed, late = document["p"]
        pacing.late = {int(index): count for index, count in late.items()}
    return window


@dataclass
class Failure:
    """How often an endpoint failed in one way, and when on the clock of whoever holds it."""

    n: int
    first: float
    last: float
    sample: str


FailureKey = tuple[str, str, str]  # method, name, kind


def encode_failures(failures: dict[FailureKey, Failure], limit: int, shift: float) -> bytes:
    """`shift` leads from the worker's clock to the master's."""
    busiest = sorted(failures.items(), key=lambda item: -item[1].n)[:limit]
    document = [
        [*key, one.n, round(one.first + shift, 3), round(one.last + shift, 3), one.sample] for key, one in busiest
    ]
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def decode_failures(blob: bytes) -> dict[FailureKey, Failure]:
    document = cast("list[tuple[str, str, str, int, float, float, str]]", json.loads(zlib.decompress(blob)))
    return {
        (method, name, kind): Failure(n, first, last, sample) for method, name, kind, n, first, last, sample in document
    }
