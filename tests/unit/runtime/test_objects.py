"""What is known of the cluster: by LoadTest, slim, and never older than what is known already."""

import pytest
from loadtest_operator.runtime.objects import Key, Objects

CHECKOUT = Key("shop", "checkout")


def loadtest(version="1", uid="u-1", **fields):
    metadata = {"namespace": "shop", "name": "checkout", "uid": uid, "resourceVersion": version}
    return {"kind": "LoadTest", "metadata": metadata, **fields}


def pod(name="p", version="1", uid=None, test="checkout", **fields):
    metadata = {"namespace": "shop", "name": name, "uid": uid or f"u-{name}", "resourceVersion": version}
    labels = {"labels": {"loadtest.dev/test": test}} if test else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, **labels}, **fields}


def test_a_test_and_its_children_are_found_by_the_test():
    objects = Objects()
    assert objects.put("LoadTest", loadtest()) == CHECKOUT
    assert objects.put("Pod", pod()) == CHECKOUT
    assert objects.put("Job", {**pod("j"), "kind": "Job"}) == CHECKOUT
    assert objects.test(CHECKOUT)["metadata"]["uid"] == "u-1"
    assert [item["metadata"]["name"] for item in objects.children(CHECKOUT, "Pod")] == ["p"]
    assert [item["kind"] for item in objects.all("Job")] == ["Job"]
    assert objects.count() == 1


def test_a_pod_of_nobody_is_not_kept():
    objects = Objects()
    assert objects.put("Pod", pod(test=None)) is None
    assert list(objects.all("Pod")) == []
    assert objects.drop("Pod", pod(test=None)) is None


def test_what_is_known_already_is_no_reason_to_look():
    objects = Objects()
    objects.put("LoadTest", loadtest("5"))
    assert objects.put("LoadTest", loadtest("5")) is None
    assert objects.put("LoadTest", loadtest("6")) == CHECKOUT


def test_what_no_decision_reads_of_a_pod_is_kept_and_no_reason_to_look():
    objects = Objects()
    objects.put("Pod", pod(version="5"))
    placed = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}
    assert objects.put("Pod", pod(version="6", spec={"nodeName": "n-1"}, status=placed)) is None
    assert [item["spec"]["nodeName"] for item in objects.children(CHECKOUT, "Pod")] == ["n-1"]
    noted = pod(version="7", spec={"nodeName": "n-1"}, status=placed)
    noted["metadata"]["annotations"] = {"cni.example.com/address": "10.0.0.1"}
    assert objects.put("Pod", noted) is None


