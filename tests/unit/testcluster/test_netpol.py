"""The table that stands for the node's network policies."""

from tests.testcluster import netpol


def pod(name, namespace, address, **labels):
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "metadata": metadata,
        "spec": {"containers": [{"ports": ports}]},
        "status": {"phase": "Running", "podIP": address},
    }


PODS = [pod("a", "shop", "10.0.0.1", app="a"), pod("b", "shop", "10.0.0.2"), pod("c", "team", "10.0.0.3", app="c")]
SPACES = [{"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}} for name in ("shop", "team")]


def lines(chain, **spec):
    policy = {"metadata": {"namespace": "shop"}, "spec": spec}
    text = netpol.ruleset(netpol.world(PODS, SPACES, [policy]), "10.9.9.9")
    begun = text[text.index(f"chain {chain} {{") :]
    return [line for line in begun[: begun.index("}\n")].splitlines()[1:] if "10.9.9.9" not in line]


def test_a_pod_that_no_policy_selects_is_free():
    assert lines("ingress", podSelector={"matchLabels": {"app": "none"}}) == []


def test_a_selected_pod_refuses_all_that_is_not_allowed():
    assert lines("ingress", podSelector={}) == [f"ip daddr 10.0.0.{n} {netpol.REJECT}" for n in (1, 2)]
    assert lines("egress", podSelector={}) == []
    assert lines("egress", podSelector={}, policyTypes=["Egress"]) == [
        f"ip saddr 10.0.0.{n} {netpol.REJECT}" for n in (1, 2)
    ]


def test_peers_are_pods_of_the_same_namespace_of_others_or_ranges():
    peers = [
        {"podSelector": {}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "team"}}},
        {"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
        {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.1/32"]}},
    ]
    one = {"matchLabels": {"app": "a"}}
    found = lines("egress", podSelector=one, egress=[{"to": peers, "ports": [{"protocol": "UDP", "port": 53}]}])
    assert found == [
        "ip saddr 10.0.0.1 ip daddr 192.0.2.0/24 ip daddr != { 192.0.2.1/32 } udp dport 53 return",
        "ip saddr 10.0.0.1 ip daddr { 10.0.0.1, 10.0.0.2, 10.0.0.3 } udp dport 53 return",
        f"ip saddr 10.0.0.1 {netpol.REJECT}",
    ]


def test_a_rule_without_peers_and_ports_allows_all_and_ports_can_have_names():
    one = {"matchLabels": {"app": "a"}}
    assert lines("ingress", podSelector=one, ingress=[{}])[0].split() == ["ip", "daddr", "10.0.0.1", "return"]
    [rule, _] = lines("ingress", podSelector=one, ingress=[{"ports": [{"port": "http"}]}])
    assert rule.split() == ["ip", "daddr", "10.0.0.1", "tcp", "dport", "8080", "return"]
