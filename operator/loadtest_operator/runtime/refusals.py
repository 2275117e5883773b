"""What the API server's refusals mean for the person who wrote the LoadTest."""

import re
import shlex

from loadtest_operator.io.kube import ApiError, ApiUnreachable
from loadtest_operator.model.conditions import Reason


class Refused(Exception):
    """A child may not be created; it may help to change something and wait."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def dry_run_not_supported(error: ApiError) -> bool:
    """A webhook without dry run: not known whether it would refuse, so go on."""
    return error.status == 400 and "dry run" in error.message


def refusal(error: ApiError, kind: str, namespace: str, account: str, instance: str) -> Refused | None:
    """None: the server could not answer now, which says nothing about the object."""
    if error.status not in {400, 403, 404, 422} or (error.status == 403 and error.reason == "Conflict"):
        return None
    text = error.message
    if "exceeded quota" in text or "failed quota" in text:
        return Refused(
            Reason.QUOTA_EXCEEDED, f"{text}; raise the quota of namespace {namespace}, or ask for less in spec.runners"
        )
    if error.status == 403 and "cannot" in text and "in the namespace" in text:
        return Refused(Reason.ACCESS_MISSING, access_missing(text, namespace, instance, account))
    if kind == "ConfigMap" and "Too long" in text:
        return Refused(
            Reason.INPUT_INVALID,
            "the scenario with its files and the spec are more than a ConfigMap can hold (1 MiB): put data "
            "into a volume of spec.runners.volumes, or code into spec.runners.image",
        )
    if error.status == 404:
        return Refused(Reason.PODS_REFUSED, f"{text}; namespace {namespace} is gone or going")
    return Refused(Reason.PODS_REFUSED, f"the API server refuses the {kind}: {text}")


def environments_missing(text: str, role: str) -> str:
    """What the API server said, and how the right to make environments is given."""
    who = _who(text) or "--serviceaccount=NAMESPACE:loadtest-operator"
    return (
        f"{text}; environments need a cluster-wide right: install the chart with environments.enabled=true, or "
        f"kubectl create clusterrolebinding {role} --clusterrole={role} {who}"
    )


def access_missing(text: str, namespace: str, instance: str, account: str = "") -> str:
    """What the API server said, and one command that a person with the right to do so can paste."""
    who = _who(text) or f"--serviceaccount={account}"
    return (
        f"{text}; to allow it: kubectl create rolebinding {instance} -n {namespace} --clusterrole={instance}-runs {who}"
    )


def _who(text: str) -> str:
    said = re.search(r'User "(system:serviceaccount:)?([^"]+)"', text)
    if not said:
        return ""
    return f"--serviceaccount={said[2]}" if said[1] else f"--user={shlex.quote(said[2])}"


def explained(error: ApiError | ApiUnreachable) -> str:
    """For the log: what the API server says, and what to do where it cannot know that."""
    older = "field not declared in schema" in str(error)
    advice = "; the CRDs in the cluster are older than this operator: apply those of its version (docs/install.md)"
    return f"{error}{advice if older else ''}"
