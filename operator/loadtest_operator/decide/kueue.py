"""Load pods that Kueue admits: the workers' Job is made suspended, and the master follows when Kueue lets it go."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build.names import LABEL_KUEUE
from loadtest_operator.decide import ending, stage, ticket
from loadtest_operator.decide.observed import Note, Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, same, stamp
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

# That the Job was let go is told by its event; this is for one that is missed.
LOOK_AGAIN = timedelta(minutes=1)
PREEMPTED = "Kueue took the workers' place away (their Job is suspended)"
_LOADING = {Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING}


def queue_name(seen: Observed) -> str:
    """The LocalQueue that the LoadTest is labelled with; empty: Kueue is not asked."""
    return str((seen.raw["metadata"].get("labels") or {}).get(LABEL_KUEUE, ""))


def waits(seen: Observed, now: datetime) -> Plan | None:
    """None: the workers' Job is not there yet, or need not wait any more."""
    if not _suspended(seen):
        return None
    status = compose(seen, standing(seen, now), now)
    since = _since(seen, now)
    test = seen.frozen.test if seen.frozen else seen.inputs.test
    limit = defaults.queue_timeout(test.spec) if test else timedelta(0)
    if now - since > limit:
        return ending.broken(seen, now, Reason.QUEUE_TIMEOUT, _too_late(seen, limit))
    again = min(since + limit - now, LOOK_AGAIN) + timedelta(milliseconds=10)
    return Plan(status=None if same(status, seen.status) else status, requeue_after=again)


def standing(seen: Observed, now: datetime) -> Statement:
    """What the status says while Kueue is waited for."""
    place = {"since": ticket.stamp(_since(seen, now)), "waitingFor": _waiting_for(seen)}
    message = f"waits: {place['waitingFor']}"
    fact = Fact(ConditionType.ADMITTED, False, Reason.KUEUE, message)
    return Statement(Phase.QUEUED, Outcome.WORKING, Reason.KUEUE, message, (fact,), fields={"queue": place})


def note(seen: Observed) -> Note:
    return Note("Normal", str(Reason.KUEUE), _waiting_for(seen))


def let_go(seen: Observed, now: datetime) -> dict[str, Any]:
    """`status.run` of one that Kueue has just let go: its waiting is not time of the run."""
    run = dict(seen.status["run"])
    if not stage.with_kueue(seen.status):
        return run
    waited = int(run.get("waitedSeconds", 0)) + int((now - _since(seen, now)).total_seconds())
    return {**run, "waitedSeconds": waited, "attemptTime": stamp(now)}


def preempted(seen: Observed) -> bool:
    """Its workers are being deleted while they are needed."""
    return seen.phase in _LOADING and _suspended(seen)


def _suspended(seen: Observed) -> bool:
    job: Mapping[str, Any] = seen.children.jobs.get("worker") or {}
    return bool((job.get("spec") or {}).get("suspend"))


def _since(seen: Observed, now: datetime) -> datetime:
    told = (seen.status.get("queue") or {}).get("since")
    return quantities.parse_timestamp(told) if told and stage.with_kueue(seen.status) else now


def _waiting_for(seen: Observed) -> str:
    count = int((seen.status.get("run") or {}).get("workers", 0))
    workers = f"{count} worker{'s' if count != 1 else ''}"
    name = queue_name(seen)
    return f"Kueue has not admitted the {workers} yet{f' (LocalQueue {name})' if name else ''}"


def _too_late(seen: Observed, limit: timedelta) -> str:
    return (
        f"not its turn within queue.timeout ({quantities.duration(limit)}): {_waiting_for(seen)};"
        " see kubectl get workloads, and whether Kueue is installed and has that LocalQueue"
    )
