"""What goes wrong with the load pods becomes a condition in the words of who knows, and nothing is left running."""

import time
from typing import Any

from tests.support.loadtests import condition
from tests.support.played import ended, unschedulable, waiting
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon

PULL = 'Back-off pulling image "registry.example/missing:1"'


ONCE = {"workers": 2, "retries": 0}


def held(stage: Stage, name: str, **changes: Any) -> None:
    stage.kubelet.scripts[name] = Script(pause_at=frozenset({"Running"}))
    stage.apply(name, **changes)
    stage.until(name, "Running")


def test_the_masters_last_word_becomes_the_condition(stage: Stage) -> None:
    words = "NameError: name 'HttpUsr' is not defined\n  locustfile.py:7 in <module>"
    stage.kubelet.scripts["typo"] = Script(fail=("Loading", "ScriptError", words))
    stage.apply("typo")
    test = stage.until("typo", "Error")
    assert condition(test, "Ready")["reason"] == "ScriptFailed"
    assert "NameError" in condition(test, "WorkersConnected")["message"]
    assert (condition(test, "Completed")["status"], condition(test, "Passed")["status"]) == ("True", "False")
    soon(lambda: "typo-1-workers" not in stage.jobs(), "workers gone")


def test_a_target_that_does_not_answer_is_named_as_the_reason(stage: Stage) -> None:
    stage.kubelet.scripts["deaf"] = Script(fail=("Preflight", "TargetUnreachable", "GET /healthz: connection refused"))
    stage.apply("deaf")
    test = stage.until("deaf", "Error")
    assert condition(test, "TargetReachable")["reason"] == "TargetUnreachable"
    assert "connection refused" in test["status"]["message"]


def behead(stage: Stage, name: str, attempt: str = "") -> None:
    """The master's pod goes, and with it the worker Job of its attempt."""
    pod = stage.pod(f"{name}-1{attempt}-master")
    with stage.watch("jobs") as watch:
        stage.cluster.delete("pods", pod["metadata"]["name"], stage.namespace)
        begun = time.monotonic()
        soon(lambda: ("DELETED", f"{name}-1{attempt}-workers") in watch.told(), "worker Job deleted")
        assert time.monotonic() - begun < 5


def test_a_lost_master_stops_the_workers_at_once_and_a_new_attempt_completes_the_run(stage: Stage) -> None:
    held(stage, "beheaded")
    behead(stage, "beheaded")
    stage.until("beheaded", "Running", seconds=60, where=lambda test: test["status"]["run"]["attempt"] == 2)
    assert {pod["metadata"]["labels"]["loadtest.dev/attempt"] for pod in stage.named("pods", "beheaded")} == {"2"}
    stage.kubelet.go_on("beheaded", "Running")
    test = stage.until("beheaded", "Completed")
    assert test["status"]["verdict"] == "Passed"
    assert [event["reason"] for event in stage.events("beheaded")].count("MasterLost") == 1
    soon(lambda: not stage.named("configmaps", "beheaded"), "nothing of either attempt left")


def test_a_master_lost_twice_is_an_error_with_what_was_measured(stage: Stage) -> None:
    held(stage, "hapless")
    behead(stage, "hapless")
    stage.until("hapless", "Running", seconds=60, where=lambda test: test["status"]["run"]["attempt"] == 2)
    behead(stage, "hapless", "-2")
    test = stage.until("hapless", "Error")
    assert condition(test, "Stalled")["reason"] == "MasterLost"
    assert test["status"]["summary"]["requests"] > 0
    soon(lambda: not stage.jobs() and not stage.named("configmaps", "hapless"), "nothing left")


def test_an_operator_that_is_killed_between_two_attempts_is_replaced_by_one_that_goes_on(stage: Stage) -> None:
    held(stage, "unlucky")
    pod = stage.pod("unlucky-1-master")
    stage.cluster.delete("pods", pod["metadata"]["name"], stage.namespace)
    stage.until(
        "unlucky", "Preparing", "Starting", "Preflight", where=lambda test: test["status"]["run"]["attempt"] == 2
    )
    stage.operator.kill()
    stage.operator.start().ready()
    stage.until("unlucky", "Running")
    stage.kubelet.go_on("unlucky", "Running")
    test = stage.until("unlucky", "Completed")
    assert (test["status"]["verdict"], test["status"]["run"]["attempt"]) == ("Passed", 2)


