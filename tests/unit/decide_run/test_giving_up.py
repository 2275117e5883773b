"""When a run is given up, with whose words, and when it is not."""

import json
from datetime import timedelta

import pytest
from loadtest_operator.build.agent_config import CONFIG_FILE
from loadtest_operator.decide.observed import Plan
from loadtest_operator.decide.run import decide
from loadtest_operator.model.conditions import Reason

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import NOON
from tests.unit.decide_run.kstatus import FAILED, IN_PROGRESS, by_type, kstatus
from tests.unit.decide_run.world import conditions

UNSCHEDULABLE = "0/3 nodes are available: 3 Insufficient cpu."


ONCE = {**states.SPEC, "runners": {"workers": 2, "retries": 0}}


def ended(world):
    """The plan that says Error, a few looks later."""
    for _ in range(4):
        plan = world.look()
        if plan.status and plan.status["phase"] == "Error":
            return plan
    raise AssertionError(world.raw["status"])


def waiting(pod, reason, message=""):
    state = {"waiting": {"reason": reason, "message": message}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "locust", "state": state}]}


def unscheduled(pod):
    found = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": UNSCHEDULABLE}
    pod["status"] = {"phase": "Pending", "conditions": [found]}


def last_word(reason, message="it broke"):
    return f'{{"protocol": 1, "state": "Failed", "error": {{"reason": "{reason}", "message": "{message}"}}}}'


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


def test_a_master_that_never_answers_ends_with_the_start_timeout():
    world = states.created()
    world.start_pods()
    world.reachable = False
    world.look()
    world.tick(181)
    assert by_type(world.look().status)["Stalled"]["reason"] == "StartTimeout"


def test_an_operator_that_was_away_for_a_day_collects_what_the_master_holds():
    world = states.running()
    world.restart()
    world.advance("Holding")
    world.tick(20 * 3600)
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"


def test_the_deadline_ends_a_run_that_still_loads():
    world = states.running({**states.SPEC, "deadline": "6m"})
    world.tick(370)
    assert world.look().delete == (), "the master ends it by itself, and then has what was measured"
    world.tick(15)
    plan = world.look()
    assert by_type(plan.status)["Stalled"]["reason"] == "DeadlineExceeded"
    assert "spec.deadline" in plan.status["message"]
    assert plan.delete


def test_the_deadline_waits_for_fresh_news_of_the_master():
    world = states.running({**states.SPEC, "deadline": "6m"})
    world.restart()
    world.reachable = False
    world.tick(361)
    assert world.look() == Plan(requeue_after=timedelta(seconds=0.5))


def test_a_run_whose_jobs_were_refused_until_its_deadline_leaves_nothing():
    world = states.preparing({**states.SPEC, "deadline": "6m"})
    world.tick(361)
    plan = world.look()
    assert plan.status["phase"] == "Error"
    assert {item["kind"] for item in plan.delete} == {"Service", "ConfigMap"}


def test_a_run_whose_end_was_not_written_down_ends_all_the_same():
    """Everything was deleted, its inputs too, and then the operator died."""
    world = states.created()
    waiting(world.master(), "ErrImagePull", "manifest unknown")
    world.tick(181)
    seen = world.observe()
    world.execute(Plan(delete=decide(seen, world.now).delete), seen)
    world.restart()
    world.settle()
    assert world.raw["status"]["phase"] == "Error"


def test_the_master_is_told_the_deadline_which_counts_from_admission():
    world = states.preparing({**states.SPEC, "deadline": "6m"})
    world.tick(60)
    (config,) = [body for body in world.look().create if body["kind"] == "ConfigMap"]
    told = json.loads(config["data"][CONFIG_FILE])["deadlineAt"]
    assert told == (NOON + timedelta(minutes=6)).timestamp()


def test_a_master_that_ended_the_load_at_the_deadline_is_an_error_with_what_it_measured():
    world = states.judging(error={"reason": "DeadlineExceeded", "message": "the deadline passed"})
    world.settle()
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "DeadlineExceeded"
    assert world.raw["status"]["summary"]["requests"] == 6051


def test_the_start_timeout_counts_from_when_the_pods_were_made():
    world = states.preparing()
    world.tick(600)  # a queue, a hook, a refusal that was mended
    world.look()
    waiting(world.master(), "ErrImagePull", "manifest unknown")
    world.tick(170)
    assert world.look().status["phase"] == "Starting"
    world.tick(20)
    assert world.look().status["phase"] == "Error"


def test_a_refusal_may_be_mended_for_as_long_as_the_start_timeout_from_when_it_was_first_told():
    world = states.preparing()
    world.tick(600)
    assert world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota").status["phase"] == "Preparing"
    world.tick(170)
    assert world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota: other words").status["phase"] == "Preparing"
    world.tick(20)
    assert world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota").status["phase"] == "Error"
