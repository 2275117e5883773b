"""Conditions as kstatus reads them: their types, and every reason paired with the sentence that goes with it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from loadtest_operator.model import quantities
from loadtest_operator.model.fields import Lenient, Text

# The whole status stays under 16 KiB with ten of them, and a person reads no more anyway.
MESSAGE_MAX = 512

# One condition as it stands in a status. Decisions make and compare some at every look, so they are plain maps; the
# model of them is below.
Told = dict[str, Any]


class ConditionType(StrEnum):
    """The first three are what Flux and Argo CD read; Reconciling and Stalled exist only while they are true."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    ADMITTED = "Admitted"
    ENVIRONMENT_READY = "EnvironmentReady"
    TARGET_REACHABLE = "TargetReachable"
    WORKERS_CONNECTED = "WorkersConnected"
    GENERATOR_HEALTHY = "GeneratorHealthy"
    HOOKS_SUCCEEDED = "HooksSucceeded"
    COMPLETED = "Completed"
    PASSED = "Passed"
    LAST_RUN_PASSED = "LastRunPassed"


class ConditionStatus(StrEnum):
    """Whether it holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition is as it is, with the sentence to show when nothing more precise is known."""

    says: str

    def __new__(cls, value: str, says: str = "") -> "Reason":
        member = str.__new__(cls, value)
        member._value_ = value
        member.says = says
        return member

    # where a run stands
    PENDING = "Pending", "the operator has seen this generation"
    QUEUED = "Queued", "waits for its turn"
    PREPARING = "Preparing", "the environment and the checks before the start are under way"
    STARTING = "Starting", "the load pods are starting"
    PREFLIGHT = "Preflight", "the master asks the target whether it is up"
    RUNNING = "Running", "load is running"
    COLLECTING = "Collecting", "the last results are being collected"
    JUDGING = "Judging", "the results are being judged"
    CONFIRMING = "Confirming", "a confirmation run is planned, because the comparison is still open"
    COMPLETED = "Completed", "the run is over and judged"
    SUSPENDED = "Suspended", "suspended; set spec.suspend to false to go on"
    NOT_REQUESTED = "NotRequested", "runOn is Request; a new value of loadtest.dev/run-requested starts a run"
    CANCELLED = "Cancelled", "stopped on request; ask for a new run to get a verdict"
    ERROR = "Error", "the run broke; see the message and ask for a new run"
    # how a run came out
    PASSED = "Passed", "every threshold and the comparison passed"
    WARNING = "Warning", "a warning limit was crossed"
    INCONCLUSIVE = "Inconclusive", "the comparison is still open, or a threshold had no data"
    REGRESSED = "Regressed", "slower than the baseline by more than the tolerance"
    FAILED = "Failed", "a threshold was crossed"
    INVALID = "Invalid", "the run's numbers describe something other than the target"
    PROMETHEUS_UNAVAILABLE = (
        "PrometheusUnavailable",
        "Prometheus does not answer a threshold's query; it is asked again",
    )
    # admission
    ADMITTED = "Admitted", "admitted"
    INVALID_SPEC = "InvalidSpec", "the spec breaks a rule; change the field that the message names"
    NOT_SUPPORTED_YET = "NotSupportedYet", "this version does not act on a field yet; remove it or upgrade"
    NAME_TAKEN = "NameTaken", "an object of this name exists and belongs to somebody else; delete or rename it"
    POLICY_REFUSED = "PolicyRefused", "the operator's policy for this namespace does not allow it"
    PODS_REFUSED = "PodsRefused", "the API server refuses the load pods; see the message"
    QUOTA_EXCEEDED = "QuotaExceeded", "the namespace's quota has no room for the load pods"
    INPUT_MISSING = "InputMissing", "a ConfigMap or key that the spec names does not exist; create it"
    INPUT_INVALID = "InputInvalid", "what the spec gives to somebody else, as a ConfigMap or a query, cannot be used"
    ACCESS_MISSING = "AccessMissing", "the operator lacks a right here; apply the RoleBinding in the message"
    RATE_NEEDS_ARRIVALS = "RateNeedsArrivals", "this locustfile cannot follow an arrival rate; use load.users"
    # the environment and the target
    ENVIRONMENT_READY = "EnvironmentReady", "the environment is ready"
    ENVIRONMENT_NOT_READY = "EnvironmentNotReady", "the environment is not ready; see the message for what it lacks"
    ENVIRONMENT_FAILED = "EnvironmentFailed", "the environment cannot be made from these manifests; see the message"
    ENVIRONMENT_LOST = "EnvironmentLost", "the environment's namespace was deleted while it was needed; run it again"
    ENVIRONMENT_TERMINATING = "EnvironmentTerminating", "the environment's namespace is being deleted"
    ENVIRONMENT_DELETED = "EnvironmentDeleted", "the run is over and its environment is gone"
    NOT_NEEDED = "NotNeeded", "the spec asks for none"
    TARGET_REACHABLE = "TargetReachable", "the target answers"
    TARGET_UNREACHABLE = "TargetUnreachable", "the target does not answer as target.health expects"
    TARGET_CHANGED = "TargetChanged", "the target was rolled out during the run"
    # the load pods
    WORKERS_CONNECTED = "WorkersConnected", "all workers are connected"
    WAITING_FOR_WORKERS = "WaitingForWorkers", "not all workers are connected yet"
    START_TIMEOUT = "StartTimeout", "the load pods were not ready within runners.startTimeout"
    UNSCHEDULABLE = "Unschedulable", "no node has room for a load pod"
    IMAGE_PULL_FAILED = "ImagePullFailed", "a load pod's image cannot be pulled"
    SCRIPT_FAILED = "ScriptFailed", "the script raised while it was imported"
    POD_FAILED = "PodFailed", "a load pod ended before its time"
    MASTER_LOST = "MasterLost", "the master pod was lost"
    WORKERS_LOST = "WorkersLost", "more load was lost with workers than runners.tolerateLoss allows"
    OOM_KILLED = "OOMKilled", "a load pod needed more memory than its limit; raise runners.resources"
    EVICTED = "Evicted", "a load pod was evicted from its node"
    NODE_LOST = "NodeLost", "the node of a load pod is gone"
    PREEMPTED = "Preempted", "the load pods had to make room for others"
    GENERATOR_HEALTHY = "GeneratorHealthy", "the load generator keeps up"
    GENERATOR_SATURATED = "GeneratorSaturated", "the load generator was the bottleneck; give it more workers or CPU"
    GENERATOR_CHANGED = "GeneratorChanged", "the runner image is new; the comparison is capped at Warning for now"
    LOAD_NOT_REACHED = "LoadNotReached", "the wanted number of users or rate was not reached"
    NO_DATA = "NoData", "no request was measured"
    RESULTS_UNREADABLE = "ResultsUnreadable", "the master answers, but its results cannot be read; see its log"
    RESULTS_LOST = "ResultsLost", "results of the run could not be collected"
    ABORTED = "Aborted", "an abort rule stopped the run"
    DEADLINE_EXCEEDED = "DeadlineExceeded", "the deadline passed before the run was over"
    LIMIT_EXCEEDED = "LimitExceeded", "it asks for more than the operator's limits can ever give"
    AFTER_MISSING = "AfterMissing", "a LoadTest that queue.after names is not there; create it"
    AFTER_FAILED = "AfterFailed", "a LoadTest that queue.after names did not pass its gate"
    AFTER_CIRCLE = "AfterCircle", "LoadTests wait for each other with queue.after; remove one of them"
    KUEUE = "Kueue", "Kueue has not admitted the load pods yet"
    QUEUE_TIMEOUT = "QueueTimeout", "the wait in the queue took longer than queue.timeout"
    HOOK_RUNNING = "HookRunning", "the Job after the load is at work"
    HOOKS_SUCCEEDED = "HooksSucceeded", "the hooks ended well"
    HOOK_FAILED = "HookFailed", "a hook's Job failed"
    STORE_UNAVAILABLE = "StoreUnavailable", "the store is away; results wait in the master"
    COLLECTING_BASELINE = "CollectingBaseline", "fewer comparable runs than baseline.minRuns; thresholds decide alone"
    # schedules
    SCHEDULED = "Scheduled", "the next run is planned"
    NO_RUN_YET = "NoRunYet", "no run has ended yet"


