"""A run begins: when it is its turn, its number and id are fixed before anything is created."""

from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build import names
from loadtest_operator.decide import held, refusal, ticket
from loadtest_operator.decide.observed import Note, Observed, Plan
from loadtest_operator.decide.queue import Turn
from loadtest_operator.decide.status import HISTORY_LENGTH, Fact, Outcome, Statement, compose, same, stamp
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, Verdict

# A decision to stand in line, or an end of the wait, is told by the queue; this is for what nobody tells.
LOOK_AGAIN = timedelta(minutes=1)


def begin(seen: Observed, now: datetime) -> Plan:
    return refusal.refuse(seen, now) if refusal.refused(seen.inputs) else held.held(seen, now) or admit(seen, now)


def may_begin(seen: Observed) -> bool:
    """Whether a decision about it could admit a run, so that it has to be known whose turn it is."""
    if seen.deleting or seen.inputs.test is None or refusal.refused(seen.inputs):
        return False
    if seen.phase is Phase.PREPARING:  # edited before anything was created: other locks, perhaps
        return seen.frozen is None and (seen.status.get("run") or {}).get("runKey") != seen.inputs.run_key
    if seen.phase is not None and seen.phase in ticket.UNDER_WAY:
        return False
    return seen.phase in {None, Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED} or seen.wants_another_run


def admit(seen: Observed, now: datetime) -> Plan:
    """The first write that knows the run: its number and id are fixed here, and what it keeps others from."""
    assert seen.turn is not None, "nobody asked whose turn it is"
    if seen.turn.reason is Reason.LIMIT_EXCEEDED:
        return refusal.stalled(seen, now, Reason.LIMIT_EXCEEDED, seen.turn.waiting_for)
    if not seen.turn.goes:
        return _wait(seen, seen.turn, now)
    run = _run(seen, now)
    message = f"run {run['number']} admitted"
    say = Statement(
        phase=Phase.PREPARING,
        outcome=Outcome.WORKING,
        reason=Reason.PREPARING,
        message=message,
        facts=(Fact(ConditionType.ADMITTED, True, Reason.ADMITTED, message),),
        fields={"run": run, **_handled(seen)},
        fresh=True,
    )
    return Plan(status=compose(seen, say, now), requeue_after=timedelta(0))


def _run(seen: Observed, now: datetime) -> dict[str, Any]:
    assert seen.inputs.test is not None
    metadata, spec = seen.raw["metadata"], seen.inputs.test.spec
    number = int((seen.status.get("run") or {}).get("number", 0)) + 1
    taken = ticket.need(spec, metadata["namespace"])
    run: dict[str, Any] = {
        "id": names.run_id(metadata["name"], metadata["uid"], number),
        "number": number,
        "attempt": 1,
        "runKey": seen.inputs.run_key,
        "startTime": stamp(now),
        "workers": taken.workers,
        "users": taken.users,
    }
    if taken.locks:
        run["locks"] = sorted(taken.locks)
    if spec.target.version:
        run["targetVersion"] = spec.target.version
    return run


def _handled(seen: Observed) -> dict[str, Any]:
    return {"lastHandledRunRequest": seen.request} if seen.request else {}


def _wait(seen: Observed, turn: Turn, now: datetime) -> Plan:
    """Phase Queued, with the place and what it waits for; written when that changed."""
    assert seen.inputs.test is not None
    since = ticket.since(seen.raw, now)
    limit = defaults.queue_timeout(seen.inputs.test.spec)
    if now - since > limit:
        return _gave_up(seen, turn, limit, now)
    place: dict[str, Any] = {"since": ticket.stamp(since), "waitingFor": turn.waiting_for}
    if turn.position is not None:
        place["position"] = turn.position
    message = f"waits: {turn.waiting_for}"
    say = Statement(
        phase=Phase.QUEUED,
        outcome=Outcome.WORKING,
        reason=turn.reason,
        message=message,
        facts=(Fact(ConditionType.ADMITTED, False, turn.reason, message),),
        fields={"queue": place, **_handled(seen)},
        fresh=True,
    )
    status = compose(seen, say, now)
    again = max(timedelta(0), min(since + limit - now, LOOK_AGAIN)) + timedelta(milliseconds=10)
    if same(status, seen.status):
        return Plan(requeue_after=again)
    news = turn.reason not in {Reason.QUEUED, _reason(seen)}
    notes = (Note("Warning", str(turn.reason), message),) if news else ()
    return Plan(status=status, notes=notes, requeue_after=again)


def _reason(seen: Observed) -> str:
    return str(conditions.told(seen.status, ConditionType.ADMITTED).get("reason", ""))


def _gave_up(seen: Observed, turn: Turn, limit: timedelta, now: datetime) -> Plan:
    """It counts as a run, so that it is not queued again by itself."""
    run = {**_run(seen, now), "endTime": stamp(now)}
    line = {"id": run["id"], "number": run["number"], "verdict": str(Verdict.ERROR), "endTime": run["endTime"]}
    message = f"not its turn within queue.timeout ({quantities.duration(limit)}): {turn.waiting_for}"
    say = Statement(
        phase=Phase.ERROR,
        outcome=Outcome.FAILS,
        reason=Reason.QUEUE_TIMEOUT,
        message=message,
        facts=(Fact(ConditionType.ADMITTED, False, Reason.QUEUE_TIMEOUT, message),),
        fields={
            "run": run,
            "verdict": str(Verdict.ERROR),
            "history": [line, *(seen.status.get("history") or ())][:HISTORY_LENGTH],
            **_handled(seen),
        },
        fresh=True,
        passed=False,
    )
    note = Note("Warning", str(Reason.QUEUE_TIMEOUT), message)
    return Plan(status=compose(seen, say, now), notes=(note,), requeue_after=timedelta(0))
