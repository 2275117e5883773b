"""No load beside load that was to be over: a run waits until no worker of an earlier one can send anything.

Earlier are: a lost attempt of the same run, a run before of the same LoadTest or of one of its name, and runs of others
that had a lock which this one has now. What is deleted ends within seconds, unless its node cannot be told.
"""

from datetime import datetime, timedelta

from loadtest_operator.build.names import LABEL_RUN
from loadtest_operator.decide import ending, environment
from loadtest_operator.decide.observed import Lingering, Observed, Plan
from loadtest_operator.decide.status import Outcome, Statement, compose, same
from loadtest_operator.model import conditions, defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

# A worker without its master: 10 s of silence, which it looks for each second, then 5 s for requests in flight. Nobody
# has to reach it for that. The rest is for a busy node.
ENDS_ALONE = timedelta(seconds=20)
# Pods that were told to go: the events of our own tell sooner, those of others tell us nothing.
LOOK_FOR_PODS = timedelta(seconds=1)
_NAMED = 3


def waits(seen: Observed, now: datetime) -> Plan | None:
    """None: nothing that was to be over can send anything."""
    left, jobs = [one for one in seen.children.lingering if may_send(one, now)], ending.earlier_jobs(seen)
    if not left and not jobs:
        return None
    if left and now - environment.ready_since(seen) > _patience(seen):
        return _gave_up(seen, left, now)
    say = _standing(seen).but(message=f"{_what(seen)} starts when {_which(seen, left)} are gone")
    status = compose(seen, say, now)
    return Plan(stop=jobs, status=None if same(status, seen.status) else status, requeue_after=LOOK_FOR_PODS)


def may_send(one: Lingering, now: datetime) -> bool:
    """A pod on a node that is gone is there for ever; what it can still do is over long before."""
    if one.alone_for is not None:
        return one.alone_for <= ENDS_ALONE
    return one.load_ends is None or now <= one.load_ends + ENDS_ALONE


def _gave_up(seen: Observed, left: list[Lingering], now: datetime) -> Plan:
    nodes = ", ".join(sorted({str((one.pod.get("spec") or {}).get("nodeName", "")) for one in left}))
    again = _attempt(seen) > 1
    says = f"no new {'attempt' if again else 'run'}: {_which(seen, left)} cannot be shown to be gone (node {nodes})"
    return ending.broken(seen, now, Reason.MASTER_LOST if again else Reason.START_TIMEOUT, f"{says}; delete them")


def _what(seen: Observed) -> str:
    run = seen.status["run"]
    return f"attempt {_attempt(seen)}" if _attempt(seen) > 1 else f"run {run['number']}"


def _which(seen: Observed, left: list[Lingering]) -> str:
    names = ", ".join(sorted(_name(seen, one) for one in left)[:_NAMED]) or "the Jobs"
    run = seen.status["run"]["id"]
    lost = all(one.pod["metadata"]["labels"].get(LABEL_RUN) == run for one in left)
    return f"{names} of the {'lost one' if lost else 'run before'}"


def _name(seen: Observed, one: Lingering) -> str:
    metadata, here = one.pod["metadata"], seen.raw["metadata"]["namespace"]
    name, namespace = str(metadata["name"]), str(metadata.get("namespace", here))
    return name if namespace == here else f"{namespace}/{name}"


def _standing(seen: Observed) -> Statement:
    """What the status says already."""
    reason = str(conditions.told(seen.status, ConditionType.READY).get("reason") or Reason.PREPARING)
    return Statement(seen.phase or Phase.PREPARING, Outcome.WORKING, Reason(reason), str(seen.status.get("message")))


def _attempt(seen: Observed) -> int:
    return int((seen.status.get("run") or {}).get("attempt", 1))


def _patience(seen: Observed) -> timedelta:
    test = seen.frozen.test if seen.frozen else seen.inputs.test
    return defaults.start_timeout(test.spec) if test else timedelta(0)
