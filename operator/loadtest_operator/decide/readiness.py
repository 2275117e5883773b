"""What an environment's objects still lack, in words: the rules of kstatus for the kinds that people deploy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest_operator.decide.podproblems import last_end_of, problem_of

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Live:
    """What is in the environment: the wanted objects as they are now, all pods, and the warnings of its Events."""

    objects: tuple[Raw, ...] = ()
    pods: tuple[Raw, ...] = ()
    warnings: tuple[Raw, ...] = ()

    def find(self, wanted: Raw) -> Raw | None:
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        return next((x for x in self.objects if x["kind"] == kind and x["metadata"]["name"] == name), None)


def lacking(wanted: Iterable[Raw], live: Live) -> list[str]:
    """One sentence for each object that is not ready; none means that the environment is."""
    found = []
    for item in wanted:
        rule = RULES.get(item["kind"])
        if rule is None:
            continue
        name = f"{item['kind']} {item['metadata']['name']}"
        there = live.find(item)
        lacks = rule(there) if there is not None else "it is not there any more"
        if lacks:
            why = "" if there is None else _why(there, live)
            found.append(f"{name}: {lacks}{f': {why}' if why else ''}")
    return found


def _deployment(raw: Raw) -> str:
    status, wanted = raw.get("status") or {}, _replicas(raw)
    if _stale(raw):
        return f"0 of {wanted} replicas available"
    late = _condition(raw, "Progressing")
    if late.get("status") == "False":
        return f"{late.get('reason')}: {late.get('message')}"
    available, updated = int(status.get("availableReplicas", 0)), int(status.get("updatedReplicas", 0))
    return "" if min(available, updated) >= wanted else f"{min(available, updated)} of {wanted} replicas available"


def _stateful_set(raw: Raw) -> str:
    status, wanted = raw.get("status") or {}, _replicas(raw)
    ready = 0 if _stale(raw) else int(status.get("readyReplicas", 0))
    return "" if ready >= wanted else f"{ready} of {wanted} replicas ready"


def _daemon_set(raw: Raw) -> str:
    status = raw.get("status") or {}
    if _stale(raw):
        return "no pod is planned yet"
    wanted, available = int(status.get("desiredNumberScheduled", 0)), int(status.get("numberAvailable", 0))
    return "" if available >= wanted else f"{available} of {wanted} pods available"


def _job(raw: Raw) -> str:
    if _condition(raw, "Complete").get("status") == "True":
        return ""
    failed = _condition(raw, "Failed")
    return f"it failed: {failed.get('message')}" if failed.get("status") == "True" else "it has not completed yet"


def _pod(raw: Raw) -> str:
    if (raw.get("status") or {}).get("phase") == "Succeeded" or _condition(raw, "Ready").get("status") == "True":
        return ""
    return "it is not Ready"


def _claim(raw: Raw) -> str:
    """A class may wait for the first pod, which is then told to be waiting."""
    phase = (raw.get("status") or {}).get("phase", "Pending")
    return f"it is {phase}" if phase == "Lost" else ""


def _replica_set(raw: Raw) -> str:
    status, wanted = raw.get("status") or {}, _replicas(raw)
    available = 0 if _stale(raw) else int(status.get("availableReplicas", 0))
    return "" if available >= wanted else f"{available} of {wanted} replicas available"


# A Service is ready as soon as it exists: whether anybody answers there is what the master asks before the load.
RULES: Mapping[str, Callable[[Raw], str]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
}


def _why(raw: Raw, live: Live) -> str:
    """The pods' own reason, else why there are none: most often the quota."""
    pods = [raw] if raw["kind"] == "Pod" else _pods_of(raw, live.pods)
    problem = problem_of(pods)
    ended = last_end_of(pods)
    # How it ended says more than that it is not started again yet; it is the same whether that is just now or soon.
    if ended is not None and (problem is None or problem.reason == "CrashLoopBackOff"):
        return f"pod {ended.pod} ended with exit code {ended.exit_code}{ended.message and ': '}{ended.message}"
    if problem is not None:
        return str(problem)
    failing = _condition(raw, "ReplicaFailure")
    if failing.get("status") == "True":
        return str(failing.get("message", ""))
    return _warning(raw, live.warnings) or next((text for pod in pods if (text := _warning(pod, live.warnings))), "")


def _warning(raw: Raw, warnings: Sequence[Raw]) -> str:
    """The last warning about this object, such as a StatefulSet's FailedCreate or a pod's failing probe."""
    mine = [item for item in warnings if (item.get("involvedObject") or {}).get("uid") == raw["metadata"].get("uid")]
    last = max(mine, key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""), default=None)
    return "" if last is None else " ".join(str(last.get("message", "")).split())


def _pods_of(raw: Raw, pods: Iterable[Raw]) -> list[Raw]:
    wanted = ((raw.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    found = [pod for pod in pods if wanted.items() <= (pod["metadata"].get("labels") or {}).items()]
    return found if wanted else []


def _condition(raw: Raw, kind: str) -> Raw:
    conditions = (raw.get("status") or {}).get("conditions") or ()
    found: Raw = next((item for item in conditions if item.get("type") == kind), {})
    return found


def _replicas(raw: Raw) -> int:
    asked = (raw.get("spec") or {}).get("replicas")
    return 1 if asked is None else int(asked)


def _stale(raw: Raw) -> bool:
    """Whether its controller has not seen this generation yet."""
    seen = (raw.get("status") or {}).get("observedGeneration", 0)
    return int(seen) < int(raw["metadata"].get("generation", 1))
