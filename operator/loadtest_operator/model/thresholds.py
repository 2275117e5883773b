"""Absolute limits, each with its own unit."""

from typing import Annotated, Final

from pydantic import Field

from loadtest_operator.model import quantities
from loadtest_operator.model.common import EndpointName, Label, Title
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.phases import Metric, Reduce, Worse
from loadtest_operator.model.quantities import (
    DURATION_PATTERN,
    NUMBER_PATTERN,
    RATE_PATTERN,
    SHARE_PATTERN,
    Span,
    matches_cel,
    rate_cel,
    share_cel,
)
from loadtest_operator.model.rules import Rule, at_least_one, exactly_one, excludes, needs

SHARES: Final = frozenset({Metric.ERROR_RATE, Metric.DRIFT})
LATENCIES: Final = frozenset(Metric) - SHARES - {Metric.RPS}
_IS_SHARE: Final = "self.metric in ['errorRate', 'drift']"
_IS_RATE: Final = "self.metric == 'rps'"
_IS_LATENCY: Final = f"!({_IS_SHARE}) && !({_IS_RATE})"

Limit = Annotated[str, Text(20, r"[-+.0-9a-z%/]+", 'must be a limit such as 500ms, 1%, 200/s or "0.1"')]
PromQL = Annotated[str, Text(4096, multiline=True)]


class Abort(Model):
    """When a crossed limit stops the run."""

    lasting: Span = Field(alias="for", description="How long the limit must be crossed without a break, such as 30s.")


def _unit(threshold: "Threshold") -> tuple[str, str]:
    """The pattern that the limits of a threshold must have, and the sentence that says so."""
    match threshold.metric:
        case None:
            return NUMBER_PATTERN, quantities.NUMBER_SAYS
        case Metric.RPS:
            return RATE_PATTERN, quantities.RATE_SAYS
        case metric if metric in SHARES:
            return SHARE_PATTERN, quantities.SHARE_SAYS
        case _:
            return DURATION_PATTERN, quantities.LATENCY_SAYS


def _unit_rule(limit: str, applies: str, kind: str, pattern: str, says: str) -> Rule:
    """One limit of one kind of metric has that kind's unit."""
    text = Text(20, pattern)
    return Rule(
        cel=f"!has(self.{limit}) || !({applies}) || {matches_cel(f'self.{limit}', pattern)}",
        holds=lambda t: getattr(t, limit) is None or _unit(t)[0] != pattern or text.fits(getattr(t, limit)),
        message=f"{limit} {says} for {kind}",
        at=f".{limit}",
    )


def _unit_rules(limit: str) -> tuple[Rule, ...]:
    return (
        _unit_rule(
            limit, f"has(self.metric) && {_IS_LATENCY}", "a latency metric", DURATION_PATTERN, quantities.LATENCY_SAYS
        ),
        _unit_rule(limit, f"has(self.metric) && {_IS_SHARE}", "this metric", SHARE_PATTERN, quantities.SHARE_SAYS),
        _unit_rule(limit, f"has(self.metric) && {_IS_RATE}", "rps", RATE_PATTERN, quantities.RATE_SAYS),
        _unit_rule(limit, "has(self.promql)", "promql", NUMBER_PATTERN, quantities.NUMBER_SAYS),
    )


def _milder(applies: str, value: str, pattern: str, order: str) -> Rule:
    """For one kind of limit: warn comes before fail."""
    warn, fail = value.replace("LIMIT", "self.warn"), value.replace("LIMIT", "self.fail")
    fits = f"{matches_cel('self.warn', pattern)} && {matches_cel('self.fail', pattern)}"
    return Rule(
        cel=f"!has(self.warn) || !has(self.fail) || !({applies}) || !({fits}) || {warn} {order} {fail}",
        holds=lambda t: _unit(t)[0] != pattern or _warn_is_milder(t, order),
        message="warn must be milder than fail: swap them or remove one",
        at=".warn",
    )


def _warn_is_milder(threshold: "Threshold", order: str) -> bool:
    if (threshold.worse is Worse.LOWER) != (order == ">") and threshold.metric is None:
        return True
    try:
        warn, fail = threshold.warn_value, threshold.fail_value
    except ValueError:
        return True
    if warn is None or fail is None:
        return True
    return warn > fail if order == ">" else warn < fail


_LOWER: Final = "has(self.worse) && self.worse == 'lower'"
_MILDER: Final = (
    _milder(f"has(self.metric) && {_IS_LATENCY}", "duration(LIMIT)", DURATION_PATTERN, "<"),
    _milder(f"has(self.metric) && {_IS_SHARE}", share_cel("LIMIT"), SHARE_PATTERN, "<"),
    _milder(f"has(self.metric) && {_IS_RATE}", rate_cel("LIMIT"), RATE_PATTERN, ">"),
    _milder(f"has(self.promql) && !({_LOWER})", "double(LIMIT)", NUMBER_PATTERN, "<"),
    _milder(f"has(self.promql) && {_LOWER}", "double(LIMIT)", NUMBER_PATTERN, ">"),
)


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
        excludes("promql", "endpoint", "slice", "abort"),
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
        *_unit_rules("warn"),
        *_unit_rules("fail"),
        *_MILDER,
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
    abort: Abort | None = Field(None, description="Stop the run early while fail is crossed for this long.")

    @property
    def warn_value(self) -> float | None:
        """The warning limit in base units: seconds, fraction, per second, or the plain number."""
        return self._value(self.warn)

    @property
    def fail_value(self) -> float | None:
        """The failing limit in base units: seconds, fraction, per second, or the plain number."""
        return self._value(self.fail)

    @property
    def lower_is_worse(self) -> bool:
        """Whether falling below the limit crosses it, rather than rising above."""
        return self.worse is Worse.LOWER or self.metric is Metric.RPS

    @property
    def title(self) -> str:
        """How results call this threshold: its name, or what it limits."""
        if self.name is not None:
            return self.name
        parts = [str(self.metric), *(f"of {self.endpoint}" for _ in [0] if self.endpoint)]
        return " ".join([*parts, *(f"in {self.stage}" for _ in [0] if self.stage)])

    def _value(self, limit: str | None) -> float | None:
        if limit is None:
            return None
        match self.metric:
            case None:
                return float(limit)
            case Metric.RPS:
                return quantities.parse_rate(limit)
            case metric if metric in SHARES:
                return quantities.parse_share(limit)
            case _:
                return quantities.parse_latency(limit)


Thresholds = Annotated[tuple[Threshold, ...], Items(50)]
