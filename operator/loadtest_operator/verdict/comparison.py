"""What a comparison is asked, and what it answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtest_operator.model.phases import ComparisonResult, Metric

# Benjamini-Hochberg level for a single run, and at runs 1, 2 and 3 when runs may be added: looking three times costs.
LEVEL = 0.05
CONFIRMING_LEVELS = (0.01, 0.015, 0.03)

ALARMS = frozenset({ComparisonResult.REGRESSED, ComparisonResult.WARNING})


@dataclass(frozen=True, slots=True)
class EndpointRules:
    tolerance: float | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What `spec.baseline` says, as fractions and counts."""

    tolerance: float = 0.10
    min_runs: int = 3
    confirm_runs: int = 0
    endpoints: Mapping[str, EndpointRules] = field(default_factory=dict)
    """By label, such as `POST /orders`."""

    def level(self, new_runs: int) -> float:
        return CONFIRMING_LEVELS[min(new_runs, len(CONFIRMING_LEVELS)) - 1] if self.confirm_runs else LEVEL

    def of(self, label: str) -> EndpointRules:
        return self.endpoints.get(label, EndpointRules())

    def tolerance_of(self, label: str) -> float:
        own = self.of(label).tolerance
        return self.tolerance if own is None else own


@dataclass(frozen=True, slots=True)
class Needs:
    """What would settle an open comparison; one of the three, or nothing that is within reach."""

    runs: int | None = None
    minutes: float | None = None
    baseline_runs: int | None = None

    def __str__(self) -> str:
        if self.minutes is not None:
            return f"needs runs that are {_counted(max(1, math.ceil(self.minutes)), 'minute')} longer"
        if self.runs is not None:
            return f"needs {_counted(self.runs, 'more run')}"
        if self.baseline_runs is not None:
            return f"needs {_counted(self.baseline_runs, 'more baseline run')}"
        return "runs differ too much from each other for this tolerance"


@dataclass(frozen=True, slots=True)
class Change:
    """One metric, new against baseline: a fraction (0.18: 18 % slower); of error rates the difference itself."""

    metric: Metric
    change: float
    low: float
    high: float
    """The 95 % confidence interval, of this change alone."""
    result: ComparisonResult | None = None
    """None: shown, never judged."""
    q: float | None = None
    """The share of false ones among findings that are at least this clear."""
    detectable: float | None = None
    """The smallest change that would be found four times out of five."""
    needs: Needs | None = None

    @property
    def alarms(self) -> bool:
        return self.result in ALARMS


@dataclass(frozen=True, slots=True)
class Compared:
    """One endpoint, or the total."""

    label: str
    result: ComparisonResult
    runs: int
    """Baseline runs that measured it."""
    changes: tuple[Change, ...] = ()
    critical: bool = False

    def change(self, metric: Metric) -> Change | None:
        return next((one for one in self.changes if one.metric is metric), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person has to look at. Endpoints that moved together are one finding, told by the worst of them."""

    endpoint: str
    metric: Metric
    change: float
    low: float
    high: float
    q: float | None
    result: ComparisonResult
    endpoints: tuple[str, ...]
    """All that belong to it, worst first."""
    global_shift: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    result: ComparisonResult
    runs: int
    """Baseline runs."""
    needed: int
    new_runs: int
    message: str
    detectable: float | None
    """The smallest change of the total, and of each critical endpoint, that would be found four times out of five."""
    total: Compared
    endpoints: tuple[Compared, ...]
    """By name and method."""
    findings: tuple[Finding, ...]
    """Worst first; what passed is only there when nothing else is."""
    shared: Change | None = None
    """What all endpoints have in common; None with fewer than four of them."""
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    open: bool = False
    """One more run could change the answer."""

    @property
    def alarms(self) -> bool:
        return self.result in ALARMS


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
