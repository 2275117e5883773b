"""What an edit of spec or annotations does, and what it does not."""

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon, stays

STRICT = [{"metric": "p95", "fail": "10ms"}]
MORE = {"users": 5, "spawnRate": "10/s", "duration": "6s", "warmup": "1s"}


def test_a_request_starts_exactly_one_more_run(stage: Stage) -> None:
    stage.apply("again")
    first = stage.until("again", "Completed")
    stage.annotate("again", run_requested="now")
    second = stage.until("again", "Completed", where=lambda test: test["status"]["run"]["number"] == 2)
    assert second["status"]["run"]["id"] != first["status"]["run"]["id"]
    assert [line["number"] for line in second["status"]["history"]] == [2, 1]
    soon(lambda: not stage.jobs(), "children gone")
    assert stays(lambda: stage.get("again")["status"]["run"]["number"] == 2 and not stage.jobs(), 1)


def test_a_new_spec_waits_for_the_run_in_progress_which_keeps_its_own(stage: Stage) -> None:
    stage.kubelet.scripts["edited"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("edited")
    stage.until("edited", "Running")
    stage.apply("edited", load=MORE)
    assert stays(lambda: stage.get("edited")["status"]["run"]["number"] == 1, 1)
    stage.kubelet.go_on("edited", "Running")
    stage.until("edited", "Running", where=lambda test: test["status"]["run"]["number"] == 2)
    stage.kubelet.go_on("edited", "Running", number=2)
    done = stage.until("edited", "Completed", where=lambda test: test["status"]["run"]["number"] == 2)
    assert stage.kubelet.agent("edited", 1).config["load"]["users"] == 4
    assert stage.kubelet.agent("edited", 2).config["load"]["users"] == 5
    assert condition(done, "Ready")["observedGeneration"] == 2


def test_results_of_an_old_spec_are_never_shown_as_ready_for_the_new_one(stage: Stage) -> None:
    stage.kubelet.scripts["stale"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("stale")
    stage.until("stale", "Running")
    with stage.watch("loadtests") as watch:
        stage.apply("stale", load=MORE)
        stage.kubelet.go_on("stale", "Running")
        stage.until("stale", "Running", where=lambda test: test["status"]["run"]["number"] == 2)
        shown = [condition(found, "Ready")["status"] for found in watch.of("stale")]
    assert "True" not in shown


def test_thresholds_edited_after_the_end_are_judged_without_new_load(stage: Stage) -> None:
    stage.apply("judged")
    first = stage.until("judged", "Completed")
    soon(lambda: not stage.jobs(), "children gone")
    with stage.watch("jobs") as watch:
        stage.apply("judged", thresholds=STRICT)
        second = stage.until("judged", "Completed", where=lambda test: test["status"]["verdict"] == "Failed")
        assert watch.events == []
    assert second["status"]["run"] == first["status"]["run"]
    assert second["status"]["observedGeneration"] == 2


def test_thresholds_edited_during_the_run_count(stage: Stage) -> None:
    stage.kubelet.scripts["midway"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("midway")
    stage.until("midway", "Running")
    stage.apply("midway", thresholds=STRICT)
    stage.kubelet.go_on("midway", "Running")
    status = stage.until("midway", "Completed")["status"]
    assert (status["verdict"], status["run"]["number"]) == ("Failed", 1)


def test_the_content_of_a_configmap_belongs_to_the_run_and_a_change_starts_one_within_a_resync(stages) -> None:
    stage = stages(resync_seconds=1)
    stage.operator.start().ready()
    metadata = {"name": "script", "namespace": stage.namespace}
    files = {"locustfile.py": "first = 1\n", "helper.py": "x = 1\n"}
    stage.cluster.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files})
    stage.apply("files", scenario={"locust": {"configMap": {"name": "script"}}})
    stage.until("files", "Completed")
    stage.cluster.patch("configmaps", "script", stage.namespace, {"data": {"helper.py": "x = 2\n"}})
    stage.until("files", "Completed", seconds=45, where=lambda test: test["status"]["run"]["number"] == 2)


def test_a_missing_configmap_is_named_and_waited_for(stage: Stage) -> None:
    stage.apply("early", scenario={"locust": {"configMap": {"name": "later"}}})
    assert "ConfigMap later" in stage.until_condition("early", "Admitted", "InputMissing")["message"]
    metadata = {"name": "later", "namespace": stage.namespace}
    data = {"locustfile.py": "x = 1\n"}
    stage.cluster.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    stage.until("early", "Completed")


def test_a_deleted_and_recreated_test_begins_again_at_one(stage: Stage) -> None:
    stage.apply("reborn")
    first = stage.until("reborn", "Completed")
    stage.cluster.delete("loadtests", "reborn", stage.namespace)
    soon(lambda: not stage.named("jobs", "reborn"), "children gone")
    stage.apply("reborn")
    second = stage.until("reborn", "Completed")
    assert second["status"]["run"]["number"] == 1
    assert second["status"]["run"]["id"] != first["status"]["run"]["id"]
