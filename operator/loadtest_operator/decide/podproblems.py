"""Why a load pod does not run, in the kubelet's, the scheduler's or the agent's own words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Raw = Mapping[str, Any]

# Waiting reasons that are part of a normal start.
_STARTING = {"ContainerCreating", "PodInitializing", ""}
_IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}


@dataclass(frozen=True)
class PodProblem:
    pod: str
    reason: str
    message: str

    @property
    def image(self) -> bool:
        return self.reason in _IMAGE

    def __str__(self) -> str:
        return f"pod {self.pod}: {self.reason}: {self.message}" if self.message else f"pod {self.pod}: {self.reason}"


@dataclass(frozen=True)
class PodEnd:
    """How a container ended: the agent's last word, when it had one."""

    pod: str
    exit_code: int
    reason: str
    message: str
    totals: Mapping[str, int]
    released: bool
    container_reason: str = ""  # the kubelet's own word, such as OOMKilled

    def __str__(self) -> str:
        return (
            f"{self.message} (pod {self.pod}, exit code {self.exit_code})"
            if self.message
            else f"pod {self.pod} exited {self.exit_code}"
        )


def running(pod: Raw) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]


def ready(pod: Raw) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def problem_of(pods: Iterable[Raw]) -> PodProblem | None:
    """The first thing that keeps one of these pods from starting."""
    for pod in pods:
        found = _unscheduled(pod) or _waiting(pod)
        if found:
            return found
    return None


def end_of(pod: Raw) -> PodEnd | None:
    """How the pod ended, or None while it may still do something."""
    status = pod.get("status") or {}
    if status.get("phase") not in {"Failed", "Succeeded"}:
        return None
    terminated = next(iter(_terminations(status)), None)
    if terminated is None:
        return PodEnd(
            _name(pod), -1, str(status.get("reason") or "PodFailed"), str(status.get("message") or ""), {}, False
        )
    end = _end(pod, terminated)
    if status.get("reason") and (end.reason == "Stopped" or not end.message):
        # Evicted, Preempting, NodeShutdown: why it was told to stop, which the container itself cannot know.
        return replace(end, message=f"{status['reason']}: {status.get('message') or 'no message'}")
    return end


def last_end_of(pods: Iterable[Raw]) -> PodEnd | None:
    """The last word of a container that was restarted or is gone."""
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            terminated = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get(
                "terminated"
            )
            if terminated and terminated.get("exitCode"):
                return _end(pod, terminated)
    return None


def container_end(pod: Raw) -> tuple[str, PodEnd, bool] | None:
    """When and how the load container last ended, and whether it runs again."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        state = container.get("state") or {}
        terminated = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if terminated:
            return str(terminated.get("finishedAt") or ""), _end(pod, terminated), "running" in state
    return None


def _terminations(status: Raw) -> list[Raw]:
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    ended = [state for item in containers if (state := (item.get("state") or {}).get("terminated"))]
    return sorted(ended, key=lambda item: item.get("exitCode", 0) == 0)


def _end(pod: Raw, terminated: Raw) -> PodEnd:
    said = _last_word(terminated.get("message") or "")
    error = said.get("error") or {}
    return PodEnd(
        pod=_name(pod),
        exit_code=int(terminated.get("exitCode", -1)),
        reason=str(error.get("reason") or terminated.get("reason") or "PodFailed"),
        message=str(error.get("message") or ("" if said else terminated.get("message") or "")),
        totals=said.get("totals") or {},
        released=said.get("state") == "Released",
        container_reason=str(terminated.get("reason") or ""),
    )


def _last_word(message: str) -> Mapping[str, Any]:
    try:
        said = json.loads(message)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _unscheduled(pod: Raw) -> PodProblem | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return PodProblem(
                _name(pod), str(condition.get("reason", "Unschedulable")), str(condition.get("message", ""))
            )
    return None


def _waiting(pod: Raw) -> PodProblem | None:
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = str(waiting.get("reason", ""))
        if reason not in _STARTING:
            return PodProblem(_name(pod), reason, str(waiting.get("message", "")))
    return None


def _name(pod: Raw) -> str:
    return str(pod["metadata"]["name"])
