"""How long what a run left stays in the cluster: its pods with their logs, and the LoadTest itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.decide.gate import gate
from loadtest_operator.decide.observed import Observed, Plan
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.phases import Keep, Verdict

# What Argo CD, Flux and Helm write onto the objects that they manage. `app.kubernetes.io/instance` is how Argo CD 2
# tracks by default.
_LABELS = {
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "argocd.argoproj.io/instance": "Argo CD",
    "app.kubernetes.io/instance": "Argo CD or Helm",
}
_ANNOTATIONS = {"argocd.argoproj.io/tracking-id": "Argo CD", "meta.helm.sh/release-name": "Helm"}


def keeps_pods(seen: Observed) -> bool:
    """Whether the pods of the run that is over are of any use to a person."""
    match defaults.keep_pods(seen.inputs.test.spec) if seen.inputs.test else Keep.ON_FAILURE:
        case Keep.NEVER:
            return False
        case Keep.ALWAYS:
            return True
        case Keep.ON_FAILURE:
            return not _passed(seen)


def pods_until(seen: Observed) -> datetime | None:
    """None: not even now."""
    ended = _ended(seen)
    if ended is None or not keeps_pods(seen):
        return None
    return ended + (defaults.keep_pods_for(seen.inputs.test.spec) if seen.inputs.test else defaults.KEEP_FOR)


def beside(seen: Observed, plan: Plan, now: datetime) -> Plan:
    """Whatever is left to do after a run, until the LoadTest itself has had its time."""
    asked = seen.inputs.test.spec.retention if seen.inputs.test else None
    ended = _ended(seen)
    settled = seen.phase is not None and seen.phase.terminal and not seen.unsettled and plan.status is None
    if asked is None or asked.delete_after is None or ended is None or not settled:
        return plan
    if refusal(seen.raw, seen.inputs.test):
        return plan  # somebody took it over after it was read
    left = ended + asked.delete_after - now
    if left > timedelta(0):
        waits = [left] if plan.requeue_after is None else [left, plan.requeue_after]
        return replace(plan, requeue_after=min(waits))
    return replace(plan, delete=(*plan.delete, _itself(seen.raw)))


def refusal(raw: Mapping[str, Any], test: LoadTest | None) -> str:
    """Why this LoadTest must not be deleted by its own spec; empty: it may, or does not ask for it."""
    asked = test.spec.retention if test else None
    if asked is None or asked.delete_after is None:
        return ""
    metadata = raw["metadata"]
    for kind, known in (("labels", _LABELS), ("annotations", _ANNOTATIONS)):
        for name, owner in known.items():
            if name in (metadata.get(kind) or {}):
                return _sentence(owner, f"{kind[:-1]} {name}")
    if (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
        return _sentence("Helm", "label app.kubernetes.io/managed-by")
    return ""


def _sentence(owner: str, sign: str) -> str:
    return (
        f"spec.retention.deleteAfter: {owner} manages this object ({sign}) and would create it again and run it again: "
        "remove deleteAfter, and delete the LoadTest where it comes from"
    )


def _itself(raw: Mapping[str, Any]) -> dict[str, Any]:
    """As it was observed: with a request or an edit that came meanwhile it is not deleted."""
    kept = ("name", "namespace", "uid", "resourceVersion")
    metadata = {key: raw["metadata"][key] for key in kept if key in raw["metadata"]}
    return {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": metadata}


def _passed(seen: Observed) -> bool:
    """As the history has it: condition Passed tells nothing of this run once another one is wanted."""
    run = seen.status.get("run") or {}
    words = [item["verdict"] for item in seen.status.get("history") or () if item["id"] == run.get("id")]
    fail_on = defaults.fail_on(seen.inputs.test.spec) if seen.inputs.test else defaults.FAIL_ON
    return any(gate(Verdict(word), fail_on).passes for word in words if word in Verdict.__members__.values())


def _ended(seen: Observed) -> datetime | None:
    text = (seen.status.get("run") or {}).get("endTime")
    return None if text is None else quantities.parse_timestamp(text)
