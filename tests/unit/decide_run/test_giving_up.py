"""When a run is given up, with whose words, and when it is not."""

from datetime import timedelta

import pytest
from loadtest_operator.decide.observed import Plan
from loadtest_operator.decide.run import decide

from tests.unit.decide_run import states
from tests.unit.decide_run.cluster import conditions
from tests.unit.decide_run.kstatus import FAILED, IN_PROGRESS, by_type, kstatus
from tests.unit.decide_run.troubled import ONCE, UNSCHEDULABLE, ended, last_word, unscheduled, waiting


def test_pods_that_just_start_are_no_news():
    world = states.created()
    for pod in world.pods():
        waiting(pod, "ContainerCreating")
    plan = world.look()
    assert plan.status is None
    assert plan.requeue_after <= timedelta(seconds=5)


def test_an_image_that_cannot_be_pulled_is_told_at_once_once_and_ends_the_run_after_the_start_timeout():
    world = states.created()
    waiting(world.master(), "ErrImagePull", "manifest unknown")
    plan = world.look()
    assert by_type(plan.status)["Ready"]["reason"] == "ImagePullFailed"
    assert "manifest unknown" in by_type(plan.status)["WorkersConnected"]["message"]
    assert [note.reason for note in plan.notes] == ["ImagePullFailed"]
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look().status is None
    world.tick(181)
    plan = world.look()
    assert plan.status["phase"] == "Error"
    assert "runners.image" in plan.status["message"]
    assert {child["kind"] for child in plan.delete} == {"Service", "ConfigMap", "Job"}
    assert kstatus(world.raw) == FAILED


@pytest.mark.parametrize("done", [1, 2, 3, 4, 5])
def test_an_operator_that_dies_while_it_gives_up_leaves_the_reason_to_the_next(done):
    world = states.created()
    waiting(world.master(), "ErrImagePull", "manifest unknown")
    world.look()
    world.tick(181)
    seen = world.observe()
    plan = decide(seen, world.now)
    world.execute(Plan(delete=plan.delete[:done]), seen)
    world.restart()
    assert ended(world).status["message"] == plan.status["message"]


def test_no_room_on_any_node_is_told_in_the_scheduler_s_words():
    world = states.created()
    unscheduled(world.master())
    assert UNSCHEDULABLE in world.look().status["message"]
    world.tick(181)
    plan = world.look()
    assert by_type(plan.status)["Stalled"]["reason"] == "Unschedulable"
    assert "runners.resources" in plan.status["message"]


def test_workers_without_room_are_the_reason_when_the_master_gives_up_waiting_for_them():
    world = states.starting()
    unscheduled(world.pods("worker")[1])
    world.look()
    assert by_type(world.raw["status"])["WorkersConnected"]["reason"] == "Unschedulable"
    world.end_master(last_word("WorkersMissing", "1 of 2 workers registered within 180 s"))
    plan = world.look()
    assert by_type(plan.status)["Stalled"]["reason"] == "Unschedulable"
    assert UNSCHEDULABLE in plan.status["message"]


def test_a_worker_s_last_word_explains_why_workers_are_missing():
    world = states.starting()
    ended = {"exitCode": 3, "reason": "Error", "message": last_word("ScriptError", "NameError: HttpUsr")}
    world.pods("worker")[0]["status"] = {
        "phase": "Running",
        "containerStatuses": [{"name": "locust", "lastState": {"terminated": ended}}],
    }
    world.end_master(last_word("WorkersMissing", "0 of 2 workers registered within 180 s"))
    plan = world.look()
    assert by_type(plan.status)["Stalled"]["reason"] == "StartTimeout"
    assert "0 of 2 workers registered" in plan.status["message"]
    assert "NameError: HttpUsr" in plan.status["message"]


