"""The words of the API as enumerations: where a run is, how it ended, and what a person may choose."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a LoadTest stands."""

    PENDING = "Pending"
    QUEUED = "Queued"
    PREPARING = "Preparing"
    STARTING = "Starting"
    PREFLIGHT = "Preflight"
    RUNNING = "Running"
    COLLECTING = "Collecting"
    JUDGING = "Judging"
    COMPLETED = "Completed"
    SUSPENDED = "Suspended"
    CANCELLED = "Cancelled"
    ERROR = "Error"

    @property
    def terminal(self) -> bool:
        """The run is over: nothing happens any more without a new spec or run request."""
        return self in {Phase.COMPLETED, Phase.CANCELLED, Phase.ERROR}

    @property
    def loading(self) -> bool:
        """Load pods exist, or are just being made or taken down."""
        return self in {Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING, Phase.COLLECTING}


class StopReason(StrEnum):
    """Why a run was stopped before its end. Such a run has no verdict; history tells this in its place."""

    CANCELLED = "Cancelled"
    SUSPENDED = "Suspended"
    SUPERSEDED = "Superseded"


class Verdict(StrEnum):
    """What a run says about the target, mildest first."""

    PASSED = "Passed"
    WARNING = "Warning"
    INCONCLUSIVE = "Inconclusive"
    REGRESSED = "Regressed"
    FAILED = "Failed"
    INVALID = "Invalid"
    ERROR = "Error"

    @property
    def severity(self) -> int:
        """Higher is worse: Error > Invalid > Failed > Regressed > Inconclusive > Warning > Passed."""
        return list(Verdict).index(self)


class ComparisonResult(StrEnum):
    """What the comparison with the baseline says, for one finding or for the run."""

    PASSED = "Passed"
    IMPROVED = "Improved"
    WARNING = "Warning"
    REGRESSED = "Regressed"
    INCONCLUSIVE = "Inconclusive"
    COLLECTING_BASELINE = "CollectingBaseline"


class ThresholdResult(StrEnum):
    """How one threshold came out; no data is unknown, never passed."""

    PASSED = "Passed"
    WARNING = "Warning"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class Metric(StrEnum):
    """What a threshold limits."""

    P50 = "p50"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    P999 = "p999"
    MEAN = "mean"
    MAX = "max"
    ERROR_RATE = "errorRate"
    RPS = "rps"
    RECOVERY = "recovery"
    DRIFT = "drift"

    @property
    def quantile(self) -> float | None:
        """0.95 for p95; None for what is not a quantile."""
        return float(f"0.{self.value[1:]}") if self.value[1:].isdigit() else None

    @property
    def lower_is_worse(self) -> bool:
        """True for throughput alone."""
        return self is Metric.RPS


class GatedVerdict(StrEnum):
    """A verdict that `gate.failOn` may name; Error always fails."""

    FAILED = "Failed"
    REGRESSED = "Regressed"
    INVALID = "Invalid"
    WARNING = "Warning"
    INCONCLUSIVE = "Inconclusive"


class RunOn(StrEnum):
    """What starts a run."""

    CHANGE = "Change"
    REQUEST = "Request"


class OnChange(StrEnum):
    """What a new spec does to the run that is under way."""

    QUEUE = "Queue"
    REPLACE = "Replace"


class Keep(StrEnum):
    """When something is kept after its run."""

    NEVER = "Never"
    ON_FAILURE = "OnFailure"
    ALWAYS = "Always"


class Method(StrEnum):
    """An HTTP method."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"


class DataMode(StrEnum):
    """How users pick their rows."""

    RANDOM = "random"
    SEQUENTIAL = "sequential"
    UNIQUE = "unique"


class OnEnd(StrEnum):
    """What happens when the rows are used up."""

    RECYCLE = "recycle"
    STOP = "stop"


class Reduce(StrEnum):
    """How a series of samples becomes one number."""

    MAX = "max"
    AVG = "avg"
    LAST = "last"
    GROWTH = "growth"


class Worse(StrEnum):
    """Which direction is the bad one."""

    HIGHER = "higher"
    LOWER = "lower"


class Occasion(StrEnum):
    """When somebody is told."""

    FAILED = "Failed"
    REGRESSED = "Regressed"
    RECOVERED = "Recovered"
    ERROR = "Error"
    STARTED = "Started"
    TREND_CHANGED = "TrendChanged"


class ConcurrencyPolicy(StrEnum):
    """What a schedule does when its last test still runs."""

    QUEUE = "Queue"
    FORBID = "Forbid"
    REPLACE = "Replace"
    ALLOW = "Allow"
