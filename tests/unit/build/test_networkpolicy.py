"""The fence: a rule of policy, and what the load pods of one attempt reach by it."""

import pytest
from loadtest_operator.build import names, networkpolicy, pods
from loadtest_operator.build.networkpolicy import Fence
from loadtest_operator.model.policy import PolicyRule

from tests.unit.build.plans import plan, run, spec

DNS = [53, 5353]


def policy(fence=None, raw=None, **rule):
    fence = fence or Fence(PolicyRule.model_validate(rule), ("operators", "monitoring"), ("169.254.20.10/32",))
    return networkpolicy.network_policy(run(), "loadtest-operator", fence, raw or spec())


def of(name):
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def beyond(made):
    """What is allowed beside master and name servers."""
    master, dns, *rest = made["spec"]["egress"]
    assert [port["port"] for port in master["ports"]] == [5557]
    assert sorted({port["port"] for port in dns["ports"]}) == DNS
    return rest


def test_it_selects_the_load_pods_of_the_attempt_and_nothing_else():
    made = policy()
    selector = made["spec"]["podSelector"]
    assert selector["matchLabels"] == {names.LABEL_RUN: run().id, names.LABEL_ATTEMPT: "1"}
    assert selector["matchExpressions"][0]["values"] == ["master", "worker"]
    assert made["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("checkout-3-network", "shop")
    assert made["metadata"]["ownerReferences"][0]["name"] == "checkout"


def test_no_user_can_take_off_the_labels_that_it_selects():
    wanted = {names.LABEL_RUN: "mine", names.LABEL_ATTEMPT: "9", names.LABEL_ROLE: "hook"}
    for role in ("master", "worker"):
        labels = pods.template(plan(runners={"labels": {"team": "a"}}), role, "Never")["metadata"]["labels"]
        assert labels["team"] == "a"
        made = plan()
        forced = {**made.spec, "runners": {"labels": wanted}}
        found = pods.template(type(made)(made.run, forced, made.images, made.instance), role, "Never")
        got = found["metadata"]["labels"]
        assert (got[names.LABEL_RUN], got[names.LABEL_ATTEMPT], got[names.LABEL_ROLE]) == (run().id, "1", role)


def test_in_are_workers_to_the_master_and_operator_and_prometheus_to_the_agent():
    workers, agent = policy()["spec"]["ingress"]
    assert (workers["from"], workers["ports"]) == (
        [{"podSelector": policy()["spec"]["podSelector"]}],
        [{"protocol": "TCP", "port": 5557}],
    )
    assert (agent["from"], agent["ports"]) == ([of("operators"), of("monitoring")], [{"protocol": "TCP", "port": 9808}])


def test_an_operator_outside_the_cluster_comes_from_an_address_that_nobody_knows():
    assert policy(Fence(PolicyRule()))["spec"]["ingress"][1] == {"ports": [{"protocol": "TCP", "port": 9808}]}


def test_name_servers_are_pods_or_listed():
    to = policy()["spec"]["egress"][1]["to"]
    assert to == [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "169.254.20.10/32"}}]


def test_without_a_rule_all_pods_of_the_cluster_are_reached_and_nothing_outside():
    assert beyond(policy()) == [{"to": [{"namespaceSelector": {}}]}]


@pytest.mark.parametrize(
    ("targets", "reached"),
    [
        (["*.shop"], [of("shop")]),
        (["*.shop.svc", "api.billing"], [of("billing"), of("shop")]),
        (["checkout"], [of("shop")]),  # the LoadTest's own namespace
        (["*.sho*", "*.bill*"], [of("shop")]),  # of a pattern: the one that the test asks for
        (["10.0.0.0/8"], [{"ipBlock": {"cidr": "10.0.0.0/8"}}]),
    ],
)
def test_targets_become_namespaces_and_ranges(targets, reached):
    assert beyond(policy(targets=targets)) == [{"to": reached}]


def test_a_name_outside_opens_nothing_and_egress_does():
    rule = {"targets": ["**.example"], "egress": [{"cidr": "203.0.113.0/24", "ports": [443]}, {"namespace": "db"}]}
    assert beyond(policy(**rule)) == [
        {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 443}]},
        {"to": [of("db")]},
    ]
    assert beyond(policy(targets=["**.example"])) == []


def test_anything_is_anything():
    assert beyond(policy(targets=["*"])) == [{}]


def test_the_run_s_environment_is_reached_and_no_other():
    raw = spec(target={"url": "http://shop.{namespace}"}, environment={"manifests": []})
    assert beyond(policy(raw=raw, targets=["*.none"])) == [{"to": sorted([of(run().environment), of("none")], key=str)}]
