"""A run waits for what was to be over: of a lost attempt, of the run before, of another that had its lock."""

from datetime import timedelta

import pytest
from loadtest_operator.build import names
from loadtest_operator.decide import lingering

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC, seconds
from tests.unit.decide_run.kstatus import IN_PROGRESS, by_type, kstatus
from tests.unit.decide_run.test_losses import lost

MORE = {"users": 60, "duration": "5m"}


def again(world):
    """Its run is stopped while the nodes of its pods hear nothing; another is asked for at once."""
    world.pods_linger = True
    world.stop()
    world.look()
    world.request("again")
    world.settle()
    return world


def cut_off(world, role=None):
    """What is left, with or without the master."""
    for pod in world.pods():
        if role is not None and pod["metadata"]["labels"][names.LABEL_ROLE] != role:
            del world.objects["Pod", pod["metadata"]["name"]]
    return world


def test_a_new_attempt_sends_nothing_while_a_worker_of_the_lost_one_may():
    world = lost()
    world.pods_linger = True
    world.look()
    world.tick(20)
    assert world.look().create == ()
    assert world.raw["status"]["message"] == (
        "attempt 2 starts when checkout-1-workers-0, checkout-1-workers-1 of the lost one are gone"
    )
    assert kstatus(world.raw) == IN_PROGRESS
    for pod in world.pods():
        pod["status"]["phase"] = "Failed"
    assert world.look().create


@pytest.mark.parametrize("change", ["request", "spec"])
def test_a_new_run_sends_nothing_while_a_worker_of_the_run_before_may(change):
    world = states.starting({**SPEC, "onChange": "Replace"})
    world.pods_linger = True
    if change == "spec":
        world.edit(load=MORE)
    else:
        world.stop()
        world.look()
        world.request("again")
    plan = world.settle()
    assert (world.raw["status"]["phase"], world.raw["status"]["run"]["number"]) == ("Preparing", 2)
    assert (plan.create, plan.requeue_after) == ((), timedelta(seconds=1))
    assert world.raw["status"]["message"] == (
        "run 2 starts when checkout-1-workers-0, checkout-1-workers-1 of the run before are gone"
    )
    assert world.look().status is None, "a status that says nothing new is not written"
    for pod in world.pods():
        pod["status"]["phase"] = "Failed"
    assert world.look().create
    assert world.raw["status"]["phase"] == "Starting"


def test_workers_without_their_master_end_by_themselves_also_where_nobody_can_tell_them():
    world = cut_off(again(states.starting()), "worker")
    world.look()
    world.tick(lingering.ENDS_ALONE.total_seconds())
    assert not world.look().create
    world.tick(1)
    assert world.look().create


def test_the_time_of_workers_counts_from_when_their_master_is_gone():
    world = again(states.starting())
    world.tick(60)
    assert not world.look().create
    cut_off(world, "worker")
    assert not world.look().create
    world.tick(lingering.ENDS_ALONE.total_seconds() + 1)
    assert world.look().create


def test_workers_with_their_master_go_on_until_that_ends_the_load():
    world = again(states.starting())
    world.load_ends = world.now + seconds(60)
    world.tick(60 + lingering.ENDS_ALONE.total_seconds())
    assert not world.look().create
    world.tick(1)
    assert world.look().create


def test_what_cannot_be_shown_to_be_over_ends_the_attempt_instead_of_doubling_the_load():
    world = states.running()
    world.pods_linger, world.reachable = True, False
    world.master()["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    world.look()
    world.tick(31)
    world.look()
    assert world.raw["status"]["run"]["attempt"] == 2
    for pod in world.pods():
        pod["spec"] = {"nodeName": "node-7"}
    world.tick(181)
    plan = world.look()
    assert (plan.status["phase"], by_type(plan.status)["Stalled"]["reason"]) == ("Error", "MasterLost")
    said = "no new attempt: checkout-1-workers-0, checkout-1-workers-1 of the lost one cannot be shown to be gone"
    assert plan.status["message"] == f"{said} (node node-7); delete them"


def test_what_cannot_be_shown_to_be_over_ends_the_run_that_waits_for_it():
    world = again(states.starting())
    world.tick(180)
    assert not world.look().status
    world.tick(1)
    plan = world.look()
    assert (plan.status["phase"], by_type(plan.status)["Stalled"]["reason"]) == ("Error", "StartTimeout")
    assert "no new run: checkout-1-workers-0" in plan.status["message"]
    assert world.raw["status"]["run"]["number"] == 2


def test_the_load_pods_of_a_run_tell_its_locks_and_its_deadline():
    world = states.fresh({**SPEC, "queue": {"exclusive": ["db"]}, "deadline": "30m"})
    world.look()
    jobs = [body for body in world.look().create if body["kind"] == "Job"]
    master, worker = (job["spec"]["template"]["metadata"] for job in jobs)
    assert {one["labels"][names.lock_label("db")] for one in (master, worker)} == {"held"}
    assert master["annotations"][names.ANNOTATION_LOAD_ENDS] == "2026-12-01T12:30:00Z"


def test_a_run_that_waits_can_be_stopped():
    world = again(states.starting())
    world.stop()
    world.settle()
    assert world.raw["status"]["phase"] == "Cancelled"


def test_pods_of_another_namespace_are_named_with_it():
    world = again(states.starting())
    for pod in world.pods():
        pod["metadata"]["namespace"] = "other"
    world.look()
    assert "other/checkout-1-workers-0" in world.raw["status"]["message"]
