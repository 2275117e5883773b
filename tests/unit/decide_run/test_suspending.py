"""`spec.suspend`: who waits goes on waiting, who runs is stopped and keeps its numbers, going on is one new run."""

import pytest
from loadtest_operator.decide.observed import Plan

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import CURRENT, IN_PROGRESS, by_type, kstatus

MORE = {"users": 60, "duration": "5m"}


def suspended(world):
    status = world.raw["status"]
    assert status["phase"] == "Suspended"
    found = by_type(status)
    assert found["Ready"]["status"] == "False"
    assert found["Ready"]["reason"] == "Suspended"
    assert not {"Reconciling", "Stalled"} & set(found)
    assert found["Completed"]["status"] == "False"
    assert "verdict" not in status
    assert kstatus(world.raw) == IN_PROGRESS
    return status


def stopped():
    """Suspended under load, its results collected, its master let go."""
    world = states.running()
    world.edit(suspend=True)
    world.settle()
    world.advance("Holding")
    for _ in range(6):
        world.look()
    suspended(world)
    return world


def numbers(world):
    return [line["number"] for line in world.raw["status"].get("history", ())]


def test_a_new_test_waits_and_says_how_it_goes_on():
    world = states.fresh({**SPEC, "suspend": True})
    world.look()
    assert "set it to false" in suspended(world)["message"]
    assert "run" not in world.raw["status"]
    assert world.look() == Plan()
    world.edit(suspend=False)
    world.look()
    assert world.raw["status"]["run"]["number"] == 1


@pytest.mark.parametrize("phase", ["preparing", "created", "starting", "preflight"])
def test_a_run_without_load_yet_is_taken_down(phase):
    world = getattr(states, phase)()
    world.edit(suspend=True)
    world.look()
    suspended(world)
    assert not world.objects
    assert world.settle() == Plan()


def test_a_run_under_load_keeps_what_it_measured():
    world = stopped()
    status = world.raw["status"]
    assert status["summary"]["requests"] == 6051
    assert [line["verdict"] for line in status["history"]] == ["Suspended"]
    assert world.agent is None, "the master was let go"
    assert world.store


@pytest.mark.parametrize("restarted", [False, True])
def test_going_on_is_exactly_one_new_run(restarted):
    world = stopped()
    if restarted:
        world.restart()
        world.look()
    world.edit(suspend=None)
    world.settle()
    assert world.raw["status"]["phase"] == "Starting"
    assert world.raw["status"]["run"]["number"] == 2
    assert "stopReason" not in world.raw["status"]["run"]
    world.start_pods()
    world.advance("Holding")
    world.tick(1)
    for _ in range(6):
        world.look()
    assert world.raw["status"]["phase"] == "Completed"
    assert numbers(world) == [2, 1]
    assert kstatus(world.raw) == CURRENT


def test_an_edit_while_suspended_is_what_runs_then():
    world = stopped()
    world.edit(load=MORE)
    world.settle()
    assert "summary" not in suspended(world), "these numbers are not about the new spec"
    world.edit(suspend=None)
    world.look()
    assert world.raw["status"]["run"]["number"] == 2
    assert world.raw["status"]["run"]["runKey"] == world.inputs().run_key


def test_a_request_while_suspended_waits_and_does_not_make_two_runs_of_one():
    world = stopped()
    world.request("again")
    world.settle()
    suspended(world)
    world.edit(suspend=None)
    world.settle()
    assert world.raw["status"]["lastHandledRunRequest"] == "again"
    assert world.raw["status"]["run"]["number"] == 2


def test_a_suspension_that_is_taken_back_while_the_load_ends_still_makes_one_new_run():
    world = states.running()
    world.edit(suspend=True)
    world.look()
    world.edit(suspend=None)
    world.settle()
    world.advance("Holding")
    world.settle()
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2
    assert [line["verdict"] for line in world.raw["status"]["history"]] == ["Suspended"]


def test_a_test_that_has_completed_stays_as_it_is():
    world = states.cleaned()
    world.edit(suspend=True)
    world.settle()
    assert world.raw["status"]["phase"] == "Completed"
    assert kstatus(world.raw) == CURRENT
    world.edit(suspend=None)
    world.settle()
    assert world.raw["status"]["run"]["number"] == 1
    assert kstatus(world.raw) == CURRENT


def test_a_new_spec_after_the_end_waits_and_taking_it_back_brings_the_verdict_back():
    world = states.cleaned()
    world.edit(suspend=True, load=MORE)
    world.settle()
    suspended(world)
    world.edit(load=SPEC["load"])
    world.settle()
    assert (world.raw["status"]["phase"], world.raw["status"]["verdict"]) == ("Completed", "Passed")
    assert world.raw["status"]["run"]["number"] == 1


def test_collecting_is_not_cut_short():
    world = states.collecting()
    world.edit(suspend=True)
    world.advance("Holding")
    world.settle()
    assert world.raw["status"]["phase"] == "Completed"


def test_an_invalid_spec_is_told_before_it_is_told_to_be_suspended():
    world = stopped()
    world.edit(load={"users": 0, "duration": "5m"})
    world.settle()
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "InvalidSpec"
    world.edit(load=SPEC["load"])
    world.settle()
    suspended(world)
    world.edit(suspend=None)
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2
