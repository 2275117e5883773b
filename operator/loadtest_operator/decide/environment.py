"""The environment of a run: what it still lacks before the load, and its end in every outcome."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.decide import ending
from loadtest_operator.decide.observed import Do, Frozen, Note, Observed, Plan, Surroundings
from loadtest_operator.decide.readiness import lacking
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, same
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

# Its workloads are not watched: nobody may watch what others have in their namespaces.
LOOK_AGAIN = timedelta(seconds=1)
# Until a new RoleBinding is known to every part of the API server.
RIGHTS_COME = timedelta(seconds=0.2)
# A namespace with a few pods is gone in seconds; one that takes longer is waiting for somebody.
HANGS_AFTER = timedelta(seconds=30)
LOOK_AT_HANGING = timedelta(seconds=30)

_NEEDED = {Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING}

READY, TERMINATING, DELETED = "Ready", "Terminating", "Deleted"


def prepare(seen: Observed, frozen: Frozen, now: datetime) -> Plan | None:
    """What is next before the load pods; None: the environment is ready, or none is asked for."""
    around = seen.environment
    if frozen.test.spec.environment is None or around is None or _says_ready(seen):
        return None
    if around.leaving or (around.applied and around.lost):
        return lost(seen, now)
    if not around.applied:
        return _build(seen, frozen, around, now)
    lacks = lacking(frozen.environment, around.live)
    if not lacks:
        return None
    message = _sentence(lacks)
    if _late(seen, frozen, now):
        limit = quantities.duration(defaults.environment_timeout(frozen.test.spec))
        return ending.broken(
            seen,
            now,
            Reason.ENVIRONMENT_NOT_READY,
            f"not ready within {limit} (environment.ready.timeout): {message}",
        )
    return _tell(seen, message, now, LOOK_AGAIN)


def is_lost(seen: Observed) -> bool:
    """Somebody else deleted the target under the load."""
    return seen.environment is not None and seen.environment.lost and seen.phase in _NEEDED


def lost(seen: Observed, now: datetime) -> Plan:
    name = seen.environment.name if seen.environment else "of the environment"
    message = f"namespace {name} was deleted in phase {seen.phase}, not by this operator: ask for a new run"
    return ending.broken(seen, now, Reason.ENVIRONMENT_LOST, message)


def ready_fact(frozen: Frozen, name: str) -> tuple[Fact, ...]:
    if frozen.test.spec.environment is None:
        return ()
    said = f"everything in namespace {name} is ready"
    return (Fact(ConditionType.ENVIRONMENT_READY, True, Reason.ENVIRONMENT_READY, said),)


def ready_since(seen: Observed) -> datetime:
    """From when on load pods are started: since the attempt before was lost, the environment is ready, or admission."""
    again = seen.status["run"].get("attemptTime")
    if again:
        return quantities.parse_timestamp(again)
    if _says_ready(seen):
        ready = conditions.told(seen.status, ConditionType.ENVIRONMENT_READY)
        return quantities.parse_timestamp(ready["lastTransitionTime"])
    return quantities.parse_timestamp(seen.status["run"]["startTime"])


def beside(seen: Observed, plan: Plan, now: datetime) -> Plan:
    """Any plan, with the environment kept in the status while it is needed, and taken down when it is not."""
    around, run = seen.environment, seen.run
    if around is None or run is None or around.unknown:
        return plan
    replaced = plan.status is not None and (plan.status.get("run") or {}).get("id") != run.id
    over = plan.status is not None and _over(Phase(plan.status["phase"]))
    if not (seen.deleting or replaced or over or _over(seen.phase)):
        return _kept(seen, plan, around)
    do = (*plan.do, Do.END_ENVIRONMENT) if around.raw is not None and not around.leaving else plan.do
    plan = replace(plan, do=do)
    status = plan.status or seen.status
    if seen.deleting or (status.get("run") or {}).get("id") != run.id:
        return plan  # the next run has an environment of its own
    phase, fact = _end_of(around, now)
    told = _with(status, around.name, phase, fact, seen, now)
    news = fact.reason is Reason.ENVIRONMENT_TERMINATING and bool(fact.message) and not _told(seen, fact)
    notes = (
        (*plan.notes, Note("Warning", str(fact.reason), fact.message)) if news and _hangs(around, now) else plan.notes
    )
    again = [wait for wait in (plan.requeue_after, _look_at_end(around, now)) if wait is not None]
    return replace(
        plan,
        status=None if plan.status is None and same(told, seen.status) else told,
        notes=notes,
        requeue_after=min(again, default=None),
    )


def _build(seen: Observed, frozen: Frozen, around: Surroundings, now: datetime) -> Plan:
    count = len(frozen.environment)
    message = f"creating namespace {around.name} with {count} object{'s' if count != 1 else ''}"
    if _late(seen, frozen, now):
        return ending.broken(seen, now, Reason.ENVIRONMENT_NOT_READY, f"{message} took too long: see its Events")
    return replace(_tell(seen, message, now, RIGHTS_COME), do=(Do.BUILD_ENVIRONMENT,))


def _tell(seen: Observed, message: str, now: datetime, again: timedelta) -> Plan:
    fact = Fact(ConditionType.ENVIRONMENT_READY, False, Reason.ENVIRONMENT_NOT_READY, message)
    admitted = Fact(ConditionType.ADMITTED, True, Reason.ADMITTED, f"run {seen.status['run']['number']} admitted")
    say = Statement(
        Phase.PREPARING, Outcome.WORKING, Reason.PREPARING, f"environment: {message}", facts=(admitted, fact)
    )
    status = compose(seen, say, now)
    return Plan(status=None if same(status, seen.status) else status, requeue_after=again)


def _sentence(lacks: list[str]) -> str:
    more = len(lacks) - 2
    return "; ".join(lacks[:2]) + (f"; and {more} more" if more > 0 else "")


def _late(seen: Observed, frozen: Frozen, now: datetime) -> bool:
    started = quantities.parse_timestamp(seen.status["run"]["startTime"])
    return now - started > defaults.environment_timeout(frozen.test.spec)


def _says_ready(seen: Observed) -> bool:
    return conditions.holds(seen.status, ConditionType.ENVIRONMENT_READY)


def _over(phase: Phase | None) -> bool:
    return phase is not None and (phase.terminal or phase in {Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED})


def _kept(seen: Observed, plan: Plan, around: Surroundings) -> Plan:
    if plan.status is None or (plan.status.get("run") or {}).get("id") != (seen.status.get("run") or {}).get("id"):
        return plan
    ready = conditions.holds(plan.status, ConditionType.ENVIRONMENT_READY)
    phase = READY if ready else str(Phase.PREPARING)
    status = {**plan.status, "environment": {"namespace": around.name, "phase": phase}}
    return replace(plan, status=None if same(status, seen.status) else status)


def _end_of(around: Surroundings, now: datetime) -> tuple[str, Fact]:
    kind = ConditionType.ENVIRONMENT_READY
    if around.raw is None:
        return DELETED, Fact(kind, False, Reason.ENVIRONMENT_DELETED, f"namespace {around.name} is deleted")
    message = f"namespace {around.name} is being deleted"
    if _hangs(around, now):
        waits = _words_of(around.raw) or "it does not say what for"
        message = f"namespace {around.name} hangs in Terminating: {waits}; the verdict stands, remove what it waits for"
    return TERMINATING, Fact(kind, False, Reason.ENVIRONMENT_TERMINATING, message)


def _hangs(around: Surroundings | None, now: datetime) -> bool:
    since = ((around.raw if around else None) or {}).get("metadata", {}).get("deletionTimestamp")
    return since is not None and now - quantities.parse_timestamp(since) > HANGS_AFTER


def _look_at_end(around: Surroundings, now: datetime) -> timedelta | None:
    if around.raw is None:
        return None
    return LOOK_AT_HANGING if _hangs(around, now) else LOOK_AGAIN


def _words_of(namespace: Mapping[str, Any]) -> str:
    """The namespace's own conditions, which name the objects and finalizers that remain."""
    found = (namespace.get("status") or {}).get("conditions") or ()
    return "; ".join(str(item.get("message")) for item in found if item.get("status") == "True")


def _failed(status: Mapping[str, Any]) -> bool:
    reasons = {Reason.ENVIRONMENT_NOT_READY, Reason.ENVIRONMENT_FAILED, Reason.ENVIRONMENT_LOST}
    return conditions.told(status, ConditionType.ENVIRONMENT_READY).get("reason") in reasons


def _told(seen: Observed, fact: Fact) -> bool:
    return conditions.told(seen.status, fact.type).get("message") == fact.message


def _with(
    status: Mapping[str, Any], name: str, phase: str, fact: Fact, seen: Observed, now: datetime
) -> dict[str, Any]:
    there = status.get("conditions") or ()
    if _failed(status) and not _hangs(seen.environment, now):  # what it lacked is told for as long as it says more
        return {**status, "environment": {"namespace": name, "phase": phase}}
    said = conditions.condition(fact.type, fact.status, fact.reason, fact.message, seen.generation, now)
    if any(item["type"] == fact.type for item in there):
        wanted = [said if item["type"] == fact.type else item for item in there]  # in its place: the order says nothing
    else:
        wanted = [*there, said]
    return {
        **status,
        "environment": {"namespace": name, "phase": phase},
        "conditions": conditions.merge(seen.status.get("conditions") or (), wanted),
    }
