"""One number of new runs against the same number of earlier ones: the moderated t-test behind every comparison.

The unit that is repeated is the run, not the request: thousands of requests of one run share that run's luck. How much
runs differ is learned from few of them, so a prior belief steadies it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loadtest_operator.verdict import student

PRIOR_DOF = 4
# The normal quantile of 80 %: with this much more than the limit of significance, four of five changes are found.
POWER_80 = 0.842


class Point(NamedTuple):
    """A number that one run measured, and its standard error inside that run."""

    y: float
    w: float


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the new runs lie from the baseline, and how well that is known."""

    d: float
    dof: int
    between: float
    """The variance from run to run, beyond what sampling inside the runs explains."""
    sampling: float
    """The variance from sampling inside one new run."""
    base: float
    """The variance of a baseline run, sampling included."""
    k: int
    n: int

    @property
    def se(self) -> float:
        return self.se_with()

    def se_with(self, k: int | None = None, n: int | None = None, longer: float = 1.0) -> float:
        """The standard error, if there were so many new and baseline runs, and new runs were longer by a factor."""
        new = (self.between + self.sampling / longer) / (k or self.k)
        return math.sqrt(new + self.base / (n or self.n))

    @property
    def p_values(self) -> tuple[float, float]:
        """How often unchanged runs lie this far up, or further; and the same for down."""
        beyond = student.upper_tail(abs(self.d) / self.se, self.dof)
        return (beyond, 1 - beyond) if self.d >= 0 else (1 - beyond, beyond)

    def within(self, share: float) -> tuple[float, float]:
        """The confidence interval of the shift."""
        margin = student.quantile(0.5 + share / 2, self.dof) * self.se
        return self.d - margin, self.d + margin

    def below(self, share: float) -> float:
        """The one-sided upper confidence bound of the shift."""
        return self.d + student.quantile(share, self.dof) * self.se

    def detectable(self, alpha: float, se: float | None = None) -> float:
        """The shift that a test at this level finds four times out of five."""
        return (student.quantile(1 - alpha, self.dof) + POWER_80) * (self.se if se is None else se)


def shift(new: Sequence[Point], base: Sequence[Point], tau: float) -> Shift:
    """`tau` is the standard deviation from run to run that is expected before any run was seen."""
    k, n = len(new), len(base)
    new_mean, base_mean = math.fsum(one.y for one in new) / k, math.fsum(one.y for one in base) / n
    squares = math.fsum((one.y - base_mean) ** 2 for one in base) + math.fsum((one.y - new_mean) ** 2 for one in new)
    w2 = math.fsum(one.w**2 for one in base) / n
    seen = n + k - 2
    s2 = max((PRIOR_DOF * (tau**2 + w2) + squares) / (PRIOR_DOF + seen), w2)
    return Shift(
        d=new_mean - base_mean,
        dof=PRIOR_DOF + seen,
        between=max(s2 - w2, 0.0),
        sampling=math.fsum(one.w**2 for one in new) / k,
        base=s2,
        k=k,
        n=n,
    )
