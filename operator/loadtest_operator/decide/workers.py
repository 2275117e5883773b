"""Workers that were lost while load was on: how many, which pods, and why, in the words of whoever ended them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from loadtest_operator.decide.observed import Note, Observed
from loadtest_operator.decide.podproblems import PodEnd, container_end, problem_of
from loadtest_operator.decide.status import Fact
from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import ConditionType, Reason

Raw = Mapping[str, Any]

# The kubelet's clock and the master's are those of different machines.
CLOCKS_DIFFER = timedelta(seconds=5)

# `reason` of a pod's condition DisruptionTarget, and `status.reason` of a pod that the kubelet ended.
_DISRUPTED = {
    "EvictionByEvictionAPI": Reason.EVICTED,
    "TerminationByKubelet": Reason.EVICTED,
    "Evicted": Reason.EVICTED,
    "PreemptionByScheduler": Reason.PREEMPTED,
    "Preempting": Reason.PREEMPTED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
    "NodeLost": Reason.NODE_LOST,
    "NodeShutdown": Reason.NODE_LOST,
    "Terminated": Reason.NODE_LOST,
}


@dataclass(frozen=True)
class Loss:
    """One worker's end."""

    pod: str
    reason: Reason
    says: str
    gone: bool  # it is not back yet

    def __str__(self) -> str:
        return f"pod {self.pod}: {self.says}"


def fact(seen: Observed) -> Fact:
    """WorkersConnected under load: the master counts, the pods tell why."""
    told = seen.agent.state.get("workers") or {}
    expected = int(told.get("expected", 0))
    losses = _losses(seen)
    # The kubelet knows of a dead container at once, the master after the heartbeats that it misses.
    connected = min(int(told.get("connected", 0)), expected - sum(one.gone for one in losses))
    said = f"{max(0, connected)} of {expected} workers connected"
    last = losses[-1] if losses else None
    if connected >= expected:
        back = f"; {_counted(count(seen))} lost and came back" if count(seen) else ""
        why = f": {last}" if back and last else ""
        return Fact(ConditionType.WORKERS_CONNECTED, True, Reason.WORKERS_CONNECTED, f"{said}{back}{why}")
    blocked = problem_of(pod for pod in seen.children.pods.get("worker", ()))
    why = "".join(f"; {one}" for one in (last, blocked) if one is not None)
    return Fact(ConditionType.WORKERS_CONNECTED, False, last.reason if last else Reason.WORKERS_LOST, f"{said}{why}")


def unseen(seen: Observed) -> Fact:
    """WorkersConnected of a load that nobody watched: it began with all, and the master counted those it lost."""
    told = seen.agent.state.get("workers") or {}
    expected, lost = int(told.get("expected", 0)), count(seen)
    if not lost:
        said = f"{expected} of {expected} workers connected"
        return Fact(ConditionType.WORKERS_CONNECTED, True, Reason.WORKERS_CONNECTED, said)
    said = f"of {expected} workers {_counted(lost)} lost while the load was on"
    return Fact(ConditionType.WORKERS_CONNECTED, False, Reason.WORKERS_LOST, with_why(seen, said))


def with_why(seen: Observed, message: str) -> str:
    """A sentence about lost workers, and what became of the last of them."""
    losses = _losses(seen)
    return f"{message}: {losses[-1]}" if losses else message


def count(seen: Observed) -> int:
    """How many were lost so far; never fewer than were told, because pods that are gone tell nothing any more."""
    by_master = int((seen.agent.state.get("workers") or {}).get("lost", 0))
    return max(by_master, len(_losses(seen)), _told(seen))


def counted(seen: Observed) -> dict[str, Any]:
    """`status.run` with the number, once there is one."""
    lost = count(seen)
    return {"run": {**seen.status["run"], "workersLost": lost}} if lost else {}


def news(seen: Observed, told: Fact) -> Note | None:
    """One Event for each loss."""
    return Note("Warning", str(_event_reason(seen, told)), told.message) if count(seen) > _told(seen) else None


def _event_reason(seen: Observed, told: Fact) -> Reason | str:
    losses = _losses(seen)
    return losses[-1].reason if losses else told.reason if told.status is False else Reason.WORKERS_LOST


def _told(seen: Observed) -> int:
    return int((seen.status.get("run") or {}).get("workersLost", 0))


def _counted(lost: int) -> str:
    return "1 was" if lost == 1 else f"{lost} were"


def _losses(seen: Observed) -> list[Loss]:
    """By when they happened; the newest of each pod."""
    begun = seen.agent.state.get("startedAt")
    if not begun:
        return []
    since = datetime.fromtimestamp(float(begun), UTC) - CLOCKS_DIFFER
    return losses_of(seen.children.pods.get("worker", ()), since)


def losses_of(pods: Iterable[Raw], since: datetime) -> list[Loss]:
    found = [(at, loss) for pod in pods for at, loss in [_loss(pod, since)] if loss is not None]
    return [loss for _, loss in sorted(found, key=lambda one: (one[0], one[1].pod))]


def _loss(pod: Raw, since: datetime) -> tuple[str, Loss | None]:
    name, status = str(pod["metadata"]["name"]), pod.get("status") or {}
    leaving = str(pod["metadata"].get("deletionTimestamp") or "")
    disrupted = _disruption(status)
    if disrupted is not None:
        reason, says = disrupted
        return leaving, Loss(name, reason, says, gone=True)
    ended = container_end(pod)
    if ended is not None and ended[1].exit_code != 0 and _after(ended[0], since):
        at, end, restarted = ended
        return at, Loss(name, _reason(end), _words(end), gone=not restarted)
    if leaving:
        return leaving, Loss(name, Reason.WORKERS_LOST, "the pod was deleted", gone=True)
    return "", None


def _disruption(status: Raw) -> tuple[Reason, str] | None:
    for item in status.get("conditions") or ():
        if item["type"] == "DisruptionTarget" and item["status"] == "True" and item.get("reason") in _DISRUPTED:
            return _DISRUPTED[item["reason"]], f"{item['reason']}: {item.get('message') or 'no message'}"
    if status.get("reason") in _DISRUPTED:
        return _DISRUPTED[status["reason"]], f"{status['reason']}: {status.get('message') or 'no message'}"
    return None


def _reason(end: PodEnd) -> Reason:
    return Reason.OOM_KILLED if end.container_reason == "OOMKilled" else Reason.POD_FAILED


def _words(end: PodEnd) -> str:
    what = end.container_reason or "ended"
    return f"{what} (exit code {end.exit_code})" + (f": {end.message}" if end.message else "")


def _after(at: str, since: datetime) -> bool:
    return not at or quantities.parse_timestamp(at) >= since
