"""After a run: let the master go, judge again when only the judging changed, and take down what is no longer needed."""

from dataclasses import replace
from datetime import datetime, timedelta

from loadtest_operator.decide import admission, ended, ending, judging, refusal, retention
from loadtest_operator.decide.losses import STORE_AGAIN
from loadtest_operator.decide.observed import Do, Observed, Plan
from loadtest_operator.decide.status import Outcome, Statement
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.phases import Phase

ASK_FOR_EXIT = timedelta(seconds=1)
TIME_TO_EXIT = timedelta(minutes=1)


def decide(seen: Observed, now: datetime) -> Plan:
    return retention.beside(seen, _decide(seen, now), now)


def _decide(seen: Observed, now: datetime) -> Plan:
    if seen.unsettled:
        return _answer(seen, now)
    leaving = not _has_had_its_time(seen, now)
    if seen.agent.phase == "Holding" and leaving and (seen.stored or seen.phase is not Phase.ERROR):
        return Plan(do=(Do.ACKNOWLEDGE,), requeue_after=ASK_FOR_EXIT)
    if not (seen.children.jobs or seen.hooks.jobs):
        return Plan()
    if seen.children.master_running and leaving:
        return Plan(delete=ending.stop_load(seen) if seen.phase is Phase.ERROR else (), requeue_after=ASK_FOR_EXIT)
    return _clean(seen, now)


def give_way(seen: Observed, plan: Plan) -> Plan:
    """Another spec or run follows: what the run before left goes, whether or not it was let go in peace."""
    if plan.status is None:
        return replace(plan, delete=ending.stop_load(seen))
    return replace(plan, delete=ending.leftovers(seen))


def _has_had_its_time(seen: Observed, now: datetime) -> bool:
    """A master that was let go exits within a second; one that cannot be reached or does not would stay for a day."""
    ended = (seen.status.get("run") or {}).get("endTime")
    return ended is not None and now - quantities.parse_timestamp(ended) > TIME_TO_EXIT


def concerns(seen: Observed) -> bool:
    """Whether the last run is all that there is to look after."""
    if seen.phase is not None and seen.phase.terminal:
        return not seen.wants_another_run
    if seen.phase is Phase.SUSPENDED and stays_suspended(seen):
        return True
    known = seen.phase in {Phase.PENDING, Phase.SUSPENDED} and not seen.wants_another_run
    return known and not refusal.blocks(seen)


def stays_suspended(seen: Observed) -> bool:
    """It was suspended with a run under way, and still is: its pods are looked after as after any run."""
    test = seen.inputs.test
    return not refusal.refused(seen.inputs) and test is not None and defaults.suspend(test.spec)


def _answer(seen: Observed, now: datetime) -> Plan:
    """The spec changed, but nothing that describes the load: no new load, but an answer to the new spec."""
    if refusal.blocks(seen):
        return refusal.refuse(seen, now)
    ended_as = ended.phase_of(seen)
    if ended_as is None:
        plan = admission.begin(seen, now)
        return plan if stays_suspended(seen) else give_way(seen, plan)
    if seen.store_problem and not (seen.stored and seen.judgement) and ended_as is Phase.COMPLETED:
        say = Statement(seen.phase or Phase.PENDING, Outcome.WORKING, Reason.STORE_UNAVAILABLE, seen.store_problem)
        # What is known to be in the store is asked for again; else that is looked up with every look.
        return replace(refusal.told_once(seen, say, now, STORE_AGAIN), do=(Do.JUDGE,) if seen.stored else ())
    if ended_as is not Phase.COMPLETED:
        return ended.carried_over(seen, now, ended_as)
    if seen.query_problem and seen.judgement is None:
        say = Statement(seen.phase or Phase.PENDING, Outcome.WORKING, Reason.PROMETHEUS_UNAVAILABLE, seen.query_problem)
        return replace(refusal.told_once(seen, say, now, judging.PROMETHEUS_AGAIN), do=(Do.JUDGE,))
    if seen.judgement is None:
        return (
            Plan(do=(Do.JUDGE,), requeue_after=timedelta(0)) if seen.stored else ended.carried_over(seen, now, ended_as)
        )
    return judging.conclude(seen, seen.judgement, now)


def _clean(seen: Observed, now: datetime) -> Plan:
    """Its pods, when they have had the time that `retention` gives them."""
    until = retention.pods_until(seen)
    if until is None or now >= until:
        return Plan(delete=ending.children_of_run(seen))
    return Plan(delete=ending.stop_load(seen), requeue_after=until - now)
