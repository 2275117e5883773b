"""Workers that are lost while load is on: told once, by pod, in the words of whoever ended them."""

import pytest

from tests.unit.decide_run import states
from tests.unit.decide_run.kstatus import by_type

LATER = "2026-12-01T12:00:30Z"
BEFORE = "2026-12-01T11:00:00Z"
RUNNING = {"running": {"startedAt": LATER}}


def container(state, last=None):
    return {"phase": "Running", "containerStatuses": [{"name": "locust", "state": state, "lastState": last or {}}]}


def terminated(reason="OOMKilled", exit_code=137, at=LATER, message=""):
    return {"terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": at, "message": message}}


def disrupted(reason, message):
    found = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {"phase": "Running", "conditions": [found]}


def lose(world, connected=1, lost=1):
    world.agent["workers"] = {"expected": 2, "connected": connected, "lost": lost}


def told(world):
    world.look()
    found = by_type(world.raw["status"])["WorkersConnected"]
    return found["status"], found["reason"], found["message"]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (container(terminated()), "OOMKilled", "OOMKilled (exit code 137)"),
        (container({"waiting": {"reason": "CrashLoopBackOff"}}, terminated("Error", 1)), "PodFailed", "exit code 1"),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted", "Evicted: low on memory"),
        (disrupted("EvictionByEvictionAPI", "drained"), "Evicted", "EvictionByEvictionAPI: drained"),
        (disrupted("DeletionByTaintManager", "node is gone"), "NodeLost", "DeletionByTaintManager: node is gone"),
        (disrupted("PreemptionByScheduler", "made room"), "Preempted", "PreemptionByScheduler: made room"),
    ],
)
def test_why_a_worker_is_lost_is_told_at_once_with_its_pod_in_one_event(status, reason, words):
    world = states.running()
    world.pods("worker")[1]["status"] = status
    found = told(world)  # the master has not missed it yet
    assert found[:2] == ("False", reason)
    assert found[2].startswith("1 of 2 workers connected; pod checkout-1-workers-1: ")
    assert words in found[2]
    assert world.raw["status"]["run"]["workersLost"] == 1
    lose(world)
    world.tick(5)
    assert told(world)[:2] == ("False", reason)
    assert [note.reason for note in world.notes if note.type == "Warning"] == [reason]


def test_a_worker_that_came_back_is_named_and_its_next_loss_is_another_event():
    world = states.running()
    lose(world, connected=2)
    world.pods("worker")[0]["status"] = container(RUNNING, terminated())
    status, reason, message = told(world)
    assert (status, reason) == ("True", "WorkersConnected")
    assert message == (
        "2 of 2 workers connected; 1 was lost and came back: pod checkout-1-workers-0: OOMKilled (exit code 137)"
    )
    world.tick(20)
    told(world)
    lose(world, connected=2, lost=2)
    assert "2 were lost and came back" in told(world)[2]
    assert [note.reason for note in world.notes if note.type == "Warning"] == ["OOMKilled", "OOMKilled"]


def test_a_worker_whose_pod_tells_nothing_is_lost_all_the_same():
    world = states.running()
    lose(world)
    assert told(world) == ("False", "WorkersLost", "1 of 2 workers connected")
    assert [note.reason for note in world.notes if note.type == "Warning"] == ["WorkersLost"]


def test_what_happened_before_the_load_is_no_loss():
    world = states.running()
    world.pods("worker")[0]["status"] = container(RUNNING, terminated(at=BEFORE))
    assert world.look().notes == ()
    assert "workersLost" not in world.raw["status"]["run"]


def test_a_worker_that_is_done_is_no_loss():
    world = states.running()
    world.pods("worker")[0]["status"] = container(terminated("Completed", 0))
    assert world.look().notes == ()


def test_the_number_of_losses_outlives_the_pods_and_the_operator():
    world = states.running()
    lose(world)
    world.look()
    world.restart()
    world.look()
    lose(world, connected=2, lost=0)
    world.tick(20)
    world.look()
    assert world.raw["status"]["run"]["workersLost"] == 1


@pytest.mark.parametrize(
    ("lost", "status", "says"),
    [(0, "True", "2 of 2 workers connected"), (1, "False", "of 2 workers 1 was lost while the load was on")],
)
def test_an_operator_that_comes_when_the_load_is_over_tells_of_the_workers_all_the_same(lost, status, says):
    world = states.created()
    world.start_pods()
    world.advance("Holding")
    world.agent["workers"] = {"expected": 2, "connected": 0, "lost": lost}
    world.restart()
    world.look()
    assert world.raw["status"]["phase"] == "Collecting"
    told = by_type(world.raw["status"])["WorkersConnected"]
    assert (told["status"], told["message"]) == (status, says)
