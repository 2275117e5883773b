"""NetworkPolicies as an nftables table of the node, which has no enforcer of its own. Pure: objects in, text out.

It shows a policy's effect on one node with routed pods; it is no conformant implementation.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TABLE = "network_policies"
REJECT = "reject with icmp type admin-prohibited"
OVER = {"Succeeded", "Failed"}

Object = Mapping[str, Any]


@dataclass(frozen=True)
class World:
    pods: tuple[Object, ...]
    namespaces: Mapping[str, Mapping[str, str]]  # labels
    policies: tuple[Object, ...]


def name_server(address: str) -> Object:
    """A process of the node that counts as the pod that it is elsewhere."""
    metadata = {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    return {"metadata": metadata, "spec": {"containers": []}, "status": {"podIP": address}}


def world(pods: Iterable[Object], namespaces: Iterable[Object], policies: Iterable[Object]) -> World:
    return World(
        tuple(sorted((pod for pod in pods if _address(pod)), key=_address)),
        {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces},
        tuple(policies),
    )


def ruleset(seen: World, machine: str) -> str:
    """Replaces the table in one step. `machine` reaches every pod, as nodes always may."""
    lines = [
        f"table ip {TABLE}",
        f"delete table ip {TABLE}",
        f"table ip {TABLE} {{",
        "chain egress {",
        *_chain(seen, "Egress"),
        "}",
        "chain ingress {",
        f"ip saddr {machine} return",
        *_chain(seen, "Ingress"),
        "}",
        # Packets to processes of the node, such as the name server, come by input and nowhere else.
        *(_hook(hook, jumps) for hook, jumps in (("forward", "egress ingress"), ("input", "egress"))),
        "}",
    ]
    return "\n".join(lines) + "\n"


def empty() -> str:
    return f"table ip {TABLE}\ndelete table ip {TABLE}\n"


def _hook(hook: str, jumps: str) -> str:
    rules = "; ".join(["ct state established,related accept", *(f"jump {name}" for name in jumps.split())])
    return f"chain {hook} {{ type filter hook {hook} priority -5; {rules}; }}"


def _chain(seen: World, kind: str) -> Iterator[str]:
    own, other = ("saddr", "daddr") if kind == "Egress" else ("daddr", "saddr")
    for pod in seen.pods:
        policies = [policy for policy in seen.policies if _selects(policy, pod) and kind in _types(policy)]
        if not policies:
            continue
        here = f"ip {own} {_address(pod)}"
        for policy in policies:
            for rule in policy["spec"].get(kind.lower()) or ():
                for peer in _peers(seen, policy, rule.get("to" if kind == "Egress" else "from"), other):
                    yield from (f"{here} {peer} {port} return" for port in _ports(rule, pod, kind))
        yield f"{here} {REJECT}"


def _types(policy: Object) -> list[str]:
    spec = policy["spec"]
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]


def _selects(policy: Object, pod: Object) -> bool:
    same = pod["metadata"]["namespace"] == policy["metadata"]["namespace"]
    return same and fits(policy["spec"].get("podSelector") or {}, pod["metadata"].get("labels") or {})


def _peers(seen: World, policy: Object, peers: list[Object] | None, side: str) -> Iterator[str]:
    if not peers:
        yield ""
        return
    addresses: set[str] = set()
    for peer in peers:
        if block := peer.get("ipBlock"):
            but = f" ip {side} != {{ {', '.join(block['except'])} }}" if block.get("except") else ""
            yield f"ip {side} {block['cidr']}{but}"
        else:
            addresses |= {_address(pod) for pod in seen.pods if _means(seen, policy, peer, pod)}
    if addresses:
        yield f"ip {side} {{ {', '.join(sorted(addresses))} }}"


def _means(seen: World, policy: Object, peer: Object, pod: Object) -> bool:
    namespace = pod["metadata"]["namespace"]
    if "namespaceSelector" in peer:
        if not fits(peer["namespaceSelector"], seen.namespaces.get(namespace, {})):
            return False
    elif namespace != policy["metadata"]["namespace"]:
        return False
    return fits(peer.get("podSelector") or {}, pod["metadata"].get("labels") or {})


def _ports(rule: Object, pod: Object, kind: str) -> Iterator[str]:
    if not rule.get("ports"):
        yield ""
    for one in rule.get("ports") or ():
        protocol, port = one.get("protocol", "TCP").lower(), one.get("port")
        if isinstance(port, str):
            found = _named(pod, port) if kind == "Ingress" else None
            if found is None:
                continue
            port = found
        last = f"-{one['endPort']}" if one.get("endPort") else ""
        yield f"{protocol} dport {port}{last}" if port is not None else f"meta l4proto {protocol}"


def _named(pod: Object, name: str) -> int | None:
    ports = (port for container in pod["spec"]["containers"] for port in container.get("ports") or ())
    return next((int(port["containerPort"]) for port in ports if port.get("name") == name), None)


def _address(pod: Object) -> str:
    """Empty for pods that are over, and for those that have the node's own."""
    status = pod.get("status") or {}
    if status.get("phase") in OVER or pod["spec"].get("hostNetwork"):
        return ""
    return str(status.get("podIP") or "")


def fits(selector: Object, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(one: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(one["key"]), one.get("values") or ()
    match one["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
