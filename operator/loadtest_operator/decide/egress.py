"""Whether a connection out that a LoadTest asks for its environment is one that policy gives to its load pods."""

from ipaddress import IPv4Network, ip_network

from loadtest_operator.model import environment, hosts
from loadtest_operator.model.hosts import Service, fits
from loadtest_operator.model.policy import PolicyRule


def covered(asked: environment.Egress, rule: PolicyRule) -> bool:
    if asked.cidr is not None and not _within(asked.cidr, asked.cidr):
        return False  # no range at all: the schema lets some through that are none
    if "*" in rule.targets:
        return True
    if asked.namespace is not None:
        reached = any(_targets(pattern, asked.namespace) for pattern in rule.targets)
        return reached or any(
            one.namespace in {"*", asked.namespace} and _ports(asked, one.ports) for one in rule.egress
        )
    wanted = str(asked.cidr)
    ranges = [found for pattern in rule.targets if (found := hosts.network(pattern))]
    return any(_within(wanted, one) for one in ranges) or any(
        one.cidr is not None and _within(wanted, one.cidr) and _ports(asked, one.ports) for one in rule.egress
    )


def _targets(pattern: str, namespace: str) -> bool:
    """All Services of the namespace, not one of them: a network policy lets out to a namespace."""
    if hosts.network(pattern) is not None:
        return False
    meant = hosts.read(pattern, "")
    return isinstance(meant, Service) and meant.name == "*" and fits(meant.namespace, namespace)


def _within(wanted: str, allowed: str) -> bool:
    try:
        inner, outer = ip_network(wanted, strict=False), ip_network(allowed, strict=False)
    except ValueError:
        return False
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return not isinstance(outer, IPv4Network) and inner.subnet_of(outer)


def _ports(asked: environment.Egress, allowed: tuple[int, ...]) -> bool:
    return not allowed or (bool(asked.ports) and set(asked.ports or ()) <= set(allowed))
