"""The plain installation: namespace, least-privilege RBAC, settings, store volume, Deployment.

The Helm chart renders the same objects from its defaults; tests compare the two.
"""

from typing import Any

import yaml

from loadtest_operator.build.names import GROUP

NAME = "loadtest-operator"
NAMESPACE = "loadtest-system"
RUNS_ROLE = "loadtest-operator-runs"
PORT = 8080
STORE_DIR = "/var/lib/loadtest-operator"
SETTINGS_DIR = "/etc/loadtest-operator"
SETTINGS_FILE = "settings.yaml"
UID = 10001
SELECTED = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": NAME}
LABELS = {**SELECTED, "app.kubernetes.io/part-of": NAME}

READ = ["get", "list", "watch"]

Rule = dict[str, list[str]]


def rule(group: str, resources: list[str], verbs: list[str], names: list[str] | None = None) -> Rule:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs, **({"resourceNames": names} if names else {})}


# What a namespace must grant for LoadTests to run there; bound cluster-wide, or namespace by namespace.
OPEN_RULES: list[Rule] = [
    # What schedules make; `approve` means something where manifests/admission.yaml is applied, and nothing elsewhere.
    rule(GROUP, ["loadtests"], [*READ, "create", "delete", "approve"]),
    rule(GROUP, ["loadtestschedules"], READ),
    rule(GROUP, ["loadtests/status", "loadtestschedules/status"], ["patch"]),
    rule("batch", ["jobs"], [*READ, "create", "delete"]),
    rule("", ["pods"], [*READ, "create", "delete"]),  # create: only ever as a dry run
    rule("", ["services", "configmaps"], ["get", "create", "delete"]),
    rule("", ["events"], ["create"]),
]
FENCE_RULES: list[Rule] = [rule("networking.k8s.io", ["networkpolicies"], ["get", "create", "delete"])]
RUN_RULES: list[Rule] = [*OPEN_RULES, *FENCE_RULES]

# Who may edit a namespace may write LoadTests there; who may view it may read them.
_PEOPLE_KINDS = ["loadtests", "loadtestschedules"]
EDIT_RULES: list[Rule] = [
    rule(GROUP, _PEOPLE_KINDS, ["create", "delete", "deletecollection", "patch", "update"]),
]
VIEW_RULES: list[Rule] = [rule(GROUP, _PEOPLE_KINDS, READ)]


def home_rules(name: str) -> list[Rule]:
    """What the operator needs at home."""
    return [
        rule("coordination.k8s.io", ["leases"], ["create"]),
        rule("coordination.k8s.io", ["leases"], ["get", "update"], [name]),
        rule("", ["secrets"], ["create"]),
        rule("", ["secrets"], ["get"], [f"{name}-token-key"]),
    ]


# Environments: what the operator may do in the whole cluster, and binds to itself, and to an environment's account, in
# the environment's namespace alone. `{}` is the name of the installation.
ENVIRONMENTS, CONTENT, GUARD = "{}-environments", "{}-environment-content", "{}-environment-guard"
_CHANGE = ["get", "list", "create", "patch", "update", "delete"]
CONTENT_RULES: list[Rule] = [
    rule(
        "",
        [
            "configmaps",
            "persistentvolumeclaims",
            "pods",
            "replicationcontrollers",
            "secrets",
            "serviceaccounts",
            "services",
        ],
        _CHANGE,
    ),
    rule("", ["events", "pods/log"], ["get", "list"]),
    rule("apps", ["daemonsets", "deployments", "replicasets", "statefulsets"], _CHANGE),
    rule("batch", ["cronjobs", "jobs"], _CHANGE),
    rule("autoscaling", ["horizontalpodautoscalers"], _CHANGE),
    rule("networking.k8s.io", ["ingresses"], _CHANGE),
    rule("policy", ["poddisruptionbudgets"], _CHANGE),
]
GUARD_RULES: list[Rule] = [
    rule("", ["limitranges", "resourcequotas", "serviceaccounts"], ["create"]),
    rule("networking.k8s.io", ["networkpolicies"], ["create"]),
    rule("", ["serviceaccounts/token"], ["create"], ["loadtest-environment"]),
]


