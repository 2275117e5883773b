"""The test of error rates: the same moderated test, on log-odds, with floors below which nobody is woken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest_operator.model.phases import ComparisonResult, Metric
from loadtest_operator.verdict import moderated, multiple
from loadtest_operator.verdict.comparison import Change
from loadtest_operator.verdict.fingerprint import Traits
from loadtest_operator.verdict.moderated import Point, Shift

TAU = 0.30
FLOOR = 0.002
MIN_EXTRA = 5
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Tested:
    shift: Shift
    centre: float
    """The mean log-odds of the baseline."""
    base_rate: float
    difference: float
    requests: int
    """Of the new runs."""

    @property
    def p_values(self) -> tuple[float, float]:
        """For more failures and for fewer; doubled as for latencies, whatever can be seen beside other endpoints."""
        up, down = self.shift.p_values
        return min(1.0, 2 * up), min(1.0, 2 * down)

    @property
    def worse(self) -> bool:
        """By enough to matter, whether or not it is clear that it was no accident."""
        return self.difference >= FLOOR and self.difference * self.requests >= MIN_EXTRA

    @property
    def better(self) -> bool:
        return self.difference <= -FLOOR and -self.difference * self.requests >= MIN_EXTRA

    def difference_at(self, d: float) -> float:
        return _rate(self.centre + d) - _rate(self.centre)


def tested(new: Sequence[Traits], base: Sequence[Traits]) -> Tested:
    past = [Point(one.log_odds, one.w_errors) for one in base]
    found = moderated.shift([Point(one.log_odds, one.w_errors) for one in new], past, TAU)
    base_rate = _pooled(base)
    centre = math.fsum(one.y for one in past) / len(past)
    return Tested(found, centre, base_rate, _pooled(new) - base_rate, sum(one.requests for one in new))


def judge(family: Sequence[Tested], level: float) -> list[Change]:
    p_values = [one.p_values for one in family]
    q_up, q_down = (multiple.adjusted([pair[side] for pair in p_values]) for side in (0, 1))
    return [
        shown(one, _result(one, up <= level, down <= level), up if one.shift.d >= 0 else down)
        for one, up, down in zip(family, q_up, q_down, strict=True)
    ]


def shown(tested: Tested, result: ComparisonResult | None = None, q: float | None = None) -> Change:
    low, high = (tested.difference_at(d) for d in tested.shift.within(_CONFIDENCE))
    found = tested.difference
    # Half an error is added to rates of none, which may put the interval beside the plain difference.
    return Change(Metric.ERROR_RATE, found, min(low, found), max(high, found), result, q)


def _result(tested: Tested, up: bool, down: bool) -> ComparisonResult:
    if up and tested.worse:
        return ComparisonResult.REGRESSED
    if down and tested.better:
        return ComparisonResult.IMPROVED
    allowed = max(FLOOR, MIN_EXTRA / tested.requests)
    highest = tested.difference_at(tested.shift.below(_CONFIDENCE))
    return ComparisonResult.PASSED if highest < allowed else ComparisonResult.INCONCLUSIVE


def _pooled(runs: Sequence[Traits]) -> float:
    return sum(one.failures for one in runs) / sum(one.requests for one in runs)


def _rate(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
