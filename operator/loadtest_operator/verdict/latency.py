"""The tests of latencies: each endpoint's p50 and p95 beside its own past, and beside the other endpoints."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest_operator.model.phases import ComparisonResult, Metric
from loadtest_operator.verdict import moderated, multiple, student
from loadtest_operator.verdict.comparison import Change, Needs
from loadtest_operator.verdict.fingerprint import Fingerprint, Traits
from loadtest_operator.verdict.moderated import Point, Shift
from loadtest_operator.verdict.windows import EndpointKey

TAU = 0.03
TAU_RESIDUAL = 0.02
GATING = (Metric.P50, Metric.P95)
SHOWN = (*GATING, Metric.P99)
# Below this a difference from the other endpoints is not a matter of its own.
MIN_RESIDUAL = math.log(1.05)
MIN_ENDPOINTS = 4
CONFIDENCE = 0.95
_MOST_MORE_RUNS = 9
_MOST_BASELINE_RUNS = 20
# Runs more than four times as long are another test, not a patient one.
_MOST_LONGER = 4.0

Offsets = Mapping[EndpointKey, tuple[Sequence[float], Sequence[float]]]
"""What the other endpoints share, in each new run and in each baseline run."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One metric of one endpoint: on its own, and beside what the other endpoints did in the same runs."""

    metric: Metric
    raw: Shift
    residual: Shift | None
    tolerance: float

    @property
    def p_values(self) -> tuple[float, float]:
        """For slower and for faster. The second path only counts where both see a change worth the name."""
        up, down = self.raw.p_values
        if self.residual and min(self.raw.d, self.residual.d) >= MIN_RESIDUAL:
            up = min(up, self.residual.p_values[0])
        if self.residual and max(self.raw.d, self.residual.d) <= -MIN_RESIDUAL:
            down = min(down, self.residual.p_values[1])
        # Two ways to be found cost twice the chance of being found by accident.
        return min(1.0, 2 * up), min(1.0, 2 * down)


def shifts(
    new: Sequence[Traits],
    base: Sequence[Traits],
    offsets: tuple[Sequence[float], Sequence[float]] | None,
    tolerance: float,
) -> list[Tested]:
    """All metrics of one endpoint, from the runs that measured it."""
    found = []
    for at, metric in enumerate(SHOWN):
        ours, past = [Point(one.y[at], one.w[at]) for one in new], [Point(one.y[at], one.w[at]) for one in base]
        raw = moderated.shift(ours, past, TAU)
        residual = None
        if offsets is not None and metric in GATING:
            residual = moderated.shift(_less(ours, offsets[0]), _less(past, offsets[1]), TAU_RESIDUAL)
        found.append(Tested(metric, raw, residual, tolerance))
    return found


def judge(family: Sequence[Tested], level: float, seconds: float) -> list[Change]:
    """Decides about metrics that were looked at together; `seconds` is how long the new runs are."""
    p_values = [one.p_values for one in family]
    q_up, q_down = (multiple.adjusted([pair[side] for pair in p_values]) for side in (0, 1))
    # A change that is the only one among them is an alarm at this level.
    alpha = level / (2 * len(family)) if family else level
    found = []
    for one, up, down in zip(family, q_up, q_down, strict=True):
        result = _result(one, level, up, down)
        is_open = result is ComparisonResult.INCONCLUSIVE
        found.append(
            shown(
                one,
                result=result,
                q=up if one.raw.d >= 0 else down,
                detectable=math.expm1(one.raw.detectable(level)),
                needs=_needs(one, level, alpha, seconds) if is_open else None,
            )
        )
    return found


def shown(
    tested: Tested,
    result: ComparisonResult | None = None,
    q: float | None = None,
    detectable: float | None = None,
    needs: Needs | None = None,
) -> Change:
    low, high = tested.raw.within(CONFIDENCE)
    return Change(
        tested.metric, math.expm1(tested.raw.d), math.expm1(low), math.expm1(high), result, q, detectable, needs
    )