def environments_rules(name: str) -> list[Rule]:
    """No right on what is in a namespace: that comes with the bindings that are made there."""
    group = "rbac.authorization.k8s.io"
    return [
        rule("", ["namespaces"], ["get", "list", "create", "delete"]),
        rule(group, ["rolebindings"], ["create"]),
        rule(group, ["clusterroles"], ["bind"], [CONTENT.format(name), GUARD.format(name)]),
    ]


def environments() -> list[dict[str, Any]]:
    role = ENVIRONMENTS.format(NAME)
    return [
        cluster_role(role, environments_rules(NAME)),
        cluster_role(CONTENT.format(NAME), CONTENT_RULES),
        cluster_role(GUARD.format(NAME), GUARD_RULES),
        _binding("ClusterRole", role, role, namespaced=False),
    ]


def objects(image: str) -> list[dict[str, Any]]:
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": _restricted()}},
        _named("v1", "ServiceAccount"),
        cluster_role(RUNS_ROLE, RUN_RULES),
        _binding("ClusterRole", RUNS_ROLE, RUNS_ROLE, namespaced=False),
        {**_named("rbac.authorization.k8s.io/v1", "Role"), "rules": home_rules(NAME)},
        _binding("Role", NAME, NAME, namespaced=True),
        *environments(),
        *people(),
        {**_named("v1", "ConfigMap"), "data": {SETTINGS_FILE: yaml.safe_dump(_settings(image), sort_keys=False)}},
        _claim(),
        _deployment(image),
    ]


def cluster_role(name: str, rules: list[Rule], labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {**LABELS, **(labels or {})}},
        "rules": rules,
    }


def people() -> list[dict[str, Any]]:
    aggregate = "rbac.authorization.k8s.io/aggregate-to-"
    return [
        cluster_role("loadtest-edit", EDIT_RULES, {f"{aggregate}{role}": "true" for role in ("edit", "admin")}),
        cluster_role("loadtest-view", VIEW_RULES, {f"{aggregate}view": "true"}),
    ]


def _settings(image: str) -> dict[str, Any]:
    """What differs from the defaults, or must agree with another object."""
    return {
        "instance": NAME,
        "lease_name": NAME,
        "image": image,
        "store": f"{STORE_DIR}/store.db",
        "listen_port": PORT,
        "log_format": "json",
    }


def _restricted() -> dict[str, str]:
    return {**LABELS, "pod-security.kubernetes.io/enforce": "restricted"}


def _named(version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS}}


def _binding(role_kind: str, role: str, name: str, *, namespaced: bool) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS, **({"namespace": NAMESPACE} if namespaced else {})}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespaced else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }


def _claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    return {**_named("v1", "PersistentVolumeClaim"), "spec": spec}


def _deployment(image: str) -> dict[str, Any]:
    return {
        **_named("apps/v1", "Deployment"),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},  # the store is one file: two writers would only wait for each other
            "selector": {"matchLabels": SELECTED},
            "template": {
                "metadata": {"labels": LABELS, "annotations": _scrape()},
                "spec": {
                    "serviceAccountName": NAME,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 10,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": UID,
                        "runAsGroup": UID,
                        "fsGroup": UID,
                        "fsGroupChangePolicy": "OnRootMismatch",
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_container(image)],
                    "volumes": [
                        {"name": "settings", "configMap": {"name": NAME}},
                        {"name": "store", "persistentVolumeClaim": {"claimName": NAME}},
                        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                    ],
                },
            },
        },
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": "operator",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "loadtest_operator.runtime.main"],
        "args": ["--settings", f"{SETTINGS_DIR}/{SETTINGS_FILE}"],
        "ports": [{"name": "http", "containerPort": PORT}],
        # Until it answers for the first time nobody kills it: on a starved node Python alone may take half a minute.
        "startupProbe": {**_probe("/healthz", 2), "failureThreshold": 60},
        "livenessProbe": _probe("/healthz", 10),
        "readinessProbe": _probe("/readyz", 2),
        "resources": {"requests": {"cpu": "100m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "settings", "mountPath": SETTINGS_DIR, "readOnly": True},
            {"name": "store", "mountPath": STORE_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  an emptyDir of the pod's own
        ],
    }


def _probe(path: str, period: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": 3,
    }


def _scrape() -> dict[str, str]:
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT), "prometheus.io/path": "/metrics"}
