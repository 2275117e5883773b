"""An operator that dies in any phase is continued by the next one: the same run, once, with the same verdict."""

import pytest

from tests.support.played_agent import STATES, Script
from tests.support.stage import Stage, soon

PHASE_OF = {
    "Loading": "Starting",
    "WaitingForWorkers": "Starting",
    "Preflight": "Preflight",
    "Running": "Running",
    "Collecting": "Collecting",
    "Holding": "Completed",
}


@pytest.mark.parametrize("state", STATES[:-1])
def test_killed_in_any_phase_the_next_operator_finishes_the_same_run(stage: Stage, state: str) -> None:
    stage.kubelet.scripts["cut"] = Script(pause_at=frozenset({state}))
    stage.apply("cut")
    before = stage.until("cut", PHASE_OF[state])
    soon(lambda: stage.kubelet.agent("cut").state == state, f"agent {state}")
    jobs = {job["metadata"]["uid"] for job in stage.all("jobs")}
    stage.operator.kill()
    stage.operator.start().ready()
    assert {job["metadata"]["uid"] for job in stage.all("jobs")} == jobs
    stage.kubelet.go_on("cut", state)
    done = stage.until("cut", "Completed")
    assert done["status"]["verdict"] == "Passed"
    assert done["status"]["run"]["id"] == before["status"]["run"]["id"]


def test_a_run_that_ends_while_no_operator_is_there_keeps_its_results_for_the_next(stage: Stage) -> None:
    stage.kubelet.scripts["alone"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("alone")
    stage.until("alone", "Running")
    stage.operator.kill()
    stage.kubelet.go_on("alone", "Running")
    soon(lambda: stage.kubelet.agent("alone").state == "Holding", "results held")
    stage.operator.start()
    assert stage.until("alone", "Completed")["status"]["summary"]["requests"] == 200


def test_a_restart_after_the_end_changes_nothing(stage: Stage) -> None:
    stage.apply("over")
    stage.until("over", "Completed")
    soon(lambda: not stage.jobs(), "children gone")
    before = stage.get("over")["metadata"]["resourceVersion"]
    stage.operator.stop()
    stage.operator.start().ready()
    soon(lambda: "loadtest_reconcile_seconds_count 1.0" in stage.operator.metrics(), "looked at again")
    assert stage.get("over")["metadata"]["resourceVersion"] == before
    assert not stage.jobs()


def test_a_lost_store_does_not_run_the_test_again(stage: Stage) -> None:
    stage.apply("kept")
    stage.until("kept", "Completed")
    soon(lambda: not stage.jobs(), "children gone")
    before = stage.get("kept")["status"]
    stage.operator.kill()
    for file in stage.folder.glob("operator/store.db*"):
        file.unlink()
    stage.operator.start().ready()
    soon(lambda: "loadtest_reconcile_seconds_count 1.0" in stage.operator.metrics(), "looked at again")
    assert stage.get("kept")["status"] == before
