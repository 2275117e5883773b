"""Policy and fence against a real API server: who breaks a rule gets a sentence, who keeps to it gets a fence."""

import json
from collections.abc import Callable

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon

HELD = Script(pause_at=frozenset({"Running"}))
POLICY = [
    {
        "namespaces": ["api-*"],
        "targets": ["*.api-*", "**.staging.example"],
        "egress": [{"cidr": "203.0.113.0/24", "ports": [443]}],
        "maxUsers": 10,
        "maxConcurrent": 1,
    }
]


def staged(stages: Callable[..., Stage]) -> Stage:
    stage = stages(policy=json.dumps(POLICY))
    stage.operator.start().ready()
    return stage


def test_who_breaks_a_rule_is_told_and_nothing_is_created(stages: Callable[..., Stage]) -> None:
    stage = staged(stages)
    stage.apply("outside", url="http://www.example.com")
    stage.apply("huge", load={"users": 11, "duration": "6s", "warmup": "1s"})
    stage.apply("known", runners={"serviceAccountName": "admin"})
    for name, words in (
        ("outside", "allows targets *.api-*, **.staging.example"),
        ("huge", "maxUsers: 10"),
        ("known", "runners.serviceAccountName is admin"),
    ):
        test = stage.until(name, "Pending", where=lambda item: condition(item, "Stalled"))
        assert condition(test, "Stalled")["reason"] == "PolicyRefused"
        assert (condition(test, "Admitted")["status"], "run" in test["status"]) == ("False", False)
        assert words in test["status"]["message"]
        [event] = soon(lambda name=name: stage.events(name), "an Event")
        assert event["reason"] == "PolicyRefused"
    assert not stage.jobs()
    assert not stage.all("networkpolicies")
    stage.apply("huge")
    stage.until("huge", "Completed")


def test_a_run_has_its_fence_before_its_pods_and_leaves_none(stages: Callable[..., Stage]) -> None:
    stage = staged(stages)
    stage.kubelet.scripts["fenced"] = HELD
    stage.apply("fenced")
    stage.until("fenced", "Running")
    [found] = stage.all("networkpolicies")
    assert found["metadata"]["name"] == "fenced-1-network"
    assert found["metadata"]["creationTimestamp"] <= min(
        job["metadata"]["creationTimestamp"] for job in stage.all("jobs")
    )
    selected = found["spec"]["podSelector"]["matchLabels"].items()
    assert len([pod for pod in stage.all("pods") if selected <= pod["metadata"]["labels"].items()]) == 3
    peers = [peer for rule in found["spec"]["egress"] for peer in rule["to"]]
    assert {"ipBlock": {"cidr": "203.0.113.0/24"}} in peers
    own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}}}
    assert own in peers
    stage.kubelet.go_on("fenced", "Running")
    stage.until("fenced", "Completed")
    soon(lambda: not stage.all("networkpolicies"), "no fence any more")


def test_a_second_run_of_the_namespace_waits_for_the_policy_s_number(stages: Callable[..., Stage]) -> None:
    stage = staged(stages)
    stage.kubelet.scripts["first"] = HELD
    stage.apply("first")
    stage.until("first", "Running")
    stage.apply("second")
    test = stage.until("second", "Queued")
    assert "(maxConcurrent of policy)" in test["status"]["queue"]["waitingFor"]
    stage.kubelet.go_on("first", "Running")
    stage.until("second", "Completed")


def test_somebody_else_s_object_of_the_fence_s_name_stops_the_run(stages: Callable[..., Stage]) -> None:
    stage = staged(stages)
    body = {"metadata": {"name": "taken-1-network", "namespace": stage.namespace}, "spec": {"podSelector": {}}}
    stage.cluster.create("networkpolicies", {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **body})
    stage.apply("taken")
    told = stage.until_condition("taken", "Ready", "NameTaken")
    assert "kubectl delete networkpolicy taken-1-network" in told["message"]
    assert not stage.jobs()


def test_without_the_fence_nothing_is_made(stages: Callable[..., Stage]) -> None:
    stage = stages(fence="false")
    stage.operator.start().ready()
    stage.kubelet.scripts["open"] = HELD
    stage.apply("open")
    stage.until("open", "Running")
    assert not stage.all("networkpolicies")
