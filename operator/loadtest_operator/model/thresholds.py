"""Absolute limits, each with its own unit."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model import limits
from loadtest_operator.model.common import EndpointName, Label, Title
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.phases import Metric, Reduce, Worse
from loadtest_operator.model.quantities import Span
from loadtest_operator.model.rules import Rule, at_least_one, exactly_one, excludes, needs

Limit = Annotated[str, Text(limits.LONGEST, r"[-+.0-9a-z%/]+", 'must be a limit such as 500ms, 1%, 200/s or "0.1"')]
PromQL = Annotated[str, Text(4096)]


class Abort(Model):
    """When a crossed limit stops the run."""

    lasting: Span = Field(alias="for", description="Over how long a stretch fail must be crossed, such as 30s.")


class Threshold(Model):
    """One limit, on a metric of the run or on a PromQL query. No data is unknown, never passed."""

    rules = (
        exactly_one("metric", "promql", hint=": what is limited"),
        at_least_one("warn", "fail", hint=": the limit"),
        Rule(
            cel="!has(self.promql) || has(self.name)",
            holds=lambda self: self.promql is None or self.name is not None,
            message="name is required with promql: it is what results call this threshold",
            at=".name",
        ),
        needs("reduce", "promql"),
        needs("worse", "promql"),
        excludes("promql", "endpoint", "slice"),
        needs("abort", "fail"),
        Rule(
            cel="!has(self.metric) || self.metric != 'recovery' || has(self.stage)",
            holds=lambda self: self.metric is not Metric.RECOVERY or self.stage is not None,
            message="stage is required with metric recovery: it says after which stage",
            at=".stage",
        ),
        Rule(
            cel="!has(self.metric) || !(self.metric in ['recovery', 'drift']) "
            "|| (!has(self.slice) && !has(self.abort))",
            holds=lambda self: (
                self.metric not in {Metric.RECOVERY, Metric.DRIFT} or (self.slice is None and self.abort is None)
            ),
            message="metric recovery and drift look at the whole run: remove slice and abort",
            at=".metric",
        ),
        *limits.RULES,
    )

    name: Title | None = Field(None, description="What results call it. Without it: metric, endpoint and stage.")
    metric: Metric | None = Field(
        None,
        description="What is limited: a latency quantile (p50 to p999), mean, max, errorRate, rps, recovery (time "
        "after a stage until p95 and errors are back) or drift (growth of p95 over the run).",
    )
    promql: PromQL | None = Field(
        None,
        description="A Prometheus query in place of a metric, over the judged window. {namespace} stands for the "
        "ephemeral environment's namespace.",
    )
    endpoint: EndpointName | None = Field(
        None, description='Only this endpoint, such as "POST /orders"; * stands for anything. Without it: all requests.'
    )
    stage: Label | None = Field(None, description="Only this stage of load.stages.")
    slice: Span | None = Field(None, description="The worst stretch of this length counts, in place of the whole run.")
    reduce: Reduce | None = Field(
        None, description="How the query's samples become one number: max, avg, last, growth."
    )
    worse: Worse | None = Field(None, description="Which direction is bad for the query: higher or lower.")
    warn: Limit | None = Field(
        None,
        description='Beyond this the verdict is Warning. A latency (2s), share (1%), rate (200/s) or number ("5").',
    )
    fail: Limit | None = Field(None, description="Beyond this the verdict is Failed. In the same unit as warn.")
    abort: Abort | None = Field(
        None,
        description="Stop the run early when fail is crossed over so long a stretch, also while the operator is down; "
        "but a limit on promql is watched by the operator alone. With metric errorRate and without endpoint it "
        "replaces the rule that stops a run when more than 90% of all requests fail for 60 s; a fail of 100% is never "
        "crossed.",
    )

    @property
    def warn_value(self) -> float | None:
        """The warning limit in base units: seconds, fraction, per second, or the plain number."""
        return limits.value(self, "warn")

    @property
    def fail_value(self) -> float | None:
        """The failing limit in base units: seconds, fraction, per second, or the plain number."""
        return limits.value(self, "fail")

    @property
    def lower_is_worse(self) -> bool:
        """Whether falling below the limit crosses it, rather than rising above."""
        return self.worse is Worse.LOWER or self.metric is Metric.RPS

    @property
    def title(self) -> str:
        """How results call this threshold: its name, or what it limits."""
        if self.name is not None:
            return self.name
        endpoint = f" of {self.endpoint}" if self.endpoint else ""
        stage = f" in {self.stage}" if self.stage else ""
        return f"{self.metric}{endpoint}{stage}"


Thresholds = Annotated[tuple[Threshold, ...], Items(50)]
