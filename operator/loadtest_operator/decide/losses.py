"""An attempt that lost its master or all its workers: the load ends at once; then a new attempt, or an end with what
was measured until then."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.decide import ending, workers
from loadtest_operator.decide.observed import Do, Note, Observed, Plan
from loadtest_operator.decide.podproblems import PodEnd
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, stamp
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

# A master that is neither reachable nor Ready for this long is lost: its own code may block its loop.
MASTER_SILENCE = timedelta(seconds=30)
# A master that answers, but never with something that can be read, is given this long: a busy one may be slow.
UNREADABLE = timedelta(seconds=60)

STORE_AGAIN = timedelta(seconds=10)  # a store that is away
_LOST = {Reason.MASTER_LOST, Reason.WORKERS_LOST, Reason.PREEMPTED, Reason.RESULTS_UNREADABLE}


def master_ended(seen: Observed, end: PodEnd, now: datetime) -> Plan:
    """The master's pod is over and nothing of it is in the store."""
    known = ending.AGENT_REASONS.get(end.reason)
    if known is Reason.START_TIMEOUT:
        return ending.workers_missing(seen, end, now)
    if end.reason == "Stopped":  # nobody asks for that: the pod was evicted, drained or deleted
        return lost(seen, now, Reason.MASTER_LOST, f"the master pod {end.pod} was ended: {end.message or end}")
    if known is Reason.WORKERS_LOST:
        return lost(seen, now, known, workers.with_why(seen, end.message or str(end)))
    if known is not None and known is not Reason.MASTER_LOST:
        return ending.broken(seen, now, known, end.message or str(end))
    if end.released:
        message = "the master was released, but the store does not hold this run; run it again"
        return ending.broken(seen, now, Reason.RESULTS_LOST, message)
    if seen.phase is Phase.STARTING and not seen.agent.state:
        return ending.broken(seen, now, Reason.POD_FAILED, f"{end.reason}: {end}")
    return lost(seen, now, Reason.MASTER_LOST, f"{end.reason}: {end}")


def master_gone(seen: Observed, now: datetime) -> Plan:
    if seen.children.master is None:
        return lost(seen, now, Reason.MASTER_LOST, "the master pod is gone")
    silence = quantities.duration(MASTER_SILENCE)
    return lost(seen, now, Reason.MASTER_LOST, f"the master pod neither answers nor is Ready for {silence}")


def workers_gone(seen: Observed, now: datetime) -> Plan | None:
    """The master says that its last worker went, and another attempt is to be made; None: the run ends with it."""
    error = seen.agent.state.get("error") or {}
    if error.get("reason") != "WorkersLost" or not _another(seen):
        return None
    return lost(seen, now, Reason.WORKERS_LOST, workers.with_why(seen, str(error.get("message") or "")))


def unreadable(seen: Observed, now: datetime) -> Plan | None:
    """A new attempt would answer the same, so there is none."""
    since = seen.agent.problem_since
    if since is None or now - since <= UNREADABLE:
        return None
    message = f"the master answers, but its results cannot be read: {seen.agent.problem}; see its log"
    return _give_up(seen, now, Reason.RESULTS_UNREADABLE, message)


def lost(seen: Observed, now: datetime, reason: Reason, message: str) -> Plan:
    """Left alone, the workers would load the target unobserved."""
    return _again(seen, now, reason, message) if _another(seen) else _give_up(seen, now, reason, message)


def told(seen: Observed) -> tuple[Reason, str] | None:
    """Why a run that is being judged is over too soon, as the status itself says; None: it is not."""
    ready = _ready(seen)
    reason = str(ready.get("reason", ""))
    if seen.phase is not Phase.JUDGING or reason not in _LOST:
        return None
    return Reason(reason), str(ready.get("message", ""))


def finish(seen: Observed, now: datetime, why: tuple[Reason, str], results: Mapping[str, Any] | None) -> Plan:
    """Error, with what was measured until then: judged for its numbers, stored, and shown."""
    if results is None and seen.stored:
        return Plan(do=(Do.JUDGE,), requeue_after=STORE_AGAIN if seen.store_problem else timedelta(0))
    if results is None and seen.agent.windows:
        return Plan(do=(Do.KEEP,), requeue_after=timedelta(0))
    return ending.broken(seen, now, *why, fields=dict(results or {}))


def _another(seen: Observed) -> bool:
    """Whether runners.retries has an attempt left, and nobody waits for the run to be over."""
    awaited = seen.wants_another_run or seen.stop_reason is not None
    return _attempt(seen) <= _retries(seen) and not awaited and not seen.deleting


def _again(seen: Observed, now: datetime, reason: Reason, message: str) -> Plan:
    attempt = _attempt(seen) + 1
    run = {key: value for key, value in seen.status["run"].items() if key != "workersLost"}
    said = f"{message}; the load was stopped, attempt {attempt} of {1 + _retries(seen)} follows"
    say = Statement(
        phase=Phase.PREPARING,
        outcome=Outcome.WORKING,
        reason=reason,
        message=said,
        facts=(Fact(ConditionType.WORKERS_CONNECTED, False, reason, said),),
        fields={"run": {**run, "attempt": attempt, "attemptTime": stamp(now)}},
    )
    keep = (Do.KEEP,) if seen.agent.windows and not seen.stored else ()
    return Plan(
        stop=(*ending.load_jobs(seen), *ending.service_of(seen)),
        do=keep,
        status=compose(seen, say, now),
        notes=(Note("Warning", str(reason), said),),
        requeue_after=timedelta(0),
    )


def _give_up(seen: Observed, now: datetime, reason: Reason, message: str) -> Plan:
    said = f"{message}; the load was stopped"
    if not seen.agent.windows:
        plan = ending.broken(seen, now, reason, f"{said} and the run has no result")
        return replace(plan, stop=ending.unfinished_jobs(seen))
    said = f"{said}, what was measured until then is shown"
    say = Statement(phase=Phase.JUDGING, outcome=Outcome.WORKING, reason=reason, message=said)
    return Plan(stop=ending.unfinished_jobs(seen), status=compose(seen, say, now), requeue_after=timedelta(0))


def _ready(seen: Observed) -> Mapping[str, Any]:
    return conditions.told(seen.status, ConditionType.READY)


def _attempt(seen: Observed) -> int:
    return int((seen.status.get("run") or {}).get("attempt", 1))


def _retries(seen: Observed) -> int:
    test = seen.frozen.test if seen.frozen else seen.inputs.test
    return defaults.retries(test.spec) if test else 0
