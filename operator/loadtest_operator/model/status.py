"""The status: what the operator found, in short texts with units, under 16 KiB in all."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from loadtest_operator.model.conditions import Condition
from loadtest_operator.model.fields import Entries, Items, Lenient, Text
from loadtest_operator.model.phases import ComparisonResult, Phase, StopReason, ThresholdResult, Verdict

USER_TEXT_MAX: Final = 128
SIZE_MAX: Final = 16 * 1024

Words = Annotated[str, Text(USER_TEXT_MAX, min=0)]
Number = Annotated[str, Text(24, min=0)]
Moment = Annotated[str, Text(32, min=0)]
Sentence = Annotated[str, Text(512, min=0)]
Conditions = Annotated[tuple[Condition, ...], Items(20, key="type")]
Count = Annotated[int, Field(ge=0)]


def cut(text: str, longest: int = USER_TEXT_MAX) -> str:
    """A user's text, not longer than the status allows."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class Run(Lenient):
    """The run that the rest of the status is about."""

    id: Words | None = Field(None, description="The run's id, unique for ever.")
    number: Count | None = Field(None, description="Counts the runs of this LoadTest: 1, 2, ...")
    attempt: Count | None = Field(None, description="Counts the starts of the load pods inside the run.")
    run_key: Words | None = Field(None, description="The hash of what describes the load and the target.")
    start_time: Moment | None = Field(None, description="When the run was admitted.")
    end_time: Moment | None = Field(None, description="When it was over.")
    attempt_time: Moment | None = Field(
        None, description="When the attempt began that followed a lost one, or that Kueue let go."
    )
    waited_seconds: Count | None = Field(
        None, description="How long Kueue made it wait; the deadline does not count it."
    )
    stop_reason: StopReason | None = Field(
        None, description="Why it was stopped before its end, if it was: Cancelled, Suspended or Superseded."
    )
    target_version: Words | None = Field(None, description="The target's version.")
    images: Annotated[dict[str, Annotated[str, Text(256, min=0)]], Entries(10)] | None = Field(
        None, description="The target's images, by workload."
    )
    workers: Count | None = Field(None, description="The number of worker pods.")
    workers_lost: Count | None = Field(None, description="How often a worker was lost so far.")
    users: Count | None = Field(None, description="The largest number of users that it may reach.")
    locks: Annotated[tuple[Annotated[str, Text(253)], ...], Items(10)] | None = Field(
        None, description="What nobody else may use while it is under way."
    )
    report_url: Annotated[str, Text(1024, min=0)] | None = Field(
        None, alias="reportURL", description="Where the report can be read."
    )
    cpu_hours: Number | None = Field(None, description="What the load pods cost.")


class QueuePlace(Lenient):
    """Where it stands in the queue."""

    since: Moment | None = Field(None, description="Since when it waits.")
    position: Count | None = Field(
        None, description="Its place in the longest line that it stands in; 1 is next, beyond 20 it is rounded up."
    )
    waiting_for: Annotated[str, Text(256, min=0)] | None = Field(None, description="What it waits for, as a sentence.")


class Progress(Lenient):
    """Live figures, renewed every few seconds."""

    percent: Annotated[int, Field(ge=0, le=100)] | None = Field(None, description="How much of the run is over.")
    stage: Words | None = Field(None, description="The stage that runs now.")
    users: Count | None = Field(None, description="Users who are at work now.")
    workers: Count | None = Field(None, description="Workers that are connected now.")
    rps: Number | None = Field(None, description="Requests per second now.")
    p95: Number | None = Field(None, description="The 95th percentile of the latency now.")
    error_rate: Number | None = Field(None, description="The share of requests that fail now.")
    updated: Moment | None = Field(None, description="When these figures were taken.")


class Summary(Lenient):
    """The whole judged window in figures."""

    requests: Count | None = Field(None, description="Requests in the judged window.")
    failures: Count | None = Field(None, description="Those of them that failed.")
    error_rate: Number | None = Field(None, description="Their share.")
    rps: Number | None = Field(None, description="Requests per second.")
    p50: Number | None = Field(None, description="Half of the answers came faster than this.")
    p95: Number | None = Field(None, description="95 % of the answers came faster than this.")
    p99: Number | None = Field(None, description="99 % of the answers came faster than this.")
    max: Number | None = Field(None, description="The slowest answer.")
    capacity: Words | None = Field(None, description="The rate that was found, with its uncertainty.")


