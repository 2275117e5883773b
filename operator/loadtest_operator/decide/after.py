"""After a run: let the master go, judge again when only the judging changed, and take down what is no longer needed."""

from datetime import datetime, timedelta

from loadtest_operator.decide import admission, ending, judging, refusal
from loadtest_operator.decide.observed import Do, Observed, Plan
from loadtest_operator.decide.status import Outcome, Statement, compose
from loadtest_operator.model import conditions
from loadtest_operator.model.conditions import Condition, ConditionType, Reason
from loadtest_operator.model.phases import Phase

ASK_FOR_EXIT = timedelta(seconds=1)


def decide(seen: Observed, now: datetime) -> Plan:
    if seen.status.get("observedGeneration") != seen.generation:
        return _edited(seen, now)
    if seen.agent.phase == "Holding":
        return Plan(do=(Do.ACKNOWLEDGE,), requeue_after=ASK_FOR_EXIT)
    if not seen.children.jobs:
        return Plan()
    if seen.children.master_running:
        return Plan(
            delete=ending.unfinished_jobs(seen) if seen.phase is Phase.ERROR else (), requeue_after=ASK_FOR_EXIT
        )
    return _clean(seen, now)


def _edited(seen: Observed, now: datetime) -> Plan:
    """The spec changed, but nothing that describes the load: no new load, but an answer to the new spec."""
    if refusal.refused(seen.inputs):
        return refusal.refuse(seen, now)
    if seen.phase is Phase.COMPLETED or (seen.phase is Phase.PENDING and seen.stored):
        if seen.judgement is None:
            return Plan(do=(Do.JUDGE,), requeue_after=timedelta(0)) if seen.stored else _carry_over(seen, now)
        return judging.conclude(seen, seen.judgement, now)
    if seen.phase is Phase.PENDING:
        return admission.admit(seen, now)
    return _carry_over(seen, now)


def _carry_over(seen: Observed, now: datetime) -> Plan:
    """Same answer, new generation."""
    old = [Condition.model_validate(item) for item in seen.status.get("conditions") or ()]
    ready = conditions.find(old, ConditionType.READY)
    passed = conditions.find(old, ConditionType.PASSED)
    opens = ready is not None and ready.status == "True"
    say = Statement(
        phase=seen.phase or Phase.ERROR,
        outcome=Outcome.PASSES if opens else Outcome.FAILS,
        reason=ready.reason if ready else Reason.ERROR,
        message=ready.message if ready else "",
        passed=passed is not None and passed.status == "True",
    )
    return Plan(status=compose(seen, say, now))


def _clean(seen: Observed, now: datetime) -> Plan:
    """Pods of a run that passed are of no use; those of another stay an hour, for their logs."""
    until = ending.kept_until(seen)
    passed = any(item["type"] == "Passed" and item["status"] == "True" for item in seen.status.get("conditions") or ())
    if passed or until is None or now >= until:
        return Plan(delete=ending.children_of_run(seen))
    return Plan(delete=ending.unfinished_jobs(seen), requeue_after=until - now)
