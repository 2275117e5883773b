"""A run that is stopped before its end: the load ends, what was measured is kept, and nothing is said of the target."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build.names import ANNOTATION_RUN_REQUESTED
from loadtest_operator.decide import ending, hookjobs, refusal, ticket
from loadtest_operator.decide.observed import Do, Note, Observed, Plan
from loadtest_operator.decide.status import RESULTS, Fact, Outcome, Statement, clip, compose
from loadtest_operator.model import defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import OnChange, Phase, RunOn, StopReason

ASK_AGAIN = timedelta(seconds=0.3)
# A master that cannot be asked for this long is ended with its Jobs: who stops a load wants it stopped.
PATIENCE = timedelta(seconds=30)

REMARK_LENGTH = 200  # the command that follows it must not be cut off

_UNDER_WAY = {Phase.PREPARING, Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING, Phase.COLLECTING}
_SENDING = {"Loading", "WaitingForWorkers", "Preflight", "Running", ""}


def wanted(seen: Observed) -> StopReason | None:
    """Why the run under way has to stop; None: it need not, or was told already."""
    run = seen.status.get("run") or {}
    if seen.phase not in _UNDER_WAY or "endTime" in run or seen.stop_reason is not None or seen.stored:
        return None
    if seen.asked_to_stop:
        return StopReason.CANCELLED
    if seen.phase is Phase.COLLECTING or refusal.refused(seen.inputs) or seen.inputs.test is None:
        return None  # the load is over, or there is nothing that this run would have to make room for
    spec = seen.inputs.test.spec
    if defaults.suspend(spec):
        return StopReason.SUSPENDED
    replaced = defaults.on_change(spec) is OnChange.REPLACE and defaults.run_on(spec) is RunOn.CHANGE
    newer = seen.frozen is not None and not seen.inputs.answered_by(seen.run_key)
    return StopReason.SUPERSEDED if replaced and newer else None


def begin(seen: Observed, reason: StopReason, now: datetime) -> Plan:
    """Without load it is over at once. Else the reason is written first: no restart and no edit may lose it."""
    if not _under_load(seen):
        return _without_results(seen, now, reason, "before any load")
    assert seen.phase is not None
    run = {**seen.status["run"], "stopReason": str(reason)}
    message = f"{_WHY[reason]}: the load is being stopped, what was measured is collected"
    say = Statement(seen.phase, Outcome.WORKING, Reason(str(seen.phase)), message, fields={"run": run})
    return Plan(
        status=compose(seen, say, now), notes=(Note("Normal", "Stopping", message),), requeue_after=timedelta(0)
    )


def ask(seen: Observed, plan: Plan, now: datetime) -> Plan:
    """Beside what follows from the master's words: it is asked to stop, again and again until it does."""
    if seen.stop_reason is None or seen.agent.phase not in _SENDING or plan.delete or plan.stop:
        return plan
    silent = seen.agent.silent_since
    if silent is not None and now - silent > PATIENCE:
        why = f"; the master could not be asked for {int(PATIENCE.total_seconds())} s, what it measured is lost"
        return _without_results(seen, now, seen.stop_reason, f"with its pods{why}")
    return replace(plan, do=(*plan.do, Do.STOP), requeue_after=ASK_AGAIN)


def instead(seen: Observed, plan: Plan, now: datetime) -> Plan:
    """A run that breaks while it is being stopped was still stopped."""
    if seen.stop_reason is None or plan.status is None or plan.status["phase"] != Phase.ERROR:
        return plan
    if seen.phase not in {*_UNDER_WAY, Phase.JUDGING}:
        return plan
    fields = {key: value for key, value in plan.status.items() if key in RESULTS}
    stopped = conclude(seen, now, seen.stop_reason, fields, f"(meanwhile: {plan.status['message']})")
    return replace(stopped, delete=plan.delete, stop=plan.stop)


def conclude(seen: Observed, now: datetime, reason: StopReason, results: Mapping[str, Any], remark: str = "") -> Plan:
    """The last status of the run: its numbers without a verdict, for nobody can say what the rest had shown."""
    message = f"{_WHY[reason]}{f' {clip(remark, REMARK_LENGTH)}' if remark else ''}{_kept(results)}"
    return told(seen, now, reason, results, f"{message}; {_what_next(seen, reason)}")


def told(seen: Observed, now: datetime, reason: StopReason, results: Mapping[str, Any], message: str) -> Plan:
    shown = {key: value for key, value in results.items() if key != "verdict"}
    ended = ending.finished_run(seen, now, reason, (shown.get("summary") or {}).get("p95"))
    ended["run"]["stopReason"] = str(reason)
    message = hookjobs.with_failure(seen, message)
    note = Note("Normal", str(reason), message)
    if reason is StopReason.SUPERSEDED:
        return _make_room(seen, now, message, note, ended)
    say = Statement(
        phase=_PHASES[reason],
        outcome=_outcome(seen, reason),
        reason=Reason(str(reason)),
        message=message,
        facts=hookjobs.fact(seen),
        fields={**shown, **ended},
        passed=False,
    )
    return Plan(status=compose(seen, say, now), notes=(note,), requeue_after=timedelta(0))


def _make_room(seen: Observed, now: datetime, message: str, note: Note, ended: Mapping[str, Any]) -> Plan:
    """The newer spec stands in line from here on; its own look tells whether it has to wait."""
    place = {"since": ticket.stamp(now), "waitingFor": "the run that it replaces has just ended"}
    say = Statement(
        phase=Phase.QUEUED,
        outcome=Outcome.WORKING,
        reason=Reason.QUEUED,
        message=message,
        facts=(Fact(ConditionType.ADMITTED, False, Reason.QUEUED, message),),
        fields={**ended, "queue": place},
        fresh=True,
    )
    status = compose(seen, say, now)
    return Plan(
        delete=ending.leftovers(seen) or ending.everything_made(seen),
        status=status,
        notes=(note,),
        requeue_after=timedelta(0),
    )


_PHASES = {StopReason.CANCELLED: Phase.CANCELLED, StopReason.SUSPENDED: Phase.SUSPENDED}


def _outcome(seen: Observed, reason: StopReason) -> Outcome:
    if reason is StopReason.CANCELLED:
        return Outcome.WORKING if seen.wants_another_run else Outcome.FAILS
    test = seen.inputs.test
    return Outcome.HELD if test is not None and defaults.suspend(test.spec) else Outcome.WORKING


def _without_results(seen: Observed, now: datetime, reason: StopReason, remark: str) -> Plan:
    return replace(conclude(seen, now, reason, {}, remark), delete=ending.everything_made(seen))


_WHY = {
    StopReason.CANCELLED: "stopped on request",
    StopReason.SUSPENDED: "suspended",
    StopReason.SUPERSEDED: "superseded by a newer spec",
}


def _under_load(seen: Observed) -> bool:
    return seen.phase in {Phase.RUNNING, Phase.COLLECTING} or bool(seen.agent.state.get("startedAt"))


def _kept(results: Mapping[str, Any]) -> str:
    requests = (results.get("summary") or {}).get("requests")
    return "" if requests is None else f"; {requests} requests were measured and are kept, without a verdict"


def _what_next(seen: Observed, reason: StopReason) -> str:
    """The command to copy: a new value each time."""
    if reason is StopReason.SUSPENDED:
        return "set spec.suspend to false and the test runs anew"
    metadata = seen.raw["metadata"]
    again = f"{ANNOTATION_RUN_REQUESTED}=after-{seen.status['run']['number']}"
    return f"to run it again: kubectl annotate --overwrite lt/{metadata['name']} -n {metadata['namespace']} {again}"
