"""How long a run may take to start and to end, and from when that is counted."""

import json
from datetime import timedelta

from loadtest_operator.build.agent_config import CONFIG_FILE
from loadtest_operator.decide.observed import Plan
from loadtest_operator.decide.run import decide
from loadtest_operator.model.conditions import Reason

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import NOON
from tests.unit.decide_run.kstatus import by_type
from tests.unit.decide_run.troubled import waiting


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
