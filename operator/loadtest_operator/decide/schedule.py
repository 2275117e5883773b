"""A LoadTestSchedule: (the object, its LoadTests, now) -> what to create and delete, and what the status says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from loadtest_operator.build import scheduled as build
from loadtest_operator.decide import due as starts
from loadtest_operator.decide import history
from loadtest_operator.decide.due import Due, Policy
from loadtest_operator.decide.observed import Note
from loadtest_operator.decide.scheduled import Made
from loadtest_operator.decide.schedulestatus import Statement, compose
from loadtest_operator.model import cron, defaults, quantities, schedule, supported
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.cron import Cron
from loadtest_operator.model.errors import InvalidSpec
from loadtest_operator.model.schedule import LoadTestScheduleSpec

# The next look comes by a clock that steps of the wall clock do not move; so it is not left to itself for longer.
LOOK_AGAIN: Final = timedelta(minutes=10)
LOOK_AGAIN_REFUSED: Final = timedelta(seconds=30)
SOON: Final = timedelta(seconds=1)

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Why the API server, or somebody else's object, does not let a LoadTest be created."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Seen:
    raw: Raw
    tests: tuple[Raw, ...] = ()  # those that this schedule controls
    refusal: Refusal | None = None

    @property
    def made(self) -> tuple[Made, ...]:
        return tuple(Made(raw) for raw in self.tests)

    @property
    def status(self) -> Raw:
        return self.raw.get("status") or {}


@dataclass(frozen=True)
class SchedulePlan:
    """In this order: a creation, ONE status write, Events, deletions, and when to look again."""

    create: Raw | None = None
    status: dict[str, Any] | None = None  # None: leave it as it is
    notes: tuple[Note, ...] = ()
    delete: tuple[Raw, ...] = ()
    requeue_after: timedelta | None = None


def decide(seen: Seen, now: datetime) -> SchedulePlan:
    if "deletionTimestamp" in seen.raw["metadata"]:
        return SchedulePlan()
    try:
        spec = schedule.parse(seen.raw).spec
    except InvalidSpec as error:
        return _stalled(seen, Reason.INVALID_SPEC, str(error), now)
    if fields := supported.unsupported(spec):
        says = f"this version does not act on {', '.join(fields)} yet: remove it, or use a newer version"
        return _stalled(seen, Reason.NOT_SUPPORTED_YET, says, now)
    if spec.suspend:
        status = compose(seen.raw, seen.made, Statement(True, Reason.SUSPENDED), now)
        return SchedulePlan(status=_new(seen, status), delete=history.outlived(seen.made, spec.history))
    return _planned(seen, spec, now)


def _stalled(seen: Seen, reason: Reason, message: str, now: datetime) -> SchedulePlan:
    status = _new(seen, compose(seen.raw, seen.made, Statement(False, reason, message, stalled=True), now))
    notes = (Note("Warning", str(reason), message),) if status else ()
    return SchedulePlan(status=status, notes=notes)


def _planned(seen: Seen, spec: LoadTestScheduleSpec, now: datetime) -> SchedulePlan:
    line, deadline = _line(spec), spec.starting_deadline or defaults.STARTING_DEADLINE
    begin = _since(seen, line, now)
    found = starts.due(line, begin, now, seen.made, _policy(spec), _vanished(seen))
    refused = seen.refusal if found.start else None
    if refused:  # asked for again until its deadline: a person may help meanwhile
        found = replace(found, start=None, next=found.start)
    create = build.loadtest(seen.raw, found.start) if found.start else None
    say = _statement(seen, found, spec, refused)
    status = _new(seen, compose(seen.raw, seen.made, say, now))
    again = min(_until(line, now), LOOK_AGAIN_REFUSED if refused else LOOK_AGAIN, max(deadline / 2, SOON))
    # A start that the status does not count as settled yet is known by its LoadTest alone: that one stays.
    gone = tuple(raw for raw in history.outlived(seen.made, spec.history) if Made(raw).minute < build.minute(begin))
    return SchedulePlan(create, status, _notes(found, spec, refused) if status else (), gone, again)


def _line(spec: LoadTestScheduleSpec) -> Cron:
    zone = cron.zone(spec.time_zone or defaults.TIME_ZONE)
    assert spec.schedule is not None
    assert zone is not None
    return Cron(spec.schedule, zone)


def _policy(spec: LoadTestScheduleSpec) -> Policy:
    return Policy(
        spec.concurrency_policy or defaults.CONCURRENCY_POLICY, spec.starting_deadline or defaults.STARTING_DEADLINE
    )


def _since(seen: Seen, line: Cron, now: datetime) -> datetime:
    metadata, planned = seen.raw["metadata"], seen.status.get("nextRun")
    return starts.since(
        line,
        datetime.fromisoformat(planned) if planned else None,
        _edited(metadata),
        datetime.fromisoformat(metadata["creationTimestamp"]),
        now,
        known=seen.status.get("observedGeneration") == metadata.get("generation", 1),
    )


def _vanished(seen: Seen) -> bool:
    active = set(seen.status.get("active") or ())
    return bool(active) and not active & {item.name for item in seen.made}


def _edited(metadata: Raw) -> datetime | None:
    """When somebody last wrote the spec, on the word of the API server."""
    entries = metadata.get("managedFields") or ()
    times = [item["time"] for item in entries if item.get("time") and not item.get("subresource")]
    return max(map(datetime.fromisoformat, times), default=None)


def _until(line: Cron, now: datetime) -> timedelta:
    following = line.after(now)
    return following - now if following else LOOK_AGAIN


def _statement(seen: Seen, found: Due, spec: LoadTestScheduleSpec, refused: Refusal | None) -> Statement:
    name = seen.raw["metadata"]["name"]
    started = build.name(name, found.start) if found.start else None
    say = Statement(True, Reason.SCHEDULED, _next_in_words(found, spec), found.next, started, found.missed)
    if refused:
        return replace(say, ready=False, reason=refused.reason, message=refused.message)
    if found.held:
        running = ", ".join(item.name for item in seen.made if not item.over)
        return replace(say, message=f"the start of {quantities.timestamp(found.held)} waits for the end of {running}")
    return say


def _next_in_words(found: Due, spec: LoadTestScheduleSpec) -> str:
    if found.next is None:
        return "nothing is due any more"
    moment = quantities.timestamp(found.next)
    if not spec.time_zone or spec.time_zone == defaults.TIME_ZONE:
        return f"the next run is due at {moment}"
    local = found.next.astimezone(cron.zone(spec.time_zone))
    return f"the next run is due at {moment} ({local:%H:%M} in {spec.time_zone})"


def _notes(found: Due, spec: LoadTestScheduleSpec, refused: Refusal | None) -> tuple[Note, ...]:
    notes = [Note("Warning", str(refused.reason), refused.message)] if refused else []
    if found.start:
        notes.append(Note("Normal", "Started", f"started for {quantities.timestamp(found.start)}"))
    if found.missed:
        notes.append(Note("Warning", "Missed", _missed_in_words(found, spec)))
    return tuple(notes)


def _missed_in_words(found: Due, spec: LoadTestScheduleSpec) -> str:
    count = f"{found.missed} {'start was' if found.missed == 1 else 'starts were'} missed"
    if found.skipped:
        return f"{count}: at {quantities.timestamp(found.skipped)} another run was active (concurrencyPolicy Forbid)"
    if found.late:
        deadline = quantities.duration(spec.starting_deadline or defaults.STARTING_DEADLINE)
        return f"{count}: {quantities.timestamp(found.late)} is longer ago than startingDeadline {deadline}"
    return f"{count}: only the newest one is made up"


def _new(seen: Seen, status: dict[str, Any]) -> dict[str, Any] | None:
    return None if status == seen.status else status
