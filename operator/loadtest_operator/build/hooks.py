"""The Jobs before and after the load: the user's image, as harmless as a load pod, beside it and with its address."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loadtest_operator.build import children, pods
from loadtest_operator.build.pods import PodPlan
from loadtest_operator.model.names import NAMESPACE_PLACEHOLDER

BEFORE, AFTER = "before", "after"
ROLES = (BEFORE, AFTER)
RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
# Its image may need to write beside /tmp; all else is what Pod Security `restricted` asks for.
SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_LIKE_A_LOAD_POD = (
    "restartPolicy",
    "enableServiceLinks",
    "terminationGracePeriodSeconds",
    "securityContext",
    "imagePullSecrets",
    *pods.SCHEDULING,
)


def job(plan: PodPlan, role: str, *, timeout: float, keep: float, verdict: str = "") -> dict[str, Any]:
    """Of the run, whatever its attempt: what seeds data does so once."""
    first = _first(plan)
    spec = {
        "ttlSecondsAfterFinished": int(keep) + children.AWAY_SECONDS,
        "backoffLimit": 0,
        "activeDeadlineSeconds": max(1, int(timeout)),
        "template": _template(first, role, verdict),
    }
    return children.job(first, _name(first, role), role, spec)


def dry_run_pods(plan: PodPlan) -> tuple[dict[str, Any], ...]:
    """The pods of the hooks that the spec has, as they would be."""
    first = _first(plan)
    return tuple(_dry_run_pod(first, role) for role in ROLES if (plan.spec.get("hooks") or {}).get(role))


def _dry_run_pod(plan: PodPlan, role: str) -> dict[str, Any]:
    template = _template(plan, role, "")
    metadata = {**template["metadata"], "name": f"{_name(plan, role)}-dry-run", "namespace": plan.run.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _first(plan: PodPlan) -> PodPlan:
    return replace(plan, run=replace(plan.run, attempt=1))


def _name(plan: PodPlan, role: str) -> str:
    return plan.run.before if role == BEFORE else plan.run.after


def _template(plan: PodPlan, role: str, verdict: str) -> dict[str, Any]:
    like = pods.template(plan, role, "Never")
    hook = plan.spec["hooks"][role]
    container = {
        "name": role,
        "image": hook["image"],
        "imagePullPolicy": plan.images.pull_policy,
        **({"command": list(hook["command"])} if hook.get("command") else {}),
        "env": _environment(plan, hook, verdict),
        "envFrom": list(hook.get("envFrom") or []),
        "securityContext": SECURITY,
        "resources": RESOURCES,
        "volumeMounts": [{"name": "loadtest-tmp", "mountPath": pods.SCRATCH}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec = {
        **{key: like["spec"][key] for key in _LIKE_A_LOAD_POD if key in like["spec"]},
        "automountServiceAccountToken": False,  # runners.serviceAccountName is for the load pods alone
        "containers": [container],
        "volumes": [{"name": "loadtest-tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    return {"metadata": like["metadata"], "spec": spec}


def _environment(plan: PodPlan, hook: Mapping[str, Any], verdict: str) -> list[Mapping[str, Any]]:
    """Ours first, so that the user's can refer to it; what the user sets stands."""
    url = plan.spec["target"]["url"]
    if plan.spec.get("environment"):
        url = url.replace(NAMESPACE_PLACEHOLDER, plan.run.environment)
    ours = {"TARGET_URL": url, "RUN_ID": plan.run.id, **({"VERDICT": verdict} if verdict else {}), "HOME": pods.SCRATCH}
    theirs: list[Mapping[str, Any]] = list(hook.get("env") or [])
    set_by_user = {item["name"] for item in theirs}
    return [*({"name": name, "value": text} for name, text in ours.items() if name not in set_by_user), *theirs]
