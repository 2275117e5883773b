"""A spec that could be run and is not: it is suspended, or waits to be asked for. Neither opens a gate."""

from datetime import datetime

from loadtest_operator.build.names import ANNOTATION_RUN_REQUESTED
from loadtest_operator.decide.observed import Note, Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, same
from loadtest_operator.model import defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, RunOn, StopReason


def held(seen: Observed, now: datetime) -> Plan | None:
    """What keeps the next run from starting, as a plan; None: nothing does."""
    assert seen.inputs.test is not None
    spec = seen.inputs.test.spec
    if defaults.suspend(spec):
        return _suspended(seen, now)
    if defaults.run_on(spec) is RunOn.REQUEST and not _asked_for(seen):
        return _unasked(seen, now)
    return None


def _asked_for(seen: Observed) -> bool:
    """By a new request, or by one whose run did not come to its end."""
    run = seen.status.get("run") or {}
    in_line = seen.phase is Phase.QUEUED and bool(seen.request)  # a request counts as seen from there on
    return in_line or seen.new_request or seen.unanswered or (bool(run) and "endTime" not in run)


def _suspended(seen: Observed, now: datetime) -> Plan:
    number = int((seen.status.get("run") or {}).get("number", 0)) + 1
    message = f"run {number} waits: spec.suspend is true; set it to false and it starts"
    kept = seen.stop_reason is StopReason.SUSPENDED and seen.inputs.answered_by(seen.run_key) and not seen.new_request
    if kept:
        message = str(seen.status.get("message") or message)
    return _tell(seen, Statement(Phase.SUSPENDED, Outcome.HELD, Reason.SUSPENDED, message, fresh=not kept), now)


def _unasked(seen: Observed, now: datetime) -> Plan:
    metadata = seen.raw["metadata"]
    number = int((seen.status.get("run") or {}).get("number", 0)) + 1
    command = f"kubectl annotate --overwrite lt/{metadata['name']} -n {metadata['namespace']}"
    message = f"runOn is Request: run {number} waits for {command} {ANNOTATION_RUN_REQUESTED}=run-{number}"
    return _tell(seen, Statement(Phase.PENDING, Outcome.HELD, Reason.NOT_REQUESTED, message, fresh=True), now)


def _tell(seen: Observed, say: Statement, now: datetime) -> Plan:
    fact = Fact(ConditionType.ADMITTED, False, say.reason, say.message)
    status = compose(seen, say.but(facts=(fact,)), now)
    if seen.phase is Phase.QUEUED:
        status.pop("lastHandledRunRequest", None)  # the run that it asked for did not come; it is asked for again later
    if same(status, seen.status):
        return Plan()
    return Plan(status=status, notes=(Note("Normal", str(say.reason), say.message),))