class EndpointSummary(Lenient):
    """One endpoint in figures."""

    name: Words = Field(description="Method and name, such as POST /orders.")
    requests: Count | None = Field(None, description="Requests in the judged window.")
    failures: Count | None = Field(None, description="Those of them that failed.")
    error_rate: Number | None = Field(None, description="Their share.")
    rps: Number | None = Field(None, description="Requests per second.")
    p50: Number | None = Field(None, description="Half of the answers came faster than this.")
    p95: Number | None = Field(None, description="95 % of the answers came faster than this.")
    p99: Number | None = Field(None, description="99 % of the answers came faster than this.")


class ErrorSummary(Lenient):
    """One kind of error."""

    kind: Words = Field(description="What went wrong, such as HTTP 503.")
    endpoint: Words | None = Field(None, description="Where.")
    count: Count | None = Field(None, description="How often.")
    first: Moment | None = Field(None, description="When first.")
    last: Moment | None = Field(None, description="When last.")


class ThresholdSummary(Lenient):
    """How one threshold came out."""

    name: Words = Field(description="What was limited.")
    value: Number | None = Field(None, description="What was measured; absent when there was no data.")
    warn: Number | None = Field(None, description="The warning limit.")
    fail: Number | None = Field(None, description="The failing limit.")
    result: ThresholdResult | None = Field(None, description="Passed, Warning, Failed, or Unknown without data.")


class Finding(Lenient):
    """One metric of one endpoint against the baseline."""

    endpoint: Words | None = Field(None, description="The endpoint; absent for the total.")
    metric: Words | None = Field(None, description="The metric, such as p95.")
    change: Number | None = Field(None, description="The change, such as +18.4%.")
    low: Number | None = Field(None, description="The lower end of its 95 % interval.")
    high: Number | None = Field(None, description="The upper end of its 95 % interval.")
    q: Number | None = Field(None, description="The chance of such a finding when nothing changed.")
    result: ComparisonResult | None = Field(None, description="What it means.")


class Comparison(Lenient):
    """The run against its baseline."""

    result: ComparisonResult | None = Field(None, description="What the comparison says.")
    series: Annotated[str, Text(128, min=0)] | None = Field(None, description="The series it was compared with.")
    runs: Count | None = Field(None, description="How many runs the baseline has.")
    needed: Count | None = Field(None, description="How many it needs.")
    detectable: Number | None = Field(None, description="The smallest change that this comparison could have found.")
    findings: Annotated[tuple[Finding, ...], Items(20)] | None = Field(None, description="Worst first.")


class Validity(Lenient):
    """Whether the numbers describe the target."""

    valid: bool | None = Field(None, description="Whether they do.")
    reasons: Annotated[tuple[Words, ...], Items(10)] | None = Field(None, description="Why they do not.")
    generator_cpu: Number | None = Field(
        None, alias="generatorCPU", description="How busy the busiest worker's CPU was."
    )
    lag_p99: Number | None = Field(None, alias="lagP99", description="How late the load generator itself was.")
    workers_lost: Count | None = Field(None, description="How many workers were lost.")
    achieved: Number | None = Field(None, description="The share of the wanted load that was reached.")
    paced: Number | None = Field(
        None, description="The share of the iterations that the script's pacing asks for and that were made."
    )
    loss: Words | None = Field(None, description="What was lost with workers, also when the run is valid.")


class EnvironmentState(Lenient):
    """The ephemeral environment."""

    namespace: Annotated[str, Text(63, min=0)] | None = Field(None, description="Its namespace.")
    phase: Words | None = Field(None, description="How far it is.")


class HistoryEntry(Lenient):
    """One earlier run."""

    id: Words = Field(description="The run's id.")
    number: Count | None = Field(None, description="The run's number.")
    verdict: Annotated[str, Text(32)] | None = Field(
        None, description="Its verdict, or Cancelled, Suspended or Superseded when it has none."
    )
    p95: Number | None = Field(None, description="Its 95th percentile.")
    end_time: Moment | None = Field(None, description="When it was over.")


