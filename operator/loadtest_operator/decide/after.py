"""After a run: let the master go, judge again when only the judging changed, and take down what is no longer needed."""

from dataclasses import replace
from datetime import datetime, timedelta

from loadtest_operator.decide import admission, ending, judging, refusal
from loadtest_operator.decide.gate import gate
from loadtest_operator.decide.observed import Do, Observed, Plan
from loadtest_operator.decide.status import Outcome, Statement, compose
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import Condition, ConditionType, Reason
from loadtest_operator.model.phases import Phase, Verdict

ASK_FOR_EXIT = timedelta(seconds=1)
TIME_TO_EXIT = timedelta(minutes=1)


def decide(seen: Observed, now: datetime) -> Plan:
    if seen.unsettled:
        return _answer(seen, now)
    leaving = not _has_had_its_time(seen, now)
    if seen.agent.phase == "Holding" and leaving and (seen.stored or seen.phase is not Phase.ERROR):
        return Plan(do=(Do.ACKNOWLEDGE,), requeue_after=ASK_FOR_EXIT)
    if not seen.children.jobs:
        return Plan()
    if seen.children.master_running and leaving:
        return Plan(delete=ending.stop_load(seen) if seen.phase is Phase.ERROR else (), requeue_after=ASK_FOR_EXIT)
    return _clean(seen, now)


def give_way(seen: Observed, plan: Plan) -> Plan:
    """Another spec or run follows: what the run before left goes, whether or not it was let go in peace."""
    if plan.status is None:
        return replace(plan, delete=ending.unfinished_jobs(seen))
    return replace(plan, delete=ending.leftovers(seen))


def _has_had_its_time(seen: Observed, now: datetime) -> bool:
    """A master that was let go exits within a second; one that cannot be reached or does not would stay for a day."""
    ended = (seen.status.get("run") or {}).get("endTime")
    return ended is not None and now - quantities.parse_timestamp(ended) > TIME_TO_EXIT


def _answer(seen: Observed, now: datetime) -> Plan:
    """The spec changed, but nothing that describes the load: no new load, but an answer to the new spec."""
    if refusal.refused(seen.inputs):
        return refusal.refuse(seen, now)
    if seen.store_problem and not seen.stored and seen.phase is not Phase.ERROR:
        say = Statement(seen.phase or Phase.PENDING, Outcome.WORKING, Reason.STORE_UNAVAILABLE, seen.store_problem)
        return refusal.told_once(seen, say, now, judging.STORE_AGAIN)
    if seen.phase is Phase.COMPLETED or (seen.phase is Phase.PENDING and seen.stored):
        if seen.judgement is None:
            return Plan(do=(Do.JUDGE,), requeue_after=timedelta(0)) if seen.stored else _carry_over(seen, now)
        return judging.conclude(seen, seen.judgement, now)
    if seen.phase is Phase.PENDING:
        return give_way(seen, admission.admit(seen, now))
    return _carry_over(seen, now)


def _carry_over(seen: Observed, now: datetime) -> Plan:
    """Same verdict, new generation: what was measured is not there any more to be judged by other limits."""
    old = [Condition.model_validate(item) for item in seen.status.get("conditions") or ()]
    ready = conditions.find(old, ConditionType.READY)
    verdict = Verdict(seen.status.get("verdict", Verdict.ERROR))
    test = seen.inputs.test
    opens = test is not None and gate(verdict, defaults.fail_on(test.spec)).passes
    say = Statement(
        phase=seen.phase or Phase.ERROR,
        outcome=Outcome.PASSES if opens else Outcome.FAILS,
        reason=Reason(str(verdict)) if verdict is not Verdict.ERROR or ready is None else ready.reason,
        message=str(seen.status.get("message", "")),
        passed=opens,
    )
    return Plan(status=compose(seen, say, now), requeue_after=timedelta(0))


def _clean(seen: Observed, now: datetime) -> Plan:
    """Pods of a run that passed are of no use; those of another stay an hour, for their logs."""
    until = ending.kept_until(seen)
    passed = any(item["type"] == "Passed" and item["status"] == "True" for item in seen.status.get("conditions") or ())
    if passed or until is None or now >= until:
        return Plan(delete=ending.children_of_run(seen))
    return Plan(delete=ending.stop_load(seen), requeue_after=until - now)
