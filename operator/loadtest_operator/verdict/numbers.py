"""The figures of a run, each endpoint's and the total's: requests, errors, throughput, latencies in judged windows."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from loadtest_operator.model.phases import Metric
from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.record import Endpoint, RunRecord

# A clock that reads 59.9999999 s has seen the whole minute.
_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Judged:
    """The windows that count: wholly after warm-up and wholly inside the run. `end` is the first one behind them."""

    first: int
    end: int
    window_s: float

    @property
    def seconds(self) -> float:
        return (self.end - self.first) * self.window_s

    def __contains__(self, w: int) -> bool:
        return self.first <= w < self.end

    def __bool__(self) -> bool:
        return self.end > self.first

    def between(self, since_s: float, until_s: float) -> "Judged":
        """The judged windows that lie wholly between two moments of the run: a stage, a slice."""
        part = _wholly_inside(since_s, until_s, self.window_s)
        return Judged(max(self.first, part.first), min(self.end, part.end), self.window_s)


@dataclass(frozen=True)
class Figures:
    """Counts and latencies of one endpoint, or of several together. Latencies are of successes, in seconds."""

    requests: int
    failures: int
    seconds: float
    """How long was measured, whether or not there were requests."""
    hist: Mapping[int, int]
    sum_s: float | None = None
    max_s: float | None = None

    @property
    def error_rate(self) -> float | None:
        return self.failures / self.requests if self.requests else None

    @property
    def rps(self) -> float | None:
        return self.requests / self.seconds if self.seconds else None

    @property
    def mean(self) -> float | None:
        successes = histogram.count(self.hist)
        if not successes or self.sum_s is None:
            return histogram.mean(self.hist)
        return self.sum_s / successes

    @property
    def max(self) -> float | None:
        return histogram.top(self.hist) if self.max_s is None or not self.hist else self.max_s

    @cached_property
    def quantiles(self) -> Mapping[Metric, float | None]:
        """Latencies by metric, p50 to p999; none of them beyond the exact maximum."""
        found = histogram.quantiles(self.hist, list(_QUANTILES.values()))
        limit = self.max or math.inf
        return {metric: None if at is None else min(at, limit) for metric, at in zip(_QUANTILES, found, strict=True)}

    def value(self, metric: Metric) -> float | None:
        """A metric in its base unit (seconds, fraction, per second). None: there is nothing to measure it on."""
        match metric:
            case Metric.ERROR_RATE:
                return self.error_rate
            case Metric.RPS:
                return self.rps
            case Metric.MEAN:
                return self.mean
            case Metric.MAX:
                return self.max
            case _:
                return self.quantiles.get(metric)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a run measured. An empty `judged` means that warm-up left nothing of it."""

    judged: Judged
    endpoints: Mapping[tuple[str, str], Figures]
    """By method and name; endpoints without a judged request are left out."""
    total: Figures


_QUANTILES = {metric: metric.quantile for metric in Metric if metric.quantile is not None}


def judged(record: RunRecord) -> Judged:
    return _wholly_inside(record.warmup_s, record.duration_s, record.window_s)


def summarise(record: RunRecord, windows: Judged | None = None) -> Numbers:
    """The figures over the judged windows, or over a part of them."""
    part = judged(record) if windows is None else windows
    found = {(one.method, one.name): _figures(one, part) for one in record.endpoints}
    found = {key: figures for key, figures in found.items() if figures.requests}
    return Numbers(part, found, pool(found.values(), part.seconds))


def pool(several: Iterable[Figures], seconds: float) -> Figures:
    """Several endpoints as one: as if their requests had gone to a single endpoint during the same time."""
    parts = list(several)
    filled = [one for one in parts if one.hist]
    return Figures(
        requests=sum(one.requests for one in parts),
        failures=sum(one.failures for one in parts),
        seconds=seconds,
        hist=histogram.merge(one.hist for one in parts),
        sum_s=_whole([one.sum_s for one in filled], math.fsum),
        max_s=_whole([one.max_s for one in filled], max),
    )


def _figures(endpoint: Endpoint, part: Judged) -> Figures:
    cells = [cell for cell in endpoint.cells if cell.w in part]
    filled = [cell for cell in cells if cell.hist]
    return Figures(
        requests=sum(cell.n for cell in cells),
        failures=sum(cell.errors for cell in cells),
        seconds=part.seconds,
        hist=histogram.merge_packed(cell.hist for cell in filled),
        sum_s=_whole([_seconds(cell.sum_us) for cell in filled], math.fsum),
        max_s=_whole([_seconds(cell.max_us) for cell in filled], max),
    )


def _wholly_inside(since_s: float, until_s: float, window_s: float) -> Judged:
    first = math.ceil((since_s - _TOLERANCE_S) / window_s)
    return Judged(first, max(first, math.floor((until_s + _TOLERANCE_S) / window_s)), window_s)


def _whole(values: Sequence[float | None], reduce: Callable[[Iterable[float]], float]) -> float | None:
    """A sum or maximum; None as soon as one part was not measured, because the rest alone would be too small."""
    known = [value for value in values if value is not None]
    return reduce(known) if known and len(known) == len(values) else None


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
