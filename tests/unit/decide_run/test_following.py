"""From Starting to Collecting: what pods and agent say, and when a run is given up."""

from datetime import timedelta

import pytest

from tests.unit.decide_run import states
from tests.unit.decide_run.kstatus import by_type

UNSCHEDULABLE = "0/3 nodes are available: 3 Insufficient cpu."


def test_the_phase_follows_the_agent_and_skips_what_it_skipped():
    world = states.created()
    world.start_pods()
    world.advance("Collecting")
    assert world.look().status["phase"] == "Collecting"


def test_an_agent_that_failed_under_load_is_collecting():
    world = states.running()
    world.agent |= {"state": "Failed", "error": {"reason": "WorkersLost", "message": "the last worker went"}}
    assert world.look().status["phase"] == "Collecting"


def test_the_phase_never_goes_back_whatever_the_agent_says():
    world = states.running()
    world.agent["state"] = "WaitingForWorkers"
    world.look()
    assert world.raw["status"]["phase"] == "Running"


def test_preflight_tells_what_the_target_answers():
    world = states.preflight()
    world.agent["preflight"] = {"ok": False, "message": "GET / answered 503"}
    plan = world.look()
    found = by_type(plan.status)["TargetReachable"]
    assert (found["status"], found["reason"], found["message"]) == (
        "Unknown",
        "TargetUnreachable",
        "GET / answered 503",
    )


def test_load_that_just_began_says_what_comes_not_that_nobody_is_there():
    world = states.running()
    for there, says in [(0, "load begins, 50 users in all"), (20, "20 of 50 users")]:
        world.agent["users"] = {"target": 50, "running": there}
        world.tick(10)
        world.look()
        assert world.raw["status"]["message"] == says


def test_who_edits_under_load_is_told_at_once_that_this_run_is_not_the_answer():
    world = states.running()
    world.tick(10)
    world.look()
    before = world.raw["status"]["message"]
    world.edit(load={**world.raw["spec"]["load"], "users": 7})
    world.look()
    assert world.raw["status"]["message"] == f"{before}; the edited spec runs next"
    world.tick(10)
    world.look()
    assert world.raw["status"]["message"] == f"{before}; the edited spec runs next", "and with new numbers"


def test_a_lost_worker_is_told_while_the_load_goes_on():
    world = states.running()
    world.agent["workers"] = {"expected": 2, "connected": 1, "lost": 1}
    found = by_type(world.look().status)["WorkersConnected"]
    assert (found["status"], found["reason"], found["message"]) == ("False", "WorkersLost", "1 of 2 workers connected")
    assert [note.reason for note in world.notes].count("WorkersLost") == 1


def test_a_generator_that_does_not_keep_up_is_told_while_load_is_on_and_when_it_does_again():
    world = states.running()
    world.agent["users"]["running"] = 50
    for cpu, lag, status in [(0.5, 0.01, "True"), (0.97, 0.01, "False"), (0.5, 0.4, "False"), (0.5, 0.01, "True")]:
        world.agent["recent"] |= {"cpu": cpu, "lag": lag}
        world.tick(10)
        world.look()
        found = by_type(world.raw["status"])["GeneratorHealthy"]
        assert found["status"] == status
        assert found["reason"] == ("GeneratorHealthy" if status == "True" else "GeneratorSaturated")
    assert "GeneratorHealthy" in by_type(world.raw["status"])


@pytest.mark.parametrize(
    ("after", "users", "workers", "healthy"),
    [
        (12, 12, 2, True),  # the ramp takes 30 s, and 5 s are for a step of it and for the way
        (12, 11, 2, False),
        (60, 50, 2, True),
        (60, 40, 2, False),
        (60, 25, 1, True),  # WorkersConnected says it
    ],
)
def test_users_that_do_not_follow_the_ramp_are_told_while_load_is_on(after, users, workers, healthy):
    world = states.running()
    world.tick(world.agent["startedAt"] + after - world.now.timestamp())
    world.agent["recent"] |= {"cpu": 0.5, "lag": 0.01}
    world.agent["users"] = {"target": 50, "running": users}
    world.agent["workers"] = {"expected": 2, "connected": workers, "lost": 2 - workers}
    found = by_type(world.look().status)["GeneratorHealthy"]
    assert found["status"] == str(healthy)
    if not healthy:
        wanted = 11 if after == 12 else 50
        assert found["reason"] == "LoadNotReached"
        assert found["message"].startswith(f"{users} users are there, and {wanted} should be: let them come slower")


def test_a_pacing_that_is_not_kept_is_told_while_load_is_on():
    world = states.running()
    world.agent["users"]["running"] = 50
    for late, missed, status in [({}, 0.0, "True"), ({"60": 40}, 20.0, "False"), ({"60": 2}, 1.0, "True")]:
        world.agent["recent"] |= {"cpu": 0.5, "lag": 0.01, "pacing": {"n": 100, "missed": missed, "late": late}}
        world.tick(10)
        world.look()
        found = by_type(world.raw["status"])["GeneratorHealthy"]
        assert found["status"] == status
        if status == "False":
            assert found["reason"] == "LoadNotReached"
            assert found["message"].startswith(
                "40% of the iterations that have a pacing begin late, and only 83.33% of those asked for are made: give"
            )


def test_live_numbers_come_every_ten_seconds_as_numbers_and_texts_with_units():
    world = states.running()
    for _ in range(9):
        world.tick(1)
        assert world.look().status is None
    world.tick(1)
    progress = world.look().status["progress"]
    assert progress == {
        "percent": 3,
        "users": 10,
        "workers": 2,
        "rps": "195.2/s",
        "p95": "183ms",
        "errorRate": "0%",
        "updated": "2026-12-01T12:00:13Z",
    }


def test_live_numbers_of_a_long_run_come_every_hundredth_of_it():
    world = states.running()
    world.agent["endsAt"] = world.agent["startedAt"] + 7200
    world.tick(71)
    assert world.look().status is None
    world.tick(1)
    assert world.look().status["progress"]["percent"] == 1


def test_the_end_of_the_load_is_not_missed_by_five_seconds():
    world = states.running()
    world.tick(297)
    assert world.look().requeue_after == timedelta(seconds=2)


def test_progress_leaves_the_status_with_the_load():
    assert "progress" in states.running().raw["status"]
    assert "progress" not in states.collecting().raw["status"]
