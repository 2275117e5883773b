"""A run over time, as a chart needs it: at most so many points, whatever the number of windows and endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.record import Cell, RunRecord, RunWindow

MAX_POINTS = 360
# A window that was cut off by the end of the load says little about a rate when less than this share of it was left.
_WORTH_SHOWING = 0.5


@dataclass(frozen=True)
class Point:
    """Some windows one after the other. None: not measured."""

    since_s: float
    until_s: float
    requests: int
    failures: int
    hist: Mapping[int, int]
    users: int | None = None
    workers: int | None = None
    cpu: float | None = None

    @property
    def rate(self) -> float:
        return self.requests / (self.until_s - self.since_s)

    @property
    def failure_rate(self) -> float:
        return self.failures / (self.until_s - self.since_s)

    @cached_property
    def latencies(self) -> tuple[float | None, float | None]:
        """p50 and p95 in seconds."""
        p50, p95 = histogram.quantiles(self.hist, (0.50, 0.95))
        return p50, p95


def points(record: RunRecord) -> list[Point]:
    """In order, without a gap in time: where nothing was pulled there are no requests, and nobody is known of."""
    cells: dict[int, list[Cell]] = defaultdict(list)
    for endpoint in record.endpoints:
        for cell in endpoint.cells:
            cells[cell.w].append(cell)
    about = {window.w: window for window in record.run_windows}
    end = _windows(record, [*cells, *about])
    together = -(-end // MAX_POINTS) or 1
    return [_point(record, range(first, min(first + together, end)), cells, about) for first in range(0, end, together)]


def _windows(record: RunRecord, seen: Iterable[int]) -> int:
    """How many to show: until the end of the load, and not beyond what was seen."""
    last = max(seen, default=-1) + 1
    whole = int(record.duration_s / record.window_s + (1 - _WORTH_SHOWING))
    return min(last, max(whole, 1))


def _point(
    record: RunRecord, windows: Sequence[int], cells: Mapping[int, Sequence[Cell]], about: Mapping[int, RunWindow]
) -> Point:
    since, until = windows[0] * record.window_s, (windows[-1] + 1) * record.window_s
    own = [cell for w in windows for cell in cells.get(w, ())]
    told = [about[w] for w in windows if w in about]
    return Point(
        since_s=since,
        until_s=max(min(until, record.duration_s), since + record.window_s * _WORTH_SHOWING),
        requests=sum(cell.n for cell in own),
        failures=sum(cell.errors for cell in own),
        hist=histogram.merge_packed(cell.hist for cell in own),
        users=max((one.users for one in told if one.users is not None), default=None),
        workers=min((one.workers for one in told if one.workers is not None), default=None),
        cpu=max((one.cpu for one in told if one.cpu is not None), default=None),
    )
