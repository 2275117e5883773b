"""Stopped by its id: in every phase before Judging, under load with what was measured, and for good."""

from datetime import timedelta

import pytest
from loadtest_operator.decide.observed import Do, Plan

from tests.unit.decide_run import states
from tests.unit.decide_run.kstatus import FAILED, IN_PROGRESS, by_type, kstatus


def cancelled(world):
    status = world.raw["status"]
    assert status["phase"] == "Cancelled"
    found = by_type(status)
    assert found["Completed"]["status"] == "True"
    assert found["Passed"]["status"] == "False"
    assert {found[name]["reason"] for name in ("Ready", "Stalled", "Completed", "Passed")} == {"Cancelled"}
    assert "verdict" not in status
    assert status["run"]["endTime"]
    assert [line["verdict"] for line in status["history"]] == ["Cancelled"]
    assert kstatus(world.raw) == FAILED
    return status


@pytest.mark.parametrize("phase", ["preparing", "created", "starting", "preflight"])
def test_before_load_it_is_over_at_once_and_nothing_is_left(phase):
    world = getattr(states, phase)()
    world.stop()
    world.look()
    assert "before any load" in cancelled(world)["message"]
    assert not world.objects
    assert world.settle() == Plan()


def test_under_load_the_reason_is_written_before_the_master_is_asked():
    world = states.running()
    world.stop()
    plan = world.look()
    assert (plan.do, plan.status["run"]["stopReason"]) == ((), "Cancelled")
    assert plan.status["phase"] == "Running"
    assert world.look().do == (Do.STOP,)


@pytest.mark.parametrize("phase", ["running", "collecting"])
def test_under_load_what_was_measured_is_collected_and_shown_without_a_verdict(phase):
    world = getattr(states, phase)()
    world.stop()
    world.settle()
    world.advance("Holding")
    for _ in range(6):
        world.look()
    status = cancelled(world)
    assert status["summary"]["requests"] == 6051
    assert status["thresholds"]
    assert "6051 requests" in status["message"]
    assert world.store
    assert world.agent is None, "the master was let go"


def test_the_message_has_the_command_that_runs_it_again():
    world = states.starting()
    world.stop()
    message = world.look().status["message"]
    assert message.endswith("kubectl annotate --overwrite lt/checkout -n shop loadtest.dev/run-requested=after-1")
    world.request("after-1")
    world.look()
    assert world.raw["status"]["run"]["number"] == 2


def test_the_id_of_another_run_stops_nothing():
    world = states.running()
    world.stop("checkout-1-0000000000")
    assert world.look().status is None
    assert "stopReason" not in world.raw["status"]["run"]


def test_a_stop_stays_with_its_run_and_the_next_one_runs():
    world = states.starting()
    world.stop()
    world.look()
    world.request("again")
    world.settle()
    assert world.raw["status"]["phase"] == "Starting"
    assert world.raw["status"]["run"]["number"] == 2


@pytest.mark.parametrize("phase", ["judging", "completed"])
def test_from_judging_on_a_stop_changes_nothing(phase):
    world = getattr(states, phase)()
    world.stop()
    world.settle()
    assert world.raw["status"]["phase"] == "Completed"
    assert world.raw["status"]["verdict"] == "Passed"


def test_a_request_to_stop_that_is_taken_back_still_stops():
    world = states.running()
    world.stop()
    world.look()
    world.raw["metadata"]["annotations"] = {}
    world.restart()
    assert world.look().do == (Do.STOP,)
    world.advance("Holding")
    world.settle()
    cancelled(world)


def test_a_master_that_cannot_be_asked_is_ended_with_its_jobs_after_half_a_minute():
    world = states.running()
    world.stop()
    world.reachable = False
    world.look()
    assert world.look().do == (Do.STOP,)
    assert world.look().requeue_after == timedelta(seconds=0.3)
    world.tick(31)
    world.look()
    assert "could not be asked" in cancelled(world)["message"]
    assert not world.objects


def test_a_master_that_is_lost_while_it_stops_does_not_make_it_an_error():
    world = states.running()
    world.stop()
    world.look()
    world.remove_master()
    world.settle()
    assert "meanwhile: the master pod is gone" in cancelled(world)["message"]
    assert world.raw["status"]["run"]["attempt"] == 1, "no new attempt of what is to stop"
    assert ("Job", "checkout-1-workers") not in world.objects


def test_a_newer_spec_that_waits_follows_a_stopped_run_at_once():
    world = states.starting()
    world.edit(load={"users": 60, "duration": "5m"})
    world.stop()
    world.look()
    assert world.raw["status"]["phase"] == "Cancelled"
    assert kstatus(world.raw) == IN_PROGRESS
    world.look()
    assert world.raw["status"]["run"]["number"] == 2


def test_other_limits_after_a_stop_change_nothing_of_it():
    world = states.running()
    world.stop()
    world.settle()
    world.advance("Holding")
    for _ in range(4):
        world.look()
    world.edit(thresholds=[{"metric": "p95", "fail": "1s"}])
    world.settle()
    cancelled(world)
