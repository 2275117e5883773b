"""What the Jobs before and after the load say of themselves: still at work, ended, and with which last words."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build.hooks import AFTER, ROLES
from loadtest_operator.decide.gate import worst
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.observed import Observed
from loadtest_operator.decide.podproblems import problem_of
from loadtest_operator.decide.podproblems import running as pod_running
from loadtest_operator.decide.status import MESSAGE_LENGTH, Fact, clip
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, Verdict
from loadtest_operator.model.policies import Hook

WORDS_LENGTH = 300  # of its last lines
FAILURE_LENGTH = 400  # beside what the run itself has to say
# What the kubelet makes up for a container that it never started.
NEVER_RAN = "ContainerStatusUnknown"
# The Job ends when its pod has; the pod's own last words may come a moment later, by another watch.
WORDS_COME = timedelta(seconds=5)
# Beyond its timeout a Job is only there when its pod cannot be ended, for instance because its node is gone.
SPARE_TIME = timedelta(minutes=1)


def declared(seen: Observed, role: str) -> Hook | None:
    """As it was frozen. Of a run whose frozen inputs are gone the current spec is asked, when it is the same."""
    test = seen.frozen.test if seen.frozen else None
    if test is None and seen.phase is not Phase.PREPARING and seen.inputs.answered_by(seen.run_key):
        test = seen.inputs.test
    hooks = test.spec.hooks if test else None
    found: Hook | None = getattr(hooks, role) if hooks else None
    return found


def timeout(hook: Hook) -> timedelta:
    return hook.timeout or defaults.HOOK_TIMEOUT


def ended(seen: Observed, role: str) -> bool | None:
    """Whether it did its work; None: it is still at it, or there is none."""
    found = _condition(seen, role, "Complete", "Failed")
    if found is not None:
        return bool(found["type"] == "Complete")
    # Told to end, and it has: the Job takes its pod, and with it the last words, away before it says Failed.
    return False if _condition(seen, role, "FailureTarget") and _last_end(seen, role) else None


def settled(seen: Observed, role: str, now: datetime) -> bool | None:
    """As `ended`, once its last words had the time to come."""
    did = ended(seen, role)
    told = _condition(seen, role, "Failed")
    if did is False and told is not None and _last_end(seen, role) is None and seen.hooks.pods.get(role):
        since = quantities.parse_timestamp(told["lastTransitionTime"]) if told.get("lastTransitionTime") else None
        return None if since is not None and now - since < WORDS_COME else False
    return did


def late(seen: Observed, role: str, hook: Hook, now: datetime) -> bool:
    """The Job should have ended it long ago."""
    made = seen.hooks.jobs[role]["metadata"].get("creationTimestamp")
    return made is not None and now - quantities.parse_timestamp(made) > timeout(hook) + SPARE_TIME


def running(seen: Observed, role: str) -> str:
    pods = seen.hooks.pods.get(role, ())
    # A pod that is being ended has no problem any more, but what it was is still worth telling.
    problem = problem_of(pods) or ("" if any(map(pod_running, pods)) else _told_problem(seen, role))
    return f"hooks.{role} is running{f': {problem}' if problem else ''}"


def failure_of(seen: Observed, role: str) -> str:
    """Of one that ended badly: the container's own last words, else what the Job says."""
    end, told = _last_end(seen, role), _condition(seen, role, "Failed", "FailureTarget")
    if told is not None and told.get("reason") == "DeadlineExceeded":
        said = end is not None and end.get("message") and end.get("reason") != NEVER_RAN
        return f"{too_late(seen, role)}{f': {_words(end)}' if end and said else ''}"
    if end is not None:
        return f"hooks.{role} ended with exit code {end['exitCode']}: {_words(end)}"
    says = (told or {}).get("message") or (told or {}).get("reason") or "its Job does not say why"
    return f"hooks.{role} failed: {says}"


def too_late(seen: Observed, role: str) -> str:
    hook = declared(seen, role)
    limit = f" within {quantities.duration(timeout(hook))} (hooks.{role}.timeout)" if hook else " in time"
    before = problem_of(seen.hooks.pods.get(role, ())) or _told_problem(seen, role)
    return f"hooks.{role} did not end{limit}{f'; {before}' if before else ''}"


def told(seen: Observed) -> Mapping[str, Any]:
    """What the status says of the hooks; empty: nothing."""
    return conditions.told(seen.status, ConditionType.HOOKS_SUCCEEDED)


def failure(seen: Observed) -> str:
    """How the Job after the load failed; empty: it did not."""
    if ended(seen, AFTER) is False:
        return clip(failure_of(seen, AFTER), FAILURE_LENGTH)
    said = told(seen)
    return str(said["message"]) if said.get("status") == "False" else ""


def fact(seen: Observed) -> tuple[Fact, ...]:
    """For a run that has hooks."""
    kind = ConditionType.HOOKS_SUCCEEDED
    if failed := failure(seen):
        return (Fact(kind, False, Reason.HOOK_FAILED, failed),)
    if any(ended(seen, role) for role in ROLES):
        return (Fact(kind, True, Reason.HOOKS_SUCCEEDED, Reason.HOOKS_SUCCEEDED.says),)
    return ()


def with_failure(seen: Observed, message: str) -> str:
    failed = failure(seen)
    return f"{clip(message, MESSAGE_LENGTH - len(failed) - 2)}; {failed}" if failed else message


def weighed(seen: Observed, judgement: Judgement) -> Judgement:
    """A Job that failed after the load is at least a Warning; it says nothing worse of the target."""
    if not failure(seen) or judgement.verdict.severity >= Verdict.WARNING.severity:
        return judgement
    verdict = worst([judgement.verdict, Verdict.WARNING])
    return replace(judgement, verdict=verdict, message=with_failure(seen, judgement.message))


def _told_problem(seen: Observed, role: str) -> str:
    """What kept it, as the status told while its pod was there."""
    said = told(seen)
    message = str(said["message"]) if role == AFTER and said else str(seen.status.get("message", ""))
    return message.partition(f"hooks.{role} is running: ")[2]


def _condition(seen: Observed, role: str, *types: str) -> Mapping[str, Any] | None:
    job = seen.hooks.jobs.get(role) or {}
    found = (job.get("status") or {}).get("conditions") or ()
    return next((item for item in found if item["status"] == "True" and item["type"] in types), None)


def _last_end(seen: Observed, role: str) -> Mapping[str, Any] | None:
    """How its container ended badly."""
    for pod in seen.hooks.pods.get(role, ()):
        for item in (pod.get("status") or {}).get("containerStatuses") or ():
            end: Mapping[str, Any] | None = (item.get("state") or {}).get("terminated")
            if end and end.get("exitCode"):
                return end
    return None


def _words(end: Mapping[str, Any]) -> str:
    said = " ".join(str(end.get("message") or end.get("reason") or "without a word").split())
    return said if len(said) <= WORDS_LENGTH else f"…{said[-WORDS_LENGTH:]}"