class LoadTestStatus(Lenient):
    """What the operator found. -1 as observedGeneration means that it has not looked yet."""

    observed_generation: int = Field(-1, description="The generation of the spec that all this is about.")
    last_handled_run_request: Annotated[str, Text(256, min=0)] | None = Field(
        None, description="The value of annotation loadtest.dev/run-requested that was acted on last."
    )
    phase: Phase | None = Field(None, description="Where the run stands.")
    verdict: Verdict | None = Field(None, description="What the run says about the target.")
    message: Sentence | None = Field(None, description="The one sentence to read first.")
    run: Run | None = Field(None, description="The run that the rest is about.")
    queue: QueuePlace | None = Field(None, description="Where it stands in the queue.")
    progress: Progress | None = Field(None, description="Live figures.")
    summary: Summary | None = Field(None, description="The whole judged window in figures.")
    endpoints: Annotated[tuple[EndpointSummary, ...], Items(20)] | None = Field(
        None, description="The worst and busiest endpoints."
    )
    errors: Annotated[tuple[ErrorSummary, ...], Items(5)] | None = Field(None, description="The most frequent errors.")
    thresholds: Annotated[tuple[ThresholdSummary, ...], Items(50)] | None = Field(
        None, description="How each threshold came out."
    )
    comparison: Comparison | None = Field(None, description="The run against its baseline.")
    validity: Validity | None = Field(None, description="Whether the numbers describe the target.")
    environment: EnvironmentState | None = Field(None, description="The ephemeral environment.")
    conditions: Conditions | None = Field(None, description="Facts for programs, Flux, Argo CD and kubectl wait.")
    history: Annotated[tuple[HistoryEntry, ...], Items(10)] | None = Field(None, description="The last ten runs.")


class Trend(Lenient):
    """How a metric moves over many runs."""

    metric: Words | None = Field(None, description="The metric.")
    change: Number | None = Field(None, description="How much it changed.")
    since: Moment | None = Field(None, description="Since when.")
    change_points: Annotated[tuple[Moment, ...], Items(20)] | None = Field(
        None, description="When it changed for good."
    )


class LoadTestScheduleStatus(Lenient):
    """What the operator found. -1 as observedGeneration means that it has not looked yet."""

    observed_generation: int = Field(-1, description="The generation of the spec that all this is about.")
    message: Sentence | None = Field(None, description="The one sentence to read first.")
    last_run: Words | None = Field(None, description="The name of the newest LoadTest of this schedule.")
    last_verdict: Verdict | None = Field(None, description="The verdict of the newest finished one.")
    next_run: Moment | None = Field(None, description="When the next one is due.")
    active: Annotated[tuple[Words, ...], Items(20)] | None = Field(None, description="Those that are not over yet.")
    missed: Count | None = Field(None, description="How many were due and could not be started in time.")
    last_seen_triggers: Annotated[dict[str, Words], Entries(20)] | None = Field(
        None, description="For each trigger, the generation that was acted on last."
    )
    trend: Trend | None = Field(None, description="How its runs develop.")
    conditions: Conditions | None = Field(None, description="Facts for programs, Flux, Argo CD and kubectl wait.")


def dump(status: Lenient) -> dict[str, Any]:
    """The status as it is written to the API server: only what is set, camelCase, JSON values."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def fit(status: LoadTestStatus) -> LoadTestStatus:
    """The same status under 16 KiB: the ends of its longest lists go first, conditions and verdict never."""
    for items in (20, 10, 5, 2, 0):
        smaller = status.model_copy(update={name: _head(getattr(status, name), items) for name in _SHORTENED})
        if status.comparison is not None:
            findings = _head(status.comparison.findings, items)
            comparison = status.comparison.model_copy(update={"findings": findings})
            smaller = smaller.model_copy(update={"comparison": comparison})
        if size(smaller) <= SIZE_MAX:
            return smaller
    return smaller


def size(status: Lenient) -> int:
    """How many bytes the status takes as JSON."""
    return len(status.model_dump_json(by_alias=True, exclude_none=True).encode())


_SHORTENED: Final = ("endpoints", "thresholds", "errors")


def _head(items: tuple[Any, ...] | None, longest: int) -> tuple[Any, ...] | None:
    return None if items is None else items[:longest]


def observed_generation(raw: Mapping[str, Any]) -> int:
    """The generation that a raw object's status is about, -1 when there is none."""
    value = (raw.get("status") or {}).get("observedGeneration", -1)
    return value if isinstance(value, int) else -1
