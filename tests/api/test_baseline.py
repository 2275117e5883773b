"""Runs of one LoadTest after each other: the baseline grows, a slower run closes the gate, and an epoch accepts it."""

from typing import Any

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Stage, stays

BUSY = {"requests_per_window": 60}


def run(stage: Stage, name: str, number: int, latency_s: float) -> dict[str, Any]:
    """The number-th run, played with this latency, to its end."""
    stage.kubelet.scripts[name] = Script(latency_s=latency_s, **BUSY)
    if number == 1:
        stage.apply(name)
    else:
        stage.annotate(name, run_requested=f"run {number}")
    return stage.until(name, "Completed", where=lambda test: test["status"]["run"]["number"] == number)


def test_a_slower_run_is_regressed_and_a_new_epoch_accepts_it_without_load(stage: Stage) -> None:
    told = [run(stage, "grown", number + 1, 0.05)["status"] for number in range(3)]
    assert [one["comparison"]["result"] for one in told] == ["CollectingBaseline"] * 3
    assert [one["comparison"]["runs"] for one in told] == [0, 1, 2]
    assert {one["verdict"] for one in told} == {"Passed"}

    slower = run(stage, "grown", 4, 0.075)
    assert slower["status"]["verdict"] == "Regressed"
    assert (condition(slower, "Stalled")["reason"], condition(slower, "Passed")["status"]) == ("Regressed", "False")
    finding = slower["status"]["comparison"]["findings"][0]
    assert 47 < float(finding["change"].strip("+%")) < 53  # 50, and each of the two within a bucket of 2 %
    columns = stage.kubectl("get", "lt", "grown", "-n", stage.namespace, "--no-headers").split()
    assert columns[:3] == ["grown", "Completed", "Regressed"]
    assert finding["change"] in columns

    jobs = stage.jobs()
    stage.apply("grown", baseline={"epoch": "slower, and we know it"})
    accepted = stage.until("grown", "Completed", where=lambda test: test["status"]["verdict"] == "Passed")
    assert accepted["status"]["comparison"] == {**accepted["status"]["comparison"], "runs": 0}
    assert accepted["status"]["comparison"]["result"] == "CollectingBaseline"
    assert accepted["status"]["run"]["id"] == slower["status"]["run"]["id"]
    assert condition(accepted, "Ready")["status"] == "True"
    assert stays(lambda: set(stage.jobs()) <= set(jobs), 1)


def test_advice_only_is_a_gate_that_stays_open(stage: Stage) -> None:
    for number in range(3):
        run(stage, "advised", number + 1, 0.05)
    run(stage, "advised", 4, 0.075)
    stage.apply("advised", gate={"failOn": ["Failed", "Invalid"]})
    found = stage.until("advised", "Completed", where=lambda test: condition(test, "Ready")["status"] == "True")
    assert (found["status"]["verdict"], condition(found, "Passed")["status"]) == ("Regressed", "True")


def test_another_load_begins_a_baseline_of_its_own(stage: Stage) -> None:
    for number in range(2):
        run(stage, "changed", number + 1, 0.05)
    stage.apply("changed", load={"users": 5, "spawnRate": "10/s", "duration": "6s", "warmup": "1s"})
    found = stage.until("changed", "Completed", where=lambda test: test["status"]["run"]["number"] == 3)
    assert found["status"]["comparison"]["runs"] == 0


def test_the_comparison_outlives_the_operator(stage: Stage) -> None:
    for number in range(3):
        run(stage, "kept", number + 1, 0.05)
    stage.operator.kill()
    stage.operator.start().ready()
    assert run(stage, "kept", 4, 0.075)["status"]["verdict"] == "Regressed"
