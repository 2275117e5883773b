"""Who may send how much load where: each rule with the sentence for who breaks it."""

import pytest
from loadtest_operator.decide import policy
from loadtest_operator.model import loadtest
from loadtest_operator.model.policy import PolicyRule

from tests.unit.decide_run.figures import SPEC

RULES = (
    PolicyRule(namespaces=("perf-*",), targets=("*.shop", "**.staging.example"), max_users=100, priority=5),
    PolicyRule(namespaces=("*",), targets=("*",), max_workers=1, max_duration="1m", locks=("perf/*",)),
)
OUTSIDE = {"target": {"url": "https://www.staging.example"}}
HTTP = {"requests": [{"path": "/"}]}


def refused(namespace="perf-a", rules=RULES, fenced=True, **changes):
    raw = {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {**SPEC, **changes},
    }
    return policy.refused(loadtest.parse(raw), namespace, rules, fenced=fenced)


def load(**changes):
    return {"users": 50, "duration": "5m", **changes}


def test_what_the_first_fitting_rule_allows_is_not_refused():
    assert refused() == ""
    assert refused(target={"url": "http://checkout.shop.svc.cluster.local:8080/base"}) == ""


def test_a_target_that_is_not_listed_is_named_with_the_rule_and_the_way_out():
    assert refused(target={"url": "http://checkout.billing"}) == (
        "target.url http://checkout.billing names Service checkout of namespace billing, and policy[0] (namespaces: "
        "perf-*) allows targets *.shop, **.staging.example: choose one of these, or ask whoever runs the operator to "
        "change its policy"
    )


def test_a_later_rule_adds_nothing():
    assert "allows targets *.shop" in refused(target={"url": "http://checkout.billing"})
    assert "policy[0]" in refused(load=load(users=101))


def test_without_a_rule_services_and_modest_loads_are_allowed():
    assert refused(rules=()) == ""
    assert refused(rules=(), target={"url": "http://checkout"}) == ""
    for url in ("https://www.example.com", "https://example.com", "http://10.0.0.1", "http://[::1]"):
        assert "the default policy allows targets *.*" in refused(rules=(), target={"url": url})
    assert "maxUsers: 2000" in refused(rules=(), load=load(users=2001))
    assert "maxDuration: 8h" in refused(rules=(), load=load(duration="8h1s"))
    assert "maxWorkers: 20" in refused(rules=(), runners={"workers": 21})


def test_a_query_needs_somebody_to_ask():
    asked = [{"name": "queue", "promql": "sum(queue_length)", "fail": "5"}]
    assert refused(rules=(), thresholds=asked) == (
        "threshold queue asks Prometheus, and the default policy names none (prometheus: {url: ...}): remove it, or "
        "ask whoever runs the operator to change its policy"
    )
    rule = PolicyRule.model_validate({"prometheus": {"url": "http://prometheus.monitoring:9090/"}})
    assert refused(rules=(rule,), thresholds=asked) == ""
    assert rule.prometheus.url == "http://prometheus.monitoring:9090"


def test_an_address_is_answered_with_the_service_s_name():
    assert "names the address 10.0.0.1" in refused(target={"url": "http://10.0.0.1"})
    assert "name the Service in place of its address" in refused(target={"url": "http://10.0.0.1"})


def test_a_run_s_own_environment_is_always_a_target():
    around = {"environment": {"manifests": [{"inline": "kind: Service"}]}}
    assert refused(target={"url": "http://shop.{namespace}"}, **around) == ""
    assert "allows targets" in refused(target={"url": "http://shop.{namespace}.evil.example"}, **around)


def test_a_host_outside_needs_an_address_range_because_a_network_policy_knows_no_names():
    assert "egress: [{cidr: ADDRESSES}]" in refused(**OUTSIDE)
    assert refused(fenced=False, **OUTSIDE) == ""
    with_range = RULES[0].model_copy(update={"egress": PolicyRule(egress=[{"cidr": "203.0.113.0/24"}]).egress})
    assert refused(rules=(with_range,), **OUTSIDE) == ""


def test_each_limit_has_a_sentence_of_its_own():
    assert "it asks for 101 users, and policy[0] (namespaces: perf-*) has maxUsers: 100: lower load.users" in refused(
        load=load(users=101)
    )
    other = refused("team", load=load(duration="2m"), runners={"workers": 2}, queue={"exclusive": ["perf/a", "db"]})
    assert "it asks for 2 workers, and policy[1] (namespaces: *) has maxWorkers: 1: lower runners.workers" in other
    assert "its load takes 2m, and policy[1] (namespaces: *) has maxDuration: 1m" in other
    assert "queue.exclusive names db, and policy[1] (namespaces: *) allows locks perf/*" in other
    assert other.count("; ") == 2
    assert "queue.priority is 6, and policy[0] (namespaces: perf-*) has priority: 5" in refused(queue={"priority": 6})


def test_a_service_account_is_for_those_that_the_rule_lists():
    asks = {"runners": {"serviceAccountName": "bucket"}}
    assert "runners.serviceAccountName is bucket, and" in refused(**asks)
    assert refused(rules=(PolicyRule(service_accounts=("bucket",)),), **asks) == ""


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ({"namespace": "shop"}, True),  # as targets
        ({"namespace": "billing"}, False),  # one Service of it is a target, not all its pods
        ({"namespace": "db", "ports": [5432]}, True),
        ({"namespace": "db"}, False),  # all ports
        ({"cidr": "203.0.113.128/25", "ports": [443]}, True),
        ({"cidr": "203.0.113.5/24", "ports": [443]}, True),
        ({"cidr": "203.0.113.0/24", "ports": [443, 80]}, False),
        ({"cidr": "203.0.112.0/23", "ports": [443]}, False),
        ({"cidr": "0.0.0.0/0"}, False),
        ({"cidr": "::/0"}, False),
        ({"cidr": "10.1.0.0/16"}, True),
        ({"cidr": "300.1.0.0/16"}, False),
    ],
)
def test_an_environment_gets_out_to_where_its_load_may_go(asked, allowed):
    rule = PolicyRule.model_validate(
        {
            "targets": ["*.shop", "api.billing", "10.0.0.0/8"],
            "egress": [{"cidr": "203.0.113.0/24", "ports": [443]}, {"namespace": "db", "ports": [5432]}],
        }
    )
    around = {"environment": {"manifests": [{"inline": "kind: Service"}], "allowEgress": [asked]}}
    told = refused(rules=(rule,), target={"url": "http://shop.{namespace}"}, **around)
    assert (told == "") is allowed, told
    assert allowed or "environment.allowEgress names" in told


@pytest.mark.parametrize(
    "wrong",
    [
        {"namespaces": ["Perf"]},
        {"targets": ["http://checkout.shop"]},
        {"targets": ["*.Shop"]},
        {"targets": ["checkout.shop:80"]},
        {"targets": ["10.0.0.1/8"]},
        {"targets": ["10.0.0"]},
        {"maxDuration": "0s"},
        {"maxDuration": "soon"},
        {"egress": [{}]},
        {"egress": [{"namespace": "shop", "cidr": "10.0.0.0/8"}]},
        {"egress": [{"namespace": "perf-*"}]},
        {"egress": [{"cidr": "somewhere"}]},
        {"maxUser": 5},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_when_the_operator_starts(wrong):
    with pytest.raises(ValueError, match="PolicyRule"):
        PolicyRule.model_validate(wrong)
