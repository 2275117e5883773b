"""The fence: what the load pods of one attempt can reach, whatever their code calls, and who can reach them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtest_operator.build import names
from loadtest_operator.build.agent_config import AGENT_PORT, MASTER_PORT
from loadtest_operator.build.names import RunRef
from loadtest_operator.model import hosts
from loadtest_operator.model.hosts import NoHost, Service
from loadtest_operator.model.policy import PolicyRule

Object = dict[str, Any]

VERSION: Final = "networking.k8s.io/v1"
NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
# 5353: what name servers in pods listen to behind port 53 of their Service, in some distributions.
_DNS: Final = [{"protocol": protocol, "port": port} for protocol in ("UDP", "TCP") for port in (53, 5353)]
_ANYWHERE: Final[Object] = {}


@dataclass(frozen=True)
class Fence:
    """What the operator's settings say for one namespace."""

    rule: PolicyRule
    callers: tuple[str, ...] = ()  # namespaces of the operator and of Prometheus; none: anybody may ask the agent
    name_servers: tuple[str, ...] = ()  # address ranges of those that are no pods


def network_policy(run: RunRef, instance: str, fence: Fence, spec: Mapping[str, Any]) -> Object:
    """Users cannot take the labels off that it selects: build/pods.py puts them over theirs."""
    mine: Object = {
        "matchLabels": {names.LABEL_RUN: run.id, names.LABEL_ATTEMPT: str(run.attempt)},
        "matchExpressions": [{"key": names.LABEL_ROLE, "operator": "In", "values": ["master", "worker"]}],
    }
    to_master: Object = {"ports": [_tcp(MASTER_PORT)]}
    return {
        "apiVersion": VERSION,
        "kind": "NetworkPolicy",
        "metadata": {
            "name": run.network,
            "namespace": run.namespace,
            "labels": names.labels(run, "network", instance),
            "ownerReferences": [names.owner_reference(run)],
        },
        "spec": {
            "podSelector": mine,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": mine}], **to_master}, _to_agent(fence)],
            "egress": [
                {"to": [{"podSelector": mine}], **to_master},
                {"to": [{"namespaceSelector": {}}, *map(to_range, fence.name_servers)], "ports": _DNS},
                *_targets(run, fence.rule, spec),
                *_beyond(fence.rule),
            ],
        },
    }


def _to_agent(fence: Fence) -> Object:
    """The agent wants a token from everybody but Prometheus; this keeps others from asking at all."""
    callers = {"from": [to_namespace(name) for name in fence.callers]} if fence.callers else {}
    return {**callers, "ports": [_tcp(AGENT_PORT)]}


def _targets(run: RunRef, rule: PolicyRule, spec: Mapping[str, Any]) -> Iterator[Object]:
    if "*" in rule.targets:
        yield _ANYWHERE
        return
    reached = {name for pattern in rule.targets for name in _namespaces(pattern, run, spec)}
    if spec.get("environment"):
        reached.add(run.environment)
    ranges = [found for pattern in rule.targets if (found := hosts.network(pattern))]
    peers = [to_namespace(name) for name in ({"*"} if "*" in reached else sorted(reached))]
    if peers or ranges:
        yield {"to": [*peers, *map(to_range, ranges)]}


def _namespaces(pattern: str, run: RunRef, spec: Mapping[str, Any]) -> Iterator[str]:
    """Of a pattern in the namespace's name, which a network policy cannot say, the one that this test asks for."""
    if hosts.network(pattern) is not None:
        return
    meant = hosts.read(pattern, run.namespace)
    if not isinstance(meant, Service):
        return
    if meant.namespace == "*" or "*" not in meant.namespace:
        yield meant.namespace
        return
    try:
        host = hosts.of_url(str(spec["target"]["url"]), run.namespace)
    except NoHost:
        return
    if isinstance(host, Service) and hosts.matches(pattern, host, run.namespace):
        yield host.namespace


def _beyond(rule: PolicyRule) -> Iterator[Object]:
    for one in rule.egress:
        peer = to_namespace(one.namespace) if one.namespace else to_range(str(one.cidr))
        yield {"to": [peer], **on_ports(one.ports)}


def to_namespace(name: str) -> Object:
    return {"namespaceSelector": {} if name == "*" else {"matchLabels": {NAMESPACE_NAME: name}}}


def to_range(cidr: str) -> Object:
    return {"ipBlock": {"cidr": cidr}}


def on_ports(ports: Sequence[int]) -> Object:
    """None: all of every protocol."""
    return {"ports": [_tcp(port) for port in ports]} if ports else {}


def _tcp(port: int) -> Object:
    return {"protocol": "TCP", "port": port}
