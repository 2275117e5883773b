"""The load pods: Pod Security 'restricted' whatever the namespace says, no API token, a read-only root."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest_operator.build import names
from loadtest_operator.build.agent_config import AGENT_PORT, CONFIG_FILE, MASTER_PORT
from loadtest_operator.build.names import RunRef
from loadtest_operator.model import resources

CONFIG_DIR = "/loadtest/run"
AGENT_DIR = "/loadtest/agent"
UID = 10001  # numeric, so that the kubelet can see that it is not root
GRACE_SECONDS = 5  # the agent stops sending at SIGTERM; what is left is in-flight requests
SCRATCH = "/tmp"  # noqa: S108  an emptyDir of the pod's own
CONTAINER = "locust"
INSTALL_RESOURCES = {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}

# A load generator that is moved in mid-run has lost its load: both autoscalers in use leave such pods alone.
NO_EVICT = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}

CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": UID,
    "runAsGroup": UID,
    "fsGroup": UID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_HARMLESS = {
    "runAsUser",
    "runAsGroup",
    "fsGroup",
    "fsGroupChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
}
# Those that Pod Security allows; a load generator may need more ports, or get them back sooner.
_SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
SCHEDULING = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "runtimeClassName",
)


@dataclass(frozen=True)
class Images:
    """Where our code comes from. `own` holds operator, agent and Locust; a run may bring its own runner image."""

    own: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True)
class PodPlan:
    """What the templates of both roles share."""

    run: RunRef
    spec: Mapping[str, Any]  # the frozen LoadTest.spec as the user wrote it
    images: Images
    instance: str
    deadline_at: int | None = None  # of an attempt that had to wait after its inputs were frozen
    locks: tuple[str, ...] = ()  # what the run keeps others from
    load_ends: str = ""  # by when the master ends it, as a timestamp

    @property
    def lock_labels(self) -> dict[str, str]:
        return {names.lock_label(lock): "held" for lock in self.locks}


def template(plan: PodPlan, role: str, restart_policy: str) -> dict[str, Any]:
    runners = plan.spec.get("runners") or {}
    return {
        "metadata": {
            "labels": _labels(plan, role, runners.get("labels") or {}),
            "annotations": {
                **_annotations(runners.get("annotations") or {}),
                **NO_EVICT,
                **(_of_master(plan) if role == "master" else {}),
            },
        },
        "spec": {
            "restartPolicy": restart_policy,
            **_account(runners),
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": _pod_security(runners.get("podSecurityContext") or {}),
            **{field: runners[field] for field in SCHEDULING if runners.get(field)},
            **({"imagePullSecrets": _pull_secrets(runners)} if runners.get("imagePullSecrets") else {}),
            **({"initContainers": [_install(plan)]} if runners.get("image") else {}),
            "containers": [_locust(plan, role)],
            "volumes": _volumes(plan),
        },
    }


def _labels(plan: PodPlan, role: str, asked: Mapping[str, str]) -> dict[str, str]:
    """Ours say what the pod belongs to; nobody else's may look like them."""
    theirs = {key: value for key, value in asked.items() if not key.startswith(names.LOCKS)}
    return {**theirs, **plan.lock_labels, **names.labels(plan.run, role, plan.instance)}


