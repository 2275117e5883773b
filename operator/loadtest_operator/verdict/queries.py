"""What Prometheus answered to a threshold's query, and the one number that a limit is held against."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Any

from loadtest_operator.model.phases import Reduce
from loadtest_operator.verdict.reading import BadInputError, Reader

Sample = tuple[float, float]
"""A moment in seconds, as Unix counts them, and a value."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To one query, over the judged part of a run."""

    promql: str
    """As the threshold says it."""
    samples: tuple[Sample, ...] = ()
    problem: str = ""
    """Why there are no samples, as a part of a sentence."""

    def to_json(self) -> dict[str, Any]:
        found = {"promql": self.promql, "samples": [list(one) for one in self.samples]}
        return {**found, "problem": self.problem} if self.problem else found

    @classmethod
    def read(cls, raw: Any) -> "Answer":
        reader = Reader(raw, "a query")
        return cls(str(raw.get("promql", "")), _samples(raw.get("samples", ())), reader.text("problem", ""))


def _samples(raw: Any) -> tuple[Sample, ...]:
    try:
        return finite((float(at), float(value)) for at, value in raw)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"a query has samples that cannot be read: {error}") from error


def finite(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Those that are numbers: Prometheus also knows NaN and infinities."""
    return tuple((at, value) for at, value in samples if math.isfinite(at) and math.isfinite(value))


def reduced(samples: Sequence[Sample], how: Reduce) -> float | None:
    """One number; None where the samples do not give one."""
    values = [value for _, value in samples]
    if not values:
        return None
    match how:
        case Reduce.MAX:
            return max(values)
        case Reduce.AVG:
            return fmean(values)
        case Reduce.LAST:
            return values[-1]
        case Reduce.GROWTH:
            return growth(samples)


def growth(samples: Sequence[Sample]) -> float | None:
    """By what share it grew from the first moment to the last, along the line that most of the samples agree on.

    The median of all slopes: a spike at one end, or a pause of the target, moves it little. None: there is no line, or
    it begins at zero, of which nothing is a share.
    """
    slopes = [(b - a) / (then - at) for (at, a), (then, b) in combinations(samples, 2) if then > at]
    if not slopes:
        return None
    slope = median(slopes)
    begin = samples[0][0]
    level = median([value - slope * (at - begin) for at, value in samples])
    return slope * (samples[-1][0] - begin) / abs(level) if level else None