class Condition(Lenient):
    """One fact about a LoadTest or a LoadTestSchedule, in the form that kubectl wait, Flux and Argo CD read."""

    type: Annotated[str, Text(64)] = Field(description="Which fact this is about, such as Ready or Completed.")
    status: ConditionStatus = Field(description="Whether it holds: True, False or Unknown.")
    reason: Annotated[str, Text(64)] = Field(description="Why, as one word that a program can match.")
    message: Annotated[str, Text(MESSAGE_MAX, min=0)] = Field(
        description="Why, as a sentence that a person can act on."
    )
    observed_generation: int | None = Field(
        None, ge=-1, description="The generation of the spec that this was concluded from."
    )
    last_transition_time: Annotated[str, Text(32)] = Field(description="Since when the status is what it is.")


def condition(
    type: ConditionType,  # noqa: A002
    status: ConditionStatus | bool | None,
    reason: Reason | str,
    message: str,
    generation: int,
    now: datetime,
) -> Told:
    """A condition as of now; `status` may be True, False or None for Unknown, an empty message is the reason's own."""
    if not isinstance(status, ConditionStatus):
        status = ConditionStatus.UNKNOWN if status is None else ConditionStatus(str(bool(status)))
    says = reason.says if isinstance(reason, Reason) else ""
    return {
        "type": type.value,
        "status": status.value,
        "reason": str(reason),
        "message": _cut(message or says),
        "observedGeneration": generation,
        "lastTransitionTime": quantities.timestamp(now),
    }


def merge(old: Iterable[Told], new: Iterable[Told]) -> list[Told]:
    """The new conditions, each with the time since when it has its status. What is not among the new ones goes away."""
    before = {item["type"]: item for item in old}
    return [_since(before.get(item["type"]), item) for item in new]


def told(status: Mapping[str, Any], kind: ConditionType) -> Told:
    """The condition of this type, as a status tells it; empty when there is none."""
    return next((item for item in status.get("conditions") or () if item["type"] == kind), {})


def holds(status: Mapping[str, Any], kind: ConditionType) -> bool:
    return told(status, kind).get("status") == ConditionStatus.TRUE


def _since(before: Told | None, now: Told) -> Told:
    if before is None or before["status"] != now["status"]:
        return now
    return {**now, "lastTransitionTime": before["lastTransitionTime"]}


def _cut(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX else f"{text[: MESSAGE_MAX - 1]}…"