def _pod_security(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the user asked for, but never below 'restricted'."""
    found = {**POD_SECURITY, **{key: value for key, value in asked.items() if key in _HARMLESS and value is not None}}
    if found["runAsUser"] == 0:
        found["runAsUser"] = UID
    sysctls = [item for item in asked.get("sysctls") or () if item.get("name") in _SAFE_SYSCTLS]
    return {**found, **({"sysctls": sysctls} if sysctls else {})}


def _account(runners: Mapping[str, Any]) -> dict[str, Any]:
    """An identity only where policy lists it (decide/policy.py); no token otherwise."""
    name = runners.get("serviceAccountName")
    return {"automountServiceAccountToken": bool(name), **({"serviceAccountName": name} if name else {})}


def _annotations(asked: Mapping[str, str]) -> dict[str, str]:
    """Without those that the API server turns into a container's AppArmor profile."""
    return {key: value for key, value in asked.items() if not key.startswith(_APPARMOR)}


def _pull_secrets(runners: Mapping[str, Any]) -> list[dict[str, str]]:
    return [item if isinstance(item, dict) else {"name": item} for item in runners["imagePullSecrets"]]


def _of_master(plan: PodPlan) -> dict[str, str]:
    ends = {names.ANNOTATION_LOAD_ENDS: plan.load_ends} if plan.load_ends else {}
    return {
        **ends,
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(AGENT_PORT),
        "prometheus.io/path": "/metrics",
    }


def _install(plan: PodPlan) -> dict[str, Any]:
    """Copies the agent beside an image that does not have it."""
    return {
        "name": "agent",
        "image": plan.images.own,
        "imagePullPolicy": plan.images.pull_policy,
        "command": ["python3", "-m", "loadtest_agent.install", AGENT_DIR],
        "securityContext": CONTAINER_SECURITY,
        "resources": INSTALL_RESOURCES,
        "volumeMounts": [{"name": "loadtest-agent", "mountPath": AGENT_DIR}],
    }


def _locust(plan: PodPlan, role: str) -> dict[str, Any]:
    runners = plan.spec.get("runners") or {}
    scenario = plan.spec["scenario"]
    own_image = not runners.get("image")
    mounts = [
        {"name": "loadtest-run", "mountPath": CONFIG_DIR, "readOnly": True},
        {"name": "loadtest-tmp", "mountPath": SCRATCH},
    ]
    if not own_image:
        mounts.append({"name": "loadtest-agent", "mountPath": AGENT_DIR, "readOnly": True})
    container = {
        "name": CONTAINER,
        "image": runners.get("image") or plan.images.own,
        "imagePullPolicy": plan.images.pull_policy,
        "command": _command(plan, role, own_image=own_image),
        "env": [
            *(scenario.get("env") or []),
            {"name": "PYTHONUNBUFFERED", "value": "1"},
            {"name": "HOME", "value": SCRATCH},
        ],
        "envFrom": list(scenario.get("envFrom") or []),
        "securityContext": CONTAINER_SECURITY,
        "resources": _resources(runners, role),
        "volumeMounts": [*mounts, *(runners.get("volumeMounts") or [])],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if role == "master":
        container["ports"] = [
            {"name": "locust", "containerPort": MASTER_PORT},
            {"name": "agent", "containerPort": AGENT_PORT},
        ]
        container["readinessProbe"] = {
            "httpGet": {"path": "/healthz", "port": "agent"},
            "periodSeconds": 5,
            "timeoutSeconds": 2,
            "failureThreshold": 3,
        }
    return container


def _command(plan: PodPlan, role: str, *, own_image: bool) -> list[str]:
    start = ["-m", "loadtest_agent.start"] if own_image else [f"{AGENT_DIR}/start.py"]
    told = ["--deadline-at", str(plan.deadline_at)] if plan.deadline_at is not None and role == "master" else []
    return ["python3", *start, "--config", f"{CONFIG_DIR}/{CONFIG_FILE}", "--role", role, *told]


def _resources(runners: Mapping[str, Any], role: str) -> Any:
    if role == "master":
        return (runners.get("master") or {}).get("resources") or resources.MASTER
    return runners.get("resources") or resources.WORKER


def _volumes(plan: PodPlan) -> list[dict[str, Any]]:
    runners = plan.spec.get("runners") or {}
    volumes: list[dict[str, Any]] = [
        {"name": "loadtest-run", "configMap": {"name": plan.run.config}},
        {"name": "loadtest-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    if runners.get("image"):
        volumes.append({"name": "loadtest-agent", "emptyDir": {"sizeLimit": "16Mi"}})
    return [*volumes, *(runners.get("volumes") or [])]