@pytest.mark.parametrize(
    "news",
    [
        {"phase": "Running"},
        {"podIP": "10.0.0.1"},
        {"reason": "Evicted"},
        {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
        {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
        {"conditions": [{"type": "Ready", "status": "True"}]},
        {"containerStatuses": [{"name": "locust", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
        {"initContainerStatuses": [{"name": "agent", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
    ],
    ids=lambda news: next(iter(news)),
)
def test_what_decisions_read_of_a_pod_is_a_reason_to_look(news):
    objects = Objects()
    objects.put("Pod", pod(version="5", status={"phase": "Pending"}))
    assert objects.put("Pod", pod(version="6", status={"phase": "Pending", **news})) == CHECKOUT


def test_a_pod_that_goes_and_a_namesake_are_reasons_to_look():
    objects = Objects()
    objects.put("Pod", pod(version="5"))
    going = pod(version="6")
    going["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    assert objects.put("Pod", going) == CHECKOUT
    assert objects.put("Pod", pod(version="7", uid="u-other")) == CHECKOUT


def test_of_a_job_its_end_and_its_suspension_are_reasons_to_look_and_its_counters_are_not():
    objects = Objects()
    objects.put("Job", {**pod("j", "5"), "kind": "Job"})
    assert objects.put("Job", {**pod("j", "6", status={"active": 3, "ready": 2}), "kind": "Job"}) is None
    held = {**pod("j", "7"), "kind": "Job", "spec": {"suspend": True}}
    assert objects.put("Job", held) == CHECKOUT
    assert objects.put("Job", {**pod("j", "8"), "kind": "Job", "spec": {"suspend": False}}) == CHECKOUT
    ended = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert objects.put("Job", {**pod("j", "9", status=ended), "kind": "Job"}) == CHECKOUT


def test_a_list_that_was_on_its_way_does_not_bring_the_past_back():
    objects = Objects()
    objects.put("Pod", pod(version="10", status={"phase": "Failed"}))
    assert objects.put("Pod", pod(version="9", status={"phase": "Running"})) is None
    assert objects.children(CHECKOUT, "Pod")[0]["status"]["phase"] == "Failed"


def test_a_namesake_takes_the_place_of_an_older_object():
    objects = Objects()
    objects.put("LoadTest", loadtest("9", uid="u-1"))
    assert objects.put("LoadTest", loadtest("10", uid="u-2")) == CHECKOUT
    assert objects.test(CHECKOUT)["metadata"]["uid"] == "u-2"


def test_the_end_of_an_older_namesake_takes_nothing_away():
    objects = Objects()
    objects.put("LoadTest", loadtest(uid="u-2"))
    objects.put("Pod", pod(uid="u-new"))
    assert objects.drop("LoadTest", loadtest(uid="u-1")) == CHECKOUT
    assert objects.drop("Pod", pod(uid="u-old")) == CHECKOUT
    assert objects.test(CHECKOUT) is not None
    assert len(objects.children(CHECKOUT, "Pod")) == 1


def test_what_is_gone_is_forgotten_wholly():
    objects = Objects()
    objects.put("LoadTest", loadtest())
    objects.put("Pod", pod())
    assert objects.drop("Pod", pod()) == CHECKOUT
    assert objects.drop("LoadTest", loadtest()) == CHECKOUT
    assert (objects.test(CHECKOUT), objects.children(CHECKOUT, "Pod"), objects.count()) == (None, [], 0)
    assert objects.drop("Pod", pod()) == CHECKOUT
    assert objects._children == {}


def test_children_stay_known_when_their_test_is_gone_so_that_they_can_be_taken_down():
    objects = Objects()
    objects.put("LoadTest", loadtest())
    objects.put("Pod", pod())
    objects.drop("LoadTest", loadtest())
    assert len(objects.children(CHECKOUT, "Pod")) == 1


def test_a_pod_is_kept_without_what_no_decision_reads():
    objects = Objects()
    big = pod(spec={"nodeName": "n1", "containers": [{"name": "c", "env": ["x"] * 100}]})
    big["metadata"]["managedFields"] = ["x"] * 100
    big["status"] = {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "1.2.3.4", "containerStatuses": []}
    objects.put("Pod", big)
    [kept] = objects.children(CHECKOUT, "Pod")
    assert kept["spec"] == {"nodeName": "n1"}
    assert kept["status"] == {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": []}
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["labels"] == big["metadata"]["labels"]


def test_a_job_is_kept_with_its_status_and_a_test_with_everything_but_managed_fields():
    objects = Objects()
    objects.put("Job", {**pod("j"), "kind": "Job", "spec": {"template": {}}, "status": {"active": 1}})
    [job] = objects.children(CHECKOUT, "Job")
    assert job["status"] == {"active": 1}
    assert "spec" not in job
    whole = loadtest(spec={"load": {}}, status={"phase": "Running"})
    whole["metadata"]["managedFields"] = []
    objects.put("LoadTest", whole)
    kept = objects.test(CHECKOUT)
    assert (kept["spec"], kept["status"]) == ({"load": {}}, {"phase": "Running"})
    assert "managedFields" not in kept["metadata"]


NIGHTLY = Key("shop", "nightly", "LoadTestSchedule")
OWNER = {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTestSchedule", "name": "nightly", "controller": True}


def scheduled(version, phase=None, owners=(OWNER,), **fields):
    found = loadtest(version, **fields)
    found["metadata"]["ownerReferences"] = list(owners)
    return {**found, "status": {"phase": phase}}


def test_a_schedule_is_woken_when_its_loadtest_appears_changes_phase_or_vanishes():
    woken = []
    objects = Objects(wake=woken.append)
    objects.put("LoadTest", scheduled("1", "Running"))
    assert woken == [NIGHTLY]
    objects.put("LoadTest", scheduled("2", "Running"))
    assert woken == [NIGHTLY], "progress is no reason"
    objects.put("LoadTest", scheduled("3", "Completed"))
    objects.drop("LoadTest", scheduled("4", "Completed"))
    assert woken == [NIGHTLY] * 3
    assert objects.made_by(NIGHTLY) == []


def test_a_schedule_finds_its_loadtests_and_no_others():
    objects = Objects()
    objects.put("LoadTest", scheduled("1"))
    assert [item["metadata"]["name"] for item in objects.made_by(NIGHTLY)] == ["checkout"]
    assert objects.made_by(Key("elsewhere", "nightly", "LoadTestSchedule")) == []
    objects.put("LoadTest", scheduled("2", owners=()))
    assert objects.made_by(NIGHTLY) == []


def test_of_a_schedule_it_is_kept_when_its_spec_was_written():
    objects = Objects()
    fields = [{"manager": "kubectl", "time": "2026-12-01T12:00:00Z", "fieldsV1": {"f:spec": {}}}]
    raw = {**loadtest(), "kind": "LoadTestSchedule"}
    raw["metadata"] = {**raw["metadata"], "name": "nightly", "managedFields": fields}
    objects.put("LoadTestSchedule", raw)
    assert objects.test(NIGHTLY)["metadata"]["managedFields"] == [{"time": "2026-12-01T12:00:00Z"}]
