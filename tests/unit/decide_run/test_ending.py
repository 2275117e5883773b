"""Judging, completion, the acknowledge, cleaning up, judging again, deletion."""

from datetime import timedelta

import pytest
from loadtest_operator.decide.observed import Do
from loadtest_operator.model.phases import Verdict

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC, STATES
from tests.unit.decide_run.kstatus import CURRENT, FAILED, IN_PROGRESS, by_type, kstatus

STRICT = [{"metric": "p95", "fail": "100ms"}]


def test_a_normal_run_writes_its_status_at_most_eight_times():
    world = states.cleaned()
    assert len(world.written) <= 8
    phases = [status["phase"] for status in world.written]
    assert list(dict.fromkeys(phases)) == [
        "Preparing",
        "Starting",
        "Preflight",
        "Running",
        "Collecting",
        "Judging",
        "Completed",
    ]


def test_a_passed_run_is_current_and_the_gate_opens():
    world = states.completed()
    found = by_type(world.raw["status"])
    assert found["Ready"]["reason"] == found["Passed"]["reason"] == "Passed"
    assert found["Completed"]["status"] == "True"
    assert world.raw["status"]["summary"]["p95"] == "183ms"
    assert kstatus(world.raw) == CURRENT


def test_a_crossed_limit_closes_the_gate():
    world = states.completed({**SPEC, "thresholds": STRICT})
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "Failed"
    assert kstatus(world.raw) == FAILED


def test_an_advisory_test_opens_the_gate_with_its_verdict_as_the_reason():
    world = states.completed({**SPEC, "thresholds": STRICT, "gate": {"failOn": []}})
    ready = by_type(world.raw["status"])["Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "Failed")
    assert kstatus(world.raw) == CURRENT


def test_an_invalid_run_says_that_the_generator_is_not_healthy():
    world = states.completed(verdict=Verdict.INVALID)
    found = by_type(world.raw["status"])
    healthy = found["GeneratorHealthy"]
    assert (healthy["status"], healthy["reason"]) == ("False", "GeneratorSaturated")
    assert found["Stalled"]["reason"] == "Invalid"
    assert kstatus(world.raw) == FAILED


def test_it_is_judged_only_when_everything_is_here():
    world = states.judging()
    world.restart()
    world.reachable = False
    assert world.look().do == ()
    world.reachable = True
    assert world.look().do == (Do.JUDGE,)


def test_the_master_is_let_go_only_after_the_status_says_completed():
    world = states.judging()
    assert world.look().do == (Do.JUDGE,)
    plan = world.look()
    assert (plan.status["phase"], plan.do) == ("Completed", ())
    assert world.look().do == (Do.ACKNOWLEDGE,)


@pytest.mark.parametrize("phase", ["preparing", "created", "running", "collecting", "holding", "judging", "completed"])
def test_an_operator_that_restarts_goes_on_where_the_cluster_is(phase):
    world = getattr(states, phase)()
    for step in ("Running", "Holding", "Holding", "Holding"):
        world.restart()
        world.start_pods()
        if world.agent is not None and world.agent["state"] in STATES[: STATES.index(step)]:
            world.advance(step)
        world.look()
    world.settle()
    status = world.raw["status"]
    assert (status["phase"], status["verdict"], status["run"]["number"]) == ("Completed", "Passed", 1)
    assert len(status["history"]) == 1


def test_an_operator_that_died_after_the_commit_completes_from_the_store():
    world = states.judging()
    world.look()
    world.restart()
    world.remove_master()
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"


def test_a_master_that_dies_after_everything_was_pulled_is_not_missed():
    world = states.collecting()
    world.advance("Holding")
    before = dict(world.raw["status"])
    world.look()
    world.raw["status"] = before  # the status write met a conflict
    world.remove_master()
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"


def test_results_that_were_released_but_are_not_in_the_store_are_lost_and_said_to_be():
    world = states.judging()
    world.restart()
    world.end_master('{"state": "Released"}', 0, "Completed", "Succeeded")
    assert by_type(world.look().status)["Stalled"]["reason"] == "ResultsLost"


def test_a_store_that_is_away_is_waited_for_and_the_results_stay_in_the_master():
    world = states.judging()
    world.store_away = True
    world.look()
    plan = world.look()
    assert by_type(plan.status)["Ready"]["reason"] == "StoreUnavailable"
    assert "wait in the master" in plan.status["message"]
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look().status is None
    world.tick(24 * 60)
    world.store_away = False
    world.settle()
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"


def test_half_of_the_windows_never_become_the_result_of_a_run_whose_store_was_away():
    world = states.judging()
    world.store_away = True
    world.look()
    world.restart()
    world.reachable = False
    plan = world.look()
    assert plan.do == ()
    assert plan.requeue_after == timedelta(seconds=10)


def test_an_agent_that_holds_with_an_error_is_judged_stored_and_told_as_the_error():
    once = {**SPEC, "runners": {"workers": 2, "retries": 0}}
    error = {"reason": "WorkersLost", "message": "the last worker went while the load was on"}
    world = states.judging(once, error=error)
    world.look()
    plan = world.look()
    assert (plan.status["phase"], plan.status["verdict"]) == ("Error", "Error")
    assert plan.status["summary"]["requests"] == 6051
    assert plan.status["message"] == "the last worker went while the load was on"
    assert by_type(plan.status)["Stalled"]["reason"] == "WorkersLost"
    assert plan.delete == ()
    assert world.look().do == (Do.ACKNOWLEDGE,)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.PASSED, CURRENT),
        (Verdict.WARNING, CURRENT),
        (Verdict.INCONCLUSIVE, CURRENT),
        (Verdict.REGRESSED, FAILED),
        (Verdict.FAILED, FAILED),
        (Verdict.INVALID, FAILED),
    ],
)
def test_every_verdict_is_its_own_reason_and_opens_or_closes_the_gate(verdict, expected):
    world = states.judging()
    world.verdict = verdict
    world.settle()
    assert by_type(world.raw["status"])["Ready"]["reason"] == verdict
    assert kstatus(world.raw) == expected
