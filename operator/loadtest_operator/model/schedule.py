"""The LoadTestSchedule resource: when LoadTests are created, and from what."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from loadtest_operator.model import cron, reading
from loadtest_operator.model.common import Label, ObjectName
from loadtest_operator.model.errors import Problem
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.meta import ObjectMeta, name_rules
from loadtest_operator.model.names import SCHEDULE, SCHEDULE_NAME_MAX
from loadtest_operator.model.phases import ConcurrencyPolicy
from loadtest_operator.model.quantities import TIMESTAMP, Span, Timeout, Timestamp, in_order
from loadtest_operator.model.rules import at_least_one, exactly_one, needs
from loadtest_operator.model.runners import AnnotationMap, LabelMap
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.status import LoadTestScheduleStatus


def _cron_field(value: str, special: str = "") -> str:
    """One field of a cron expression: a list of values, ranges and steps, with the special forms of that field."""
    item = rf"((\*|{value}(-{value})?)(/[0-9]{{1,2}})?{special})"
    return f"{item}(,{item})*"


_MONTH: Final = "(0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_WEEKDAY: Final = "([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)"
_CRON: Final = " +".join(
    (
        _cron_field("[0-5]?[0-9]"),
        _cron_field("([01]?[0-9]|2[0-3])"),
        _cron_field("(0?[1-9]|[12][0-9]|3[01])", "|L"),
        _cron_field(_MONTH),
        _cron_field(_WEEKDAY, f"|{_WEEKDAY}(L|#[1-5])"),
    )
)
CRON_SAYS: Final = 'must be five cron fields such as "0 2 * * *" (minute, hour, day, month, weekday; L and # are known)'
Cron = Annotated[str, Text(100, _CRON, CRON_SAYS, beyond=cron.wrong)]


def _zone_exists(name: str) -> bool:
    return cron.zone(name) is not None


TimeZone = Annotated[
    str,
    Text(
        64,
        "[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*",
        "must be a time zone's name such as Europe/Berlin or UTC",
        # An unknown zone is an evaluation error, which refuses the object as well.
        bound="timestamp('2026-01-01T00:00:00Z').getFullYear(self) > 0",
        within=_zone_exists,
    ),
]


class Trigger(Model):
    """A workload whose rollout starts a test."""

    api_version: Annotated[str, Text(128, r"([-a-z0-9.]+/)?v[a-z0-9]+", "must be an API version such as apps/v1")] = (
        Field(description="The workload's API version, such as apps/v1.")
    )
    kind: Annotated[str, Text(63, r"[A-Z][A-Za-z0-9]*", "must be a kind such as Deployment")] = Field(
        description="The workload's kind, such as Deployment."
    )
    name: ObjectName = Field(description="The workload's name.")
    namespace: Label | None = Field(
        None, description="Its namespace; the schedule's own when absent. Others need the operator's policy."
    )
    settle: Timeout | None = Field(
        None, description="How long the rollout must be over before the test starts, such as 60s."
    )


class Blackout(Model):
    """A time in which nothing starts: repeating (schedule and duration) or once (from and to)."""

    rules = (
        exactly_one("schedule", "from", hint=": a repeating time (with duration), or one time (with to)"),
        needs("schedule", "duration"),
        needs("duration", "schedule"),
        needs("from", "to"),
        needs("to", "from"),
        in_order("from", "to", TIMESTAMP, "to must be later than from: correct one of them", at="to"),
    )

    schedule: Cron | None = Field(None, description="When it begins, as five cron fields.")
    duration: Span | None = Field(None, description="How long it lasts each time.")
    start: Timestamp | None = Field(None, alias="from", description="When it begins, once.")
    end: Timestamp | None = Field(None, alias="to", description="When it ends.")


class History(Model):
    """How many finished LoadTests of this schedule stay."""

    passed: int | None = Field(None, ge=0, le=100, description="How many that passed.")
    failed: int | None = Field(None, ge=0, le=100, description="How many that did not.")


class TemplateMeta(Model):
    """Labels and annotations of the created LoadTests."""

    labels: LabelMap | None = Field(None, description="Labels to put on them.")
    annotations: AnnotationMap | None = Field(None, description="Annotations to put on them.")


class Template(Model):
    """The LoadTest to create."""

    metadata: TemplateMeta | None = Field(None, description="Labels and annotations of the created LoadTests.")
    spec: LoadTestSpec = Field(description="Their spec, the same as in a LoadTest.")


class LoadTestScheduleSpec(Model):
    """When to create LoadTests, and from what."""

    rules = (at_least_one("schedule", "triggers", hint=": when tests are started"),)

    schedule: Cron | None = Field(
        None, description='When, as five cron fields; L and # are known ("0 2 * * 5L": the last Friday).'
    )
    time_zone: TimeZone | None = Field(None, description="The time zone of schedule and blackout.")
    triggers: Annotated[tuple[Trigger, ...], Items(20, min=1)] | None = Field(
        None, description="Workloads whose finished rollout starts a test."
    )
    concurrency_policy: ConcurrencyPolicy | None = Field(
        None,
        description="What happens when the last test is not over: Queue (at most one waits), Forbid, Replace or Allow.",
    )
    starting_deadline: Timeout | None = Field(
        None, description="A start that is later than this (the operator was away) is counted as missed."
    )
    blackout: Annotated[tuple[Blackout, ...], Items(20)] | None = Field(
        None, description="Times in which nothing starts."
    )
    suspend: bool | None = Field(None, description="Start nothing for now.")
    history: History | None = Field(None, description="How many finished LoadTests stay.")
    template: Template = Field(description="The LoadTest to create.")


class LoadTestSchedule(Model):
    """Creates LoadTests by cron or when a workload was rolled out, and keeps their trend."""

    rules = name_rules(SCHEDULE, SCHEDULE_NAME_MAX)

    api_version: Annotated[Literal["loadtest.dev/v1alpha1"], Field(description="Always loadtest.dev/v1alpha1.")]
    kind: Annotated[Literal["LoadTestSchedule"], Field(description="Always LoadTestSchedule.")]
    metadata: ObjectMeta = Field(description="Name, namespace, labels and annotations.")
    spec: LoadTestScheduleSpec = Field(description="What is wanted.")
    status: LoadTestScheduleStatus = Field(
        default_factory=LoadTestScheduleStatus, description="What the operator found. It alone writes here."
    )


def parse(raw: Mapping[str, Any]) -> LoadTestSchedule:
    """A LoadTestSchedule as read from YAML or from the API server; raises InvalidSpec with every problem found."""
    return reading.parse(LoadTestSchedule, raw)


def problems(raw: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a LoadTestSchedule; nothing when it is fine."""
    return reading.problems(LoadTestSchedule, raw)
