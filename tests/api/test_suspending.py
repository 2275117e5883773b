"""`suspend`, `onChange: Replace` and `runOn: Request`, beside a real API server, also across restarts."""

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon, stays

PAUSED = Script(pause_at=frozenset({"Running"}))
MORE = {"users": 5, "spawnRate": "10/s", "duration": "6s", "warmup": "1s"}


def number(wanted: int):
    return lambda test: test["status"]["run"]["number"] == wanted


def test_a_suspended_run_keeps_its_numbers_and_goes_on_as_one_new_run_across_a_restart(stage: Stage) -> None:
    stage.kubelet.scripts["held"] = PAUSED
    stage.apply("held")
    stage.until("held", "Running")
    stage.apply("held", suspend=True)
    held = stage.until("held", "Suspended")
    assert held["status"]["summary"]["requests"] == 200
    assert condition(held, "Ready")["reason"] == "Suspended"
    assert condition(held, "Stalled") == condition(held, "Reconciling") == {}
    stage.operator.kill()
    stage.operator.start().ready()
    assert stays(lambda: stage.get("held")["status"]["phase"] == "Suspended", 1)
    stage.kubelet.scripts["held"] = Script()
    stage.apply("held")
    done = stage.until("held", "Completed", seconds=60, where=number(2))
    assert [line["verdict"] for line in done["status"]["history"]] == ["Passed", "Suspended"]


def test_a_suspended_test_starts_nothing_until_it_is_taken_back(stage: Stage) -> None:
    stage.apply("waits", suspend=True)
    stage.until("waits", "Suspended")
    assert stays(lambda: not stage.jobs() and "run" not in stage.get("waits")["status"], 1)
    stage.apply("waits")
    assert stage.until("waits", "Completed", seconds=60)["status"]["run"]["number"] == 1


def test_a_replaced_run_is_superseded_in_history_alone_and_its_pods_go_before_the_next_ones_come(stage: Stage) -> None:
    stage.kubelet.scripts["newer"] = PAUSED
    stage.apply("newer", onChange="Replace")
    stage.until("newer", "Running")
    with stage.watch("loadtests") as watch:
        stage.kubelet.scripts["newer"] = Script()
        stage.apply("newer", onChange="Replace", load=MORE)
        done = stage.until("newer", "Completed", seconds=60, where=number(2))
        seen = [found["status"] for found in watch.of("newer")]
    assert [line["verdict"] for line in done["status"]["history"]] == ["Passed", "Superseded"]
    assert stage.kubelet.agent("newer", 1).stopped == "Superseded"
    assert "Superseded" not in {text for status in seen for text in (status["phase"], status.get("verdict"))}
    assert stage.kubelet.agent("newer", 2).config["load"]["users"] == 5


def test_on_request_only_a_request_starts_a_run(stage: Stage) -> None:
    stage.apply("asked", runOn="Request")
    stage.until_condition("asked", "Ready", "NotRequested")
    assert stays(lambda: not stage.jobs(), 1)
    stage.annotate("asked", run_requested="one")
    done = stage.until("asked", "Completed", seconds=60)
    assert done["status"]["lastHandledRunRequest"] == "one"
    stage.apply("asked", runOn="Request", load=MORE)
    stage.until_condition("asked", "Ready", "NotRequested")
    stage.apply("asked", runOn="Request")
    back = stage.until("asked", "Completed", seconds=60)
    assert (back["status"]["run"]["number"], back["status"]["verdict"]) == (1, "Passed")


def test_a_config_map_that_goes_after_its_run_takes_nothing_back(stages) -> None:
    stage = stages(resync_seconds=1)
    stage.operator.start().ready()
    metadata = {"name": "script", "namespace": stage.namespace}
    data = {"locustfile.py": "x = 1\n"}
    stage.cluster.create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    scenario = {"locust": {"configMap": {"name": "script"}}}
    stage.apply("files", scenario=scenario)
    stage.until("files", "Completed", seconds=60)
    soon(lambda: not stage.jobs(), "children gone")
    stage.cluster.delete("configmaps", "script", stage.namespace)
    assert stays(lambda: stage.get("files")["status"]["phase"] == "Completed", 4)
    stage.apply("files", scenario=scenario, queue={"priority": 0})
    answered = stage.until("files", "Completed", where=lambda test: test["status"]["observedGeneration"] == 2)
    assert condition(answered, "Ready")["status"] == "True"
