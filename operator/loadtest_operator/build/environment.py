"""An ephemeral namespace and what guards it: quota, limits, network, and an account that has rights nowhere else."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from loadtest_operator.build import names, networkpolicy
from loadtest_operator.build.names import RunRef
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.environment import Egress, Environment, Quota
from loadtest_operator.model.loadtest import LoadTest

ACCOUNT = "loadtest-environment"
GUARD = "loadtest-guard"
POD_SECURITY = "pod-security.kubernetes.io/enforce"
# The sweeper comes at each resync; a run that ends at its deadline is not to be swept before it has said so.
SPARE_TIME = timedelta(minutes=10)
DNS = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
DEFAULT_QUOTA = Quota(cpu="4", memory="8Gi", pods=50)
# Memory has a limit because the quota counts it. CPU has none: throttling would read as latency of the target.
CONTAINER = {"default": {"memory": "512Mi"}, "defaultRequest": {"cpu": "100m", "memory": "128Mi"}}

Object = dict[str, Any]


def content_role(instance: str) -> str:
    """The ClusterRole that the environment's account gets in its namespace."""
    return f"{instance}-environment-content"


def guard_role(instance: str) -> str:
    """The ClusterRole that the operator binds itself in a new environment."""
    return f"{instance}-environment-guard"


def expires(test: LoadTest, started: datetime) -> datetime:
    """When nobody can need it any more, whatever became of the run."""
    return started + defaults.deadline(test.spec) + SPARE_TIME


def namespace(run: RunRef, instance: str, until: datetime) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": run.environment,
            "labels": {**labels(run, instance), POD_SECURITY: "baseline"},
            "annotations": {
                names.ANNOTATION_EXPIRES: quantities.timestamp(until),
                names.ANNOTATION_OWNER_NAMESPACE: run.namespace,
                names.ANNOTATION_OWNER_NAME: run.test,
                names.ANNOTATION_OWNER_UID: run.uid,
            },
        },
    }


def labels(run: RunRef, instance: str) -> dict[str, str]:
    found = names.labels(run, "environment", instance)
    found.pop(names.LABEL_ATTEMPT)  # it is of the run, and serves every attempt
    return {**found, names.LABEL_ENVIRONMENT: "true"}


def is_of(raw: Mapping[str, Any], run: RunRef, instance: str) -> bool:
    """Whether this namespace was made for this run by this installation."""
    wanted = {name: labels(run, instance)[name] for name in _IDENTITY}
    got = raw["metadata"].get("labels") or {}
    return all(got.get(name) == text for name, text in wanted.items())


_IDENTITY = (names.LABEL_ENVIRONMENT, names.LABEL_INSTANCE, names.LABEL_TEST_UID, names.LABEL_RUN)


def bindings(run: RunRef, instance: str, operator: Mapping[str, Any]) -> tuple[Object, ...]:
    """`operator` is who we are, as the subject of a RoleBinding."""
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": run.environment}
    return (
        _binding(run, instance, GUARD, guard_role(instance), operator),
        _binding(run, instance, ACCOUNT, content_role(instance), account),
    )


def guards(run: RunRef, instance: str, asked: Environment | None) -> tuple[Object, ...]:
    """In place before the first manifest is applied."""
    quota = asked.quota if asked else None
    beyond = (asked.allow_egress if asked else None) or ()
    return (
        _guard(run, instance, "v1", "ResourceQuota", {"hard": _hard(quota)}),
        _guard(run, instance, "v1", "LimitRange", {"limits": [{"type": "Container", **CONTAINER}]}),
        _guard(run, instance, "networking.k8s.io/v1", "NetworkPolicy", _network(run, beyond)),
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(run, instance, ACCOUNT),
            "automountServiceAccountToken": False,
        },
    )


def _hard(quota: Quota | None) -> dict[str, str]:
    """No way out of the cluster's own network either: no load balancers, no ports of nodes."""
    asked = quota or DEFAULT_QUOTA
    memory = asked.memory or str(DEFAULT_QUOTA.memory)
    return {
        "requests.cpu": asked.cpu or str(DEFAULT_QUOTA.cpu),
        "requests.memory": memory,
        "limits.memory": memory,
        "pods": str(asked.pods or DEFAULT_QUOTA.pods),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }


def _network(run: RunRef, beyond: tuple[Egress, ...]) -> Object:
    """In from the load pods' namespace and from itself; out to itself, to DNS, and to what policy lets it ask for."""
    home = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": run.namespace}}}
    here: Object = {"podSelector": {}}
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [here, home]}],
        "egress": [{"to": [here]}, {"to": [{"namespaceSelector": {}}], "ports": DNS}, *map(_egress, beyond)],
    }


def _egress(asked: Egress) -> Object:
    if asked.namespace:
        peer = networkpolicy.to_namespace(asked.namespace)
    else:
        peer = networkpolicy.to_range(str(ip_network(str(asked.cidr), strict=False)))
    return {"to": [peer], **networkpolicy.on_ports(asked.ports or ())}


def _binding(run: RunRef, instance: str, name: str, role: str, subject: Mapping[str, Any]) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(run, instance, name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [dict(subject)],
    }


def _guard(run: RunRef, instance: str, version: str, kind: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": _metadata(run, instance, GUARD), "spec": spec}


def _metadata(run: RunRef, instance: str, name: str) -> Object:
    return {"name": name, "namespace": run.environment, "labels": labels(run, instance)}