def shared_offsets(keys: Sequence[EndpointKey], new: Sequence[Fingerprint], base: Sequence[Fingerprint]) -> Offsets:
    """For each endpoint the median of ln p50 over the others; nothing when there are too few to have a common part."""
    common = _common(keys, new, base)
    if len(common) < MIN_ENDPOINTS:
        return {}
    return {
        key: ([_median_but(key, one, common) for one in new], [_median_but(key, one, common) for one in base])
        for key in common
    }


def shared_shift(keys: Sequence[EndpointKey], new: Sequence[Fingerprint], base: Sequence[Fingerprint]) -> Shift | None:
    """How far the endpoints moved together."""
    common = _common(keys, new, base)
    if len(common) < MIN_ENDPOINTS:
        return None
    return moderated.shift([_middle(one, common) for one in new], [_middle(one, common) for one in base], TAU)


def _common(keys: Sequence[EndpointKey], new: Sequence[Fingerprint], base: Sequence[Fingerprint]) -> list[EndpointKey]:
    """The endpoints that every run measured: a median over changing sets would move by itself."""
    runs = [*new, *base]
    return [key for key in keys if all(key in one.endpoints and one.endpoints[key].y for one in runs)]


def _median_but(key: EndpointKey, run: Fingerprint, common: Sequence[EndpointKey]) -> float:
    return statistics.median(run.endpoints[other].y[0] for other in common if other != key)


def _middle(run: Fingerprint, common: Sequence[EndpointKey]) -> Point:
    """The median, and its standard error: that of a mean, and a quarter more."""
    traits = [run.endpoints[key] for key in common]
    w = statistics.median(one.w[0] for one in traits) * math.sqrt(math.pi / 2 / len(traits))
    return Point(statistics.median(one.y[0] for one in traits), w)


def _less(points: Sequence[Point], offsets: Sequence[float]) -> list[Point]:
    return [Point(point.y - offset, point.w) for point, offset in zip(points, offsets, strict=True)]


def _result(tested: Tested, level: float, q_up: float, q_down: float) -> ComparisonResult:
    d, limit = tested.raw.d, math.log1p(tested.tolerance)
    if q_up <= level and d >= limit:
        return ComparisonResult.REGRESSED
    if q_up <= level and d >= math.log1p(tested.tolerance / 2):
        return ComparisonResult.WARNING
    if q_down <= level and d <= -limit:
        return ComparisonResult.IMPROVED
    # 95 %, and more when runs may be added: who looks three times must not pass by the luckiest look either.
    return ComparisonResult.PASSED if tested.raw.below(1 - level) < limit else ComparisonResult.INCONCLUSIVE


def _needs(tested: Tested, level: float, alpha: float, seconds: float) -> Needs:
    """What settles it if the estimate stays where it is: the cheapest of longer runs, more runs, more past."""
    raw, wanted = tested.raw, _settling_se(tested, level, alpha)
    more = (extra for extra in range(1, _MOST_MORE_RUNS + 1) if raw.se_with(k=raw.k + extra) <= wanted)
    runs = next(more, None)
    minutes = _longer(raw, wanted, seconds)
    if minutes is not None and (runs is None or minutes < runs * seconds / 60):
        return Needs(minutes=minutes)
    if runs is not None:
        return Needs(runs=runs)
    past = (n - raw.n for n in range(raw.n + 1, _MOST_BASELINE_RUNS + 1) if raw.se_with(n=n) <= wanted)
    return Needs(baseline_runs=next(past, None))


def _settling_se(tested: Tested, level: float, alpha: float) -> float:
    """The standard error at which this estimate would be an alarm, or would pass."""
    d, limit = tested.raw.d, math.log1p(tested.tolerance)
    passes = (limit - d) / student.quantile(1 - level, tested.raw.dof)
    alarms = d / student.quantile(1 - alpha, tested.raw.dof) if d >= math.log1p(tested.tolerance / 2) else 0.0
    return max(passes, alarms)


def _longer(raw: Shift, wanted_se: float, seconds: float) -> float | None:
    """By how many minutes the new runs must be longer for this standard error; None when that alone does not do it."""
    left = (wanted_se**2 - raw.base / raw.n) * raw.k - raw.between
    factor = raw.sampling / left if left > 0 else math.inf
    return seconds * (factor - 1) / 60 if 1 < factor <= _MOST_LONGER else None