def test_a_master_killed_for_memory_is_told_as_such(stage: Stage) -> None:
    held(stage, "hungry", runners=ONCE)
    stage.kubelet.write(stage.pod("hungry-1-master"), ended(137, reason="OOMKilled"))
    test = stage.until("hungry", "Error")
    assert condition(test, "Ready")["reason"] == "MasterLost"
    assert "OOMKilled" in test["status"]["message"]


def test_an_image_problem_is_shown_within_two_seconds(stage: Stage) -> None:
    stage.kubelet.scripts["unpulled"] = Script(master_status={}, worker_status={})
    stage.apply("unpulled")
    pod = stage.pod("unpulled-1-master")
    stage.kubelet.write(pod, waiting("ImagePullBackOff", PULL))
    told = stage.until_condition("unpulled", "WorkersConnected", "ImagePullFailed", seconds=2)
    assert PULL in told["message"]
    soon(lambda: any(PULL in event["message"] for event in stage.events("unpulled")), "Event")


def test_no_room_on_any_node_is_shown_in_the_schedulers_words(stage: Stage) -> None:
    words = "0/3 nodes are available: 3 Insufficient cpu."
    stage.kubelet.scripts["big"] = Script(worker_status=unschedulable(words), master_status={})
    stage.apply("big")
    assert words in stage.until_condition("big", "WorkersConnected", "Unschedulable")["message"]


def test_pods_that_never_start_end_the_run_and_go(stage: Stage) -> None:
    stage.kubelet.scripts["stuck"] = Script(master_status=waiting("ErrImagePull", PULL), worker_status={})
    runners = {"workers": 1, "startTimeout": "2s"}
    stage.apply("stuck", runners=runners)
    test = stage.until("stuck", "Error")
    assert condition(test, "Ready")["reason"] == "ImagePullFailed"
    soon(lambda: not stage.jobs(), "Jobs gone")


def test_a_quota_without_room_is_named_and_the_run_starts_once_there_is(stage: Stage) -> None:
    quota = {"metadata": {"name": "small", "namespace": stage.namespace}, "spec": {"hard": {"pods": "0"}}}
    stage.cluster.create("resourcequotas", {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    soon(lambda: stage.all("resourcequotas")[0].get("status", {}).get("hard"), "quota counted")
    stage.apply("crowded")
    told = stage.until_condition("crowded", "Admitted", "QuotaExceeded")
    assert "exceeded quota: small" in told["message"]
    assert stage.jobs() == []
    stage.cluster.delete("resourcequotas", "small", stage.namespace)
    stage.until("crowded", "Completed")


def test_a_name_that_somebody_else_has_taken_is_named_and_left_alone(stage: Stage) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "taken-1-run", "namespace": stage.namespace},
        "data": {"theirs": "yes"},
    }
    stage.cluster.create("configmaps", body)
    stage.apply("taken")
    told = stage.until_condition("taken", "Admitted", "NameTaken")
    assert "taken-1-run" in told["message"]
    assert stage.cluster.get("configmaps", "taken-1-run", stage.namespace)["data"] == {"theirs": "yes"}
    stage.cluster.delete("configmaps", "taken-1-run", stage.namespace)
    stage.until("taken", "Completed")


def test_a_deleted_test_takes_its_jobs_with_it_at_once(stage: Stage) -> None:
    held(stage, "unwanted")
    stage.cluster.delete("loadtests", "unwanted", stage.namespace)
    soon(lambda: not stage.named("pods", "unwanted"), "pods gone", 5)
    soon(lambda: not stage.jobs(), "Jobs gone", 5)


def test_a_spec_that_this_version_cannot_run_is_refused_with_the_fields_name(stage: Stage) -> None:
    stage.apply("future", load={"rate": "10/s", "duration": "6s"})
    told = stage.until_condition("future", "Admitted", "NotSupportedYet")
    assert "load.rate" in told["message"]
    assert stage.jobs() == []
    test = stage.get("future")
    assert condition(test, "Stalled")["status"] == "True"
    stage.apply("future")
    stage.until("future", "Completed")
