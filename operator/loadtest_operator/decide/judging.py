"""Judging: results are judged and committed; then, and only then, the run is Completed."""

from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.decide import ending, hookjobs, hooks, losses, refusal, stopping
from loadtest_operator.decide.follow import ASK_ENDING
from loadtest_operator.decide.gate import gate
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.losses import STORE_AGAIN
from loadtest_operator.decide.observed import Do, Note, Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, same
from loadtest_operator.model import defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, Verdict

PROMETHEUS_AGAIN = timedelta(seconds=2)


def decide(seen: Observed, now: datetime) -> Plan:
    if (end := hooks.resumed(seen, now)) is not None:
        return end
    if (loss := losses.told(seen)) is not None:
        return losses.finish(seen, now, loss, _results(seen.judgement) if seen.judgement else None)
    if seen.stored and seen.judgement is not None:
        if hookjobs.weighed(seen, seen.judgement) != seen.judgement:  # the store is to tell the same verdict
            return _store_away(seen, now) if seen.store_problem else Plan(do=(Do.JUDGE,), requeue_after=timedelta(0))
        return conclude(seen, seen.judgement, now)
    if (held_up := _held_up(seen, now)) is not None:
        return held_up
    if seen.stored or seen.agent.complete:
        return Plan(do=(Do.JUDGE,), requeue_after=timedelta(0))
    if seen.children.master_end is not None:
        return losses.master_ended(seen, seen.children.master_end, now)
    if seen.children.master is None:
        return losses.master_gone(seen, now)
    if (given_up := losses.unreadable(seen, now)) is not None:
        return given_up
    return Plan(requeue_after=ASK_ENDING)


def conclude(seen: Observed, judgement: Judgement, now: datetime) -> Plan:
    """The final status of a run that was measured."""
    fields = _results(judgement)
    if seen.stop_reason is not None and not (seen.phase and seen.phase.terminal):
        return stopping.conclude(seen, now, seen.stop_reason, fields)
    if seen.agent.state.get("error"):
        return ending.agent_failed(seen, now, fields)
    spec = seen.inputs.test.spec if seen.inputs.test else seen.frozen.test.spec if seen.frozen else None
    passes = spec is not None and gate(judgement.verdict, defaults.fail_on(spec)).passes
    outcome = Outcome.PASSES if passes else Outcome.FAILS
    if seen.wants_another_run or refusal.blocks(seen):
        outcome = Outcome.WORKING  # a newer spec or request waits: nobody may read these results as its answer
    say = Statement(
        phase=Phase.COMPLETED,
        outcome=outcome,
        reason=Reason(str(judgement.verdict)),
        message=judgement.message,
        facts=(_admitted(seen), _health(judgement), *hookjobs.fact(seen)),
        fields={**fields, **_finished(seen, judgement, now)},
        passed=passes,
    )
    status = compose(seen, say, now)
    if same(status, seen.status):
        return Plan()
    note = Note("Normal" if passes else "Warning", str(judgement.verdict), judgement.message)
    return Plan(status=status, notes=(note,), requeue_after=timedelta(0))


def _admitted(seen: Observed) -> Fact:
    """A refusal of a spec that was taken back must not stay."""
    return Fact(ConditionType.ADMITTED, True, Reason.ADMITTED, f"run {seen.status['run']['number']} admitted")


def _finished(seen: Observed, judgement: Judgement, now: datetime) -> dict[str, Any]:
    return ending.finished_run(seen, now, judgement.verdict, judgement.summary.get("p95"))


def _results(judgement: Judgement) -> dict[str, Any]:
    found = {
        "verdict": str(judgement.verdict),
        "summary": dict(judgement.summary),
        "endpoints": [dict(item) for item in judgement.endpoints],
        "errors": [dict(item) for item in judgement.errors],
        "thresholds": [dict(item) for item in judgement.thresholds],
        "comparison": dict(judgement.comparison or {}),
        "validity": dict(judgement.validity),
    }
    return {key: value for key, value in found.items() if value}


def _health(judgement: Judgement) -> Fact:
    if judgement.verdict is not Verdict.INVALID:
        return Fact(ConditionType.GENERATOR_HEALTHY, True, Reason.GENERATOR_HEALTHY, Reason.GENERATOR_HEALTHY.says)
    reasons = judgement.validity.get("reasons") or [str(Reason.INVALID)]
    first = str(reasons[0]).split(":")[0]
    known = Reason(first) if first in Reason.__members__.values() else Reason.INVALID
    return Fact(ConditionType.GENERATOR_HEALTHY, False, known, judgement.message)


def _held_up(seen: Observed, now: datetime) -> Plan | None:
    """By the store, or by Prometheus; None: by nothing."""
    if seen.store_problem:
        return _store_away(seen, now)
    if seen.query_problem:
        return _waits(seen, now, Reason.PROMETHEUS_UNAVAILABLE, seen.query_problem, PROMETHEUS_AGAIN)
    return None


def _store_away(seen: Observed, now: datetime) -> Plan:
    says = f"{seen.store_problem}; the results wait in the master"
    return _waits(seen, now, Reason.STORE_UNAVAILABLE, says, STORE_AGAIN)


def _waits(seen: Observed, now: datetime, reason: Reason, message: str, again: timedelta) -> Plan:
    """Told once; the judging itself is tried again and again."""
    say = Statement(phase=Phase.JUDGING, outcome=Outcome.WORKING, reason=reason, message=message)
    status = compose(seen, say, now)
    # Half of the windows must never become the result: an operator that is new collects first.
    retry = Plan(do=(Do.JUDGE,) if seen.agent.complete or seen.stored else (), requeue_after=again)
    if same(status, seen.status):
        return retry
    return Plan(status=status, notes=(Note("Warning", str(reason), message),), requeue_after=again)
