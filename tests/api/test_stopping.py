"""A run that is stopped by its id: its load ends, what was measured is kept, and it does not come back."""

import pytest

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Object, Stage, soon, stays

PAUSED = Script(pause_at=frozenset({"Running"}))


def stop(stage: Stage, name: str) -> Object:
    run: Object = stage.get(name)["status"]["run"]
    stage.annotate(name, stop_requested=run["id"])
    return run


def test_a_run_under_load_is_stopped_by_its_master_and_keeps_what_it_measured(stage: Stage) -> None:
    stage.kubelet.scripts["loaded"] = PAUSED
    stage.apply("loaded")
    stage.until("loaded", "Running")
    stop(stage, "loaded")
    status = stage.until("loaded", "Cancelled")["status"]
    assert stage.kubelet.agent("loaded").stopped == "Cancelled"
    assert status["summary"]["requests"] == 200
    assert "verdict" not in status
    assert [line["verdict"] for line in status["history"]] == ["Cancelled"]
    assert condition(stage.get("loaded"), "Completed")["status"] == "True"
    assert condition(stage.get("loaded"), "Stalled")["reason"] == "Cancelled"
    soon(lambda: stage.kubelet.agent("loaded").state == "Released", "the master let go")


def test_a_run_that_has_no_load_yet_is_taken_down(stage: Stage) -> None:
    stage.kubelet.scripts["early"] = Script(pause_at=frozenset({"Preflight"}))
    stage.apply("early")
    stage.until("early", "Preflight")
    stop(stage, "early")
    stage.until("early", "Cancelled")
    soon(lambda: not stage.jobs() and not stage.named("configmaps", "early"), "children gone")


def test_the_id_of_another_run_is_ignored(stage: Stage) -> None:
    stage.kubelet.scripts["other"] = PAUSED
    stage.apply("other")
    stage.until("other", "Running")
    stage.annotate("other", stop_requested="other-1-0123456789")
    assert stays(lambda: "stopReason" not in stage.get("other")["status"]["run"], 1)
    stage.kubelet.go_on("other", "Running")
    stage.until("other", "Completed")


@pytest.mark.parametrize("when", ["before the annotation", "after the reason was written"])
def test_an_operator_that_dies_meanwhile_is_continued_by_the_next(stage: Stage, when: str) -> None:
    stage.kubelet.scripts["cut"] = Script(pause_at=frozenset({"Running", "Collecting"}))
    stage.apply("cut")
    stage.until("cut", "Running")
    if when == "before the annotation":
        stage.operator.kill()
        stop(stage, "cut")
    else:
        stop(stage, "cut")
        stage.until("cut", "Running", "Collecting", where=lambda test: "stopReason" in test["status"]["run"])
        stage.operator.kill()
        stage.annotate("cut", stop_requested="")
    stage.operator.start()
    soon(lambda: stage.kubelet.agent("cut").stopped, "asked to stop")
    stage.kubelet.go_on("cut", "Collecting")
    assert stage.until("cut", "Cancelled")["status"]["run"]["number"] == 1


def test_a_stopped_run_is_followed_by_a_requested_one_whose_baseline_it_is_not_in(stage: Stage) -> None:
    stage.kubelet.scripts["next"] = PAUSED
    stage.apply("next")
    stage.until("next", "Running")
    stop(stage, "next")
    stage.until("next", "Cancelled")
    stage.kubelet.scripts["next"] = Script()
    stage.annotate("next", run_requested="again")
    done = stage.until("next", "Completed")
    assert done["status"]["run"]["number"] == 2
    assert "stopReason" not in done["status"]["run"]
    assert done["status"]["comparison"]["runs"] == 0
    assert [line["verdict"] for line in done["status"]["history"]] == ["Passed", "Cancelled"]
