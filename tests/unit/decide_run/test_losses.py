"""A lost master or the last worker's loss: the load ends at once, one fenced new attempt follows, then Error."""

from dataclasses import replace
from datetime import timedelta

import pytest
from loadtest_operator.build.agent_config import CONFIG_FILE
from loadtest_operator.decide import losses
from loadtest_operator.decide.observed import Do
from loadtest_operator.model.conditions import Reason

from tests.unit.decide_run import states
from tests.unit.decide_run.kstatus import FAILED, IN_PROGRESS, by_type, kstatus
from tests.unit.decide_run.test_giving_up import ONCE, ended

WORKERS_LOST = {"reason": "WorkersLost", "message": "the last worker went while the load was on"}


def lost(spec=None):
    """Load was on; the operator has not looked since the master pod went."""
    world = states.running(spec)
    world.remove_master()
    return world


def stopped(plan):
    return sorted(child["metadata"]["name"] for child in plan.stop)


def test_a_lost_master_stops_the_workers_before_anything_else_and_plans_a_new_attempt():
    world = lost()
    plan = world.look()
    assert stopped(plan) == ["checkout-1-master", "checkout-1-master", "checkout-1-workers"]  # Service and two Jobs
    assert plan.do == (Do.KEEP,)
    assert (plan.status["phase"], plan.status["run"]["attempt"]) == ("Preparing", 2)
    ready = by_type(plan.status)["Ready"]
    assert (ready["status"], ready["reason"]) == ("Unknown", "MasterLost")
    assert ready["message"] == "the master pod is gone; the load was stopped, attempt 2 of 2 follows"
    assert kstatus(world.raw) == IN_PROGRESS
    assert [note.reason for note in plan.notes] == ["MasterLost"]


def test_the_new_attempt_has_names_labels_and_a_token_of_its_own_and_the_frozen_spec():
    world = lost()
    run = world.raw["status"]["run"]
    world.look()
    plan = world.look()
    assert world.raw["status"]["phase"] == "Starting"
    assert {item["metadata"]["name"] for item in plan.create} == {
        "checkout-1-2-run",
        "checkout-1-2-master",
        "checkout-1-2-workers",
    }
    assert {item["metadata"]["labels"]["loadtest.dev/attempt"] for item in plan.create} == {"2"}
    config = plan.create[0]["data"][CONFIG_FILE]
    assert '"attempt":2' in config
    assert world.raw["status"]["run"]["id"] == run["id"]
    assert world.observe().run.fence == f"{run['id']}/2"


def test_the_new_attempt_keeps_to_the_spec_of_the_first():
    world = lost()
    world.look()
    world.edit(load={"users": 99, "duration": "5m"})
    plan = world.look()
    assert '"users":50' in plan.create[0]["data"][CONFIG_FILE]


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_an_operator_that_restarts_in_the_middle_goes_on_with_the_new_attempt(looks):
    world = lost()
    for _ in range(looks):
        world.look()
        world.restart()
    for _ in range(12):
        world.tick(1)
        world.start_pods()
        world.look()
        if world.agent is not None:
            world.advance()
    world.settle()
    assert (world.raw["status"]["verdict"], world.raw["status"]["run"]["attempt"]) == ("Passed", 2)
    assert world.store[world.raw["status"]["run"]["id"]]["attempt"] == 2


def test_what_was_kept_of_the_lost_attempt_is_never_the_run_s_result():
    world = lost()
    world.look()
    assert world.store  # attempt 1
    world.look()
    world.restart()
    world.look()
    assert world.raw["status"]["phase"] == "Starting"


def test_a_master_lost_twice_is_an_error_with_what_was_measured():
    world = lost()
    world.look()
    world.look()
    for state in ("Loading", "Preflight", "Running"):
        world.start_pods()
        world.advance(state)
        world.tick(1)
        world.look()
    world.remove_master()
    plan = world.look()
    assert "checkout-1-2-workers" in stopped(plan)
    assert not world.pods()
    plan = ended(world)
    assert by_type(plan.status)["Stalled"]["reason"] == "MasterLost"
    assert plan.status["summary"]["requests"] == 6051
    assert plan.status["verdict"] == "Error"
    assert kstatus(world.raw) == FAILED
    assert world.store
    world.settle()
    assert not world.objects


def test_without_windows_there_is_nothing_to_show():
    world = states.preflight(ONCE)
    world.remove_master()
    plan = world.look()
    assert plan.status["phase"] == "Error"
    assert plan.status["message"].endswith("the run has no result")


def test_the_last_worker_s_loss_is_like_a_lost_master():
    world = states.running()
    world.agent |= {"state": "Holding", "error": WORKERS_LOST}
    plan = world.look()
    assert (plan.status["phase"], plan.status["run"]["attempt"]) == ("Preparing", 2)
    assert by_type(plan.status)["Ready"]["reason"] == "WorkersLost"
    assert not world.pods()


def test_pages_that_can_never_be_read_end_the_run_in_the_words_of_the_agent():
    world = states.collecting()
    world.unreadable = "500 InternalError: boom"
    world.look()
    world.tick(60)
    assert world.look().status is None
    world.tick(1)
    assert world.look().stop
    plan = ended(world)
    assert by_type(plan.status)["Stalled"]["reason"] == "ResultsUnreadable"
    assert "500 InternalError: boom" in plan.status["message"]
    assert plan.status["run"]["attempt"] == 1


def test_pages_that_can_be_read_again_are_forgiven():
    world = states.collecting()
    world.unreadable = "500 InternalError: boom"
    world.look()
    world.tick(59)
    world.unreadable = ""
    world.look()
    world.tick(59)
    world.unreadable = "500 InternalError: boom"
    assert world.look().requeue_after <= timedelta(seconds=5)
    assert world.raw["status"]["phase"] == "Collecting"


def test_what_is_stored_of_a_lost_run_is_asked_for_with_pauses_while_the_store_is_away():
    world = states.judging()
    seen = replace(world.observe(), stored=True, store_problem="the store is away", judgement=None)
    assert losses.finish(seen, world.now, (Reason.MASTER_LOST, "gone"), None).requeue_after == timedelta(seconds=10)
    back = replace(seen, store_problem="")
    assert losses.finish(back, world.now, (Reason.MASTER_LOST, "gone"), None).requeue_after == timedelta(0)
