"""Whether a script's users could do what its pacing asks for, and what pacing they could keep. Lateness is in turns."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.window import RunWindow

# What was never made would have met the target in its slow moments: without a twentieth of the iterations a p95 is
# hardly one.
MIN_MADE = 0.95
# A hundredth of the iterations may be late, but not by so much that each of them hides another one.
MAX_P99 = 1.0
# What is advised is to leave room, so that the next run is not at its limit again.
_COMFORTABLE = 0.99
_LN_WIDTH = math.log(1.1)
_LOWEST = 1e-3
_BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class Paced:
    """Iterations that have a pacing, of several windows together."""

    n: int
    missed: float = 0.0
    late: Mapping[int, int] | None = None

    @property
    def made(self) -> float:
        """The share of the wanted iterations that there were."""
        return self.n / (self.n + self.missed)

    @property
    def share_late(self) -> float:
        return min(1.0, histogram.count(self.late or {}) / self.n)

    @property
    def p99(self) -> float:
        """By how many turns the latest hundredth was late, at least."""
        late = self.late or {}
        in_time = self.n - histogram.count(late)
        rank = 0.99 * self.n - in_time
        position = histogram.positions(late, [max(0.0, rank) / (self.n - in_time)])[0] if rank > 0 else None
        return 0.0 if position is None else _turns(position)

    @property
    def latest(self) -> float:
        return _turns(max(self.late) + 1) if self.late else 0.0

    def kept(self, least: float = MIN_MADE) -> bool:
        return self.made >= least and self.p99 <= MAX_P99

    def with_turns(self, longer: float) -> "Paced":
        """What would have been, had turns been so many times longer and the iterations taken as long as they did."""
        still = [((1 + _turns(b + 0.5)) / longer - 1, n) for b, n in (self.late or {}).items()]
        late = [(turns, n) for turns, n in still if turns >= _LOWEST]
        buckets = histogram.merge({math.floor(math.log(turns / _LOWEST) / _LN_WIDTH): n} for turns, n in late)
        return Paced(self.n, math.fsum(turns * n for turns, n in late), buckets)

    def enough(self) -> float:
        """How many times longer turns would do, to a tenth."""
        low, high = 1.0, 1.0 + self.latest
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.with_turns(middle).kept(_COMFORTABLE) else (middle, high)
        return max(1.1, math.ceil(10 * high - 1e-6) / 10)


def together(windows: Iterable[RunWindow]) -> Paced | None:
    """None when nothing has a pacing."""
    told = [one.pacing for one in windows if one.pacing is not None]
    if not told:
        return None
    late = histogram.merge_packed(one.late for one in told)
    return Paced(sum(one.n for one in told), math.fsum(one.missed for one in told), late)


def _turns(position: float) -> float:
    """At a position on the axis of buckets, as `histogram.value` has it for latencies."""
    return math.exp(position * _LN_WIDTH) * _LOWEST