@pytest.mark.parametrize(
    ("said", "reason", "condition"),
    [
        ("ScriptError", "ScriptFailed", "WorkersConnected"),
        ("TargetUnreachable", "TargetUnreachable", "TargetReachable"),
        ("WorkersLost", "WorkersLost", "WorkersConnected"),
        ("ConfigError", "PodFailed", None),
    ],
)
def test_the_agent_s_last_word_becomes_the_reason(said, reason, condition):
    world = states.starting(ONCE)
    world.end_master(last_word(said))
    plan = world.look()
    assert plan.status["phase"] == "Error"
    assert plan.status["message"].startswith("it broke")
    assert by_type(plan.status)["Stalled"]["reason"] == reason
    assert condition is None or by_type(plan.status)[condition]["status"] == "False"
    assert kstatus(world.raw) == FAILED


def test_a_master_that_ran_out_of_memory_says_so():
    world = states.running(ONCE)
    world.end_master(exit_code=137, reason="OOMKilled")
    plan = ended(world)
    assert by_type(plan.status)["Stalled"]["reason"] == "MasterLost"
    assert "OOMKilled" in plan.status["message"]
    early = states.created()
    early.start_pods()
    early.end_master(exit_code=137, reason="OOMKilled")
    assert "OOMKilled" in early.look().status["message"]


def test_an_evicted_master_is_lost_and_not_cancelled():
    world = states.running(ONCE)
    world.end_master(last_word("Stopped", "the master was told to terminate"))
    pod = world.master()
    pod["status"] |= {"reason": "Evicted", "message": "The node was low on resource: memory."}
    plan = ended(world)
    assert by_type(plan.status)["Stalled"]["reason"] == "MasterLost"
    assert "Evicted: The node was low on resource: memory." in plan.status["message"]


def test_a_master_that_is_gone_ends_the_run_and_takes_the_workers_down_at_once():
    world = states.running(ONCE)
    world.remove_master()
    plan = world.look()
    assert not world.pods()
    assert plan.requeue_after == timedelta(0)
    plan = ended(world)
    assert plan.status["summary"]["p95"] == "183ms"  # what was measured until then
    assert not world.objects
    assert plan.requeue_after == timedelta(0)


def test_a_silent_master_that_is_not_ready_is_lost_after_thirty_seconds():
    world = states.running(ONCE)
    world.reachable = False
    world.master()["status"]["conditions"] = conditions(Ready="False")
    world.look()
    world.tick(30)
    assert world.look().status is None
    world.tick(1)
    assert world.look().stop
    assert by_type(ended(world).status)["Stalled"]["reason"] == "MasterLost"


def test_a_silent_master_that_is_ready_keeps_running_and_its_old_numbers_are_not_told_as_new():
    world = states.running()
    world.reachable = False
    for _ in range(20):
        world.tick(30)
        plan = world.look()
        assert (plan.status, plan.delete) == (None, ())


def test_a_master_on_a_node_that_died_is_lost_although_its_pod_never_goes():
    world = states.running(ONCE)
    world.master()["metadata"]["deletionTimestamp"] = "2026-12-01T12:00:10Z"
    world.restart()
    world.look()
    world.tick(60)
    assert by_type(ended(world).status)["Stalled"]["reason"] == "MasterLost"


@pytest.mark.parametrize("make", [states.preflight, states.running, states.collecting])
def test_an_operator_that_is_new_and_not_answered_at_once_does_not_end_the_run(make):
    world = make()
    world.restart()
    world.reachable = False
    world.tick(600)
    plan = world.look()
    assert (plan.status, plan.delete) == (None, ())
    assert plan.requeue_after
    world.reachable = True
    world.look()
    assert world.raw["status"]["phase"] != "Error"


def test_an_operator_that_was_away_during_the_start_asks_before_it_gives_up():
    world = states.created()
    world.start_pods()
    world.advance("Running")
    world.reachable = False
    world.tick(600)
    assert world.look().status is None
    world.reachable = True
    assert world.look().status["phase"] == "Running"
