"""The namespace of an environment and what guards it."""

import pytest
from loadtest_operator.build import environment
from loadtest_operator.build.names import RunRef
from loadtest_operator.model.environment import Environment

from tests.unit.decide_run.figures import NOON

RUN = RunRef("team", "checkout", "u-1", 3, id="checkout-3-abc")


def guard(kind, **fields):
    asked = Environment.model_validate({"manifests": [{"inline": "a"}], **fields})
    return next(item for item in environment.guards(RUN, "us", asked) if item["kind"] == kind)


@pytest.mark.parametrize("number", [1, 99, 100_000, 10_000_000])
@pytest.mark.parametrize("test", ["a", "a" * 45, "a-" * 22 + "b"])
def test_its_name_is_a_label_and_the_same_for_every_attempt(test, number):
    name = RunRef("team", test, "u-1", number).environment
    assert len(name) <= 63
    assert name.replace("-", "x").isalnum()
    assert name == RunRef("team", test, "u-1", number, attempt=2).environment


def test_other_runs_and_other_tests_of_that_name_have_other_namespaces():
    names = {
        RunRef(place, "a", uid, number).environment for place, uid in (("x", "1"), ("y", "2")) for number in (1, 2)
    }
    assert len(names) == 4


def test_who_it_belongs_to_can_be_read_from_it():
    raw = environment.namespace(RUN, "us", NOON)
    assert environment.is_of(raw, RUN, "us")
    assert not environment.is_of(raw, RUN, "them")
    assert not environment.is_of(raw, RunRef("team", "checkout", "u-2", 3, id="checkout-3-abc"), "us")
    assert not environment.is_of({"metadata": {}}, RUN, "us")
    assert raw["metadata"]["annotations"]["loadtest.dev/expires"] == "2026-12-01T12:00:00Z"
    assert raw["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"


def test_a_quota_that_says_a_part_leaves_the_rest_as_it_is():
    hard = guard("ResourceQuota", quota={"cpu": "2"})["spec"]["hard"]
    assert (hard["requests.cpu"], hard["limits.memory"], hard["pods"]) == ("2", "8Gi", "50")
    assert hard["services.loadbalancers"] == hard["services.nodeports"] == "0"


def test_the_network_is_open_to_the_load_to_itself_and_to_dns_alone():
    spec = guard("NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    home = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "team"}}}
    assert spec["ingress"] == [{"from": [{"podSelector": {}}, home]}]
    assert [rule.get("ports", "all") for rule in spec["egress"]] == ["all", environment.DNS]


def test_the_network_is_open_to_what_is_asked_for_beside():
    asked = [{"namespace": "shared-db"}, {"cidr": "203.0.113.0/24", "ports": [443]}]
    assert guard("NetworkPolicy", allowEgress=asked)["spec"]["egress"][2:] == [
        {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shared-db"}}}]},
        {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 443}]},
    ]


def test_the_account_gets_one_role_in_its_namespace_and_so_does_the_operator():
    operator = {"kind": "ServiceAccount", "namespace": "home", "name": "us"}
    found = {item["roleRef"]["name"]: item for item in environment.bindings(RUN, "us", operator)}
    assert found["us-environment-guard"]["subjects"] == [operator]
    assert found["us-environment-content"]["subjects"][0]["namespace"] == RUN.environment
    assert all(item["kind"] == "RoleBinding" for item in found.values())
