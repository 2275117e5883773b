"""After a run: the acknowledge, cleaning up, judging again, the next run, deletion."""

from datetime import timedelta

import pytest
from loadtest_operator.decide.observed import Do, Plan

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import CURRENT, FAILED, IN_PROGRESS, TERMINATING, by_type, kstatus
from tests.unit.decide_run.test_giving_up import ended

STRICT = [{"metric": "p95", "fail": "100ms"}]


def test_an_acknowledge_that_did_not_arrive_is_repeated():
    world = states.completed()
    world.reachable = False
    for _ in range(3):
        plan = world.look()
        assert plan.do == (Do.ACKNOWLEDGE,)
        assert plan.requeue_after == timedelta(seconds=1)


def test_a_master_that_does_not_go_is_taken_down_after_a_minute():
    world = states.completed()
    world.reachable = False
    world.tick(61)
    assert {child["kind"] for child in world.look().delete} == {"Service", "ConfigMap", "Job"}


def test_the_children_of_a_passed_run_go_as_soon_as_the_master_went():
    world = states.completed()
    world.look()
    plan = world.look()
    names = {child["metadata"]["name"] for child in plan.delete}
    assert names == {"checkout-1-master", "checkout-1-workers", "checkout-1-run"}
    assert world.look() == Plan()


def test_the_pods_of_a_failed_run_stay_for_an_hour():
    world = states.completed({**SPEC, "thresholds": STRICT})
    world.look()
    master = world.objects["Job", "checkout-1-master"]
    for name in ("checkout-1-master", "checkout-1-workers"):
        world.objects["Job", name]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    plan = world.look()
    assert plan.delete == ()
    assert timedelta(minutes=59) < plan.requeue_after <= timedelta(hours=1)
    assert master in world.objects.values()
    world.tick(3601)
    world.look()
    assert not world.objects


def test_workers_that_still_run_after_the_end_of_a_failed_run_are_taken_down():
    world = states.broken()
    assert ("Job", "checkout-1-workers") not in world.objects


def test_other_limits_after_the_end_are_judged_again_without_load():
    world = states.cleaned()
    ended = world.raw["status"]["run"]["endTime"]
    world.edit(thresholds=STRICT)
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look().do == (Do.JUDGE,)
    plan = world.look()
    assert not plan.create
    assert plan.status["verdict"] == "Failed"
    assert plan.status["run"] == {**world.raw["status"]["run"], "endTime": ended, "number": 1}
    assert [line["verdict"] for line in plan.status["history"]] == ["Failed"]
    assert kstatus(world.raw) == FAILED


def test_limits_that_were_removed_leave_no_result_behind():
    world = states.cleaned()
    assert world.raw["status"]["thresholds"]
    world.edit(thresholds=None)
    world.settle()
    assert "thresholds" not in world.raw["status"]


def test_another_gate_after_the_end_is_answered_from_the_same_verdict():
    world = states.cleaned({**SPEC, "thresholds": STRICT})
    world.edit(gate={"failOn": []})
    world.settle()
    assert kstatus(world.raw) == CURRENT


def test_new_limits_open_no_gate_while_the_store_is_away():
    world = states.cleaned()
    world.restart()
    world.store_away = True
    world.edit(thresholds=STRICT)
    plan = world.look()
    assert by_type(plan.status)["Ready"]["reason"] == "StoreUnavailable"
    assert kstatus(world.raw) == IN_PROGRESS
    assert plan.requeue_after
    world.store_away = False
    world.settle()
    assert kstatus(world.raw) == FAILED


def test_a_stored_run_is_not_judged_again_without_a_pause_while_the_store_is_away():
    world = states.cleaned()
    world.store_away = True
    world.edit(thresholds=STRICT)
    world.look()
    waits = [world.look().requeue_after for _ in range(3)]
    assert min(waits) >= timedelta(seconds=10)
    world.store_away = False
    world.settle()
    world.settle()
    assert kstatus(world.raw) == FAILED


def test_a_run_that_the_store_no_longer_has_keeps_its_verdict_for_the_new_generation():
    world = states.cleaned()
    world.restart()
    world.store.clear()
    world.edit(thresholds=STRICT)
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"
    assert world.raw["status"]["run"]["number"] == 1
    assert kstatus(world.raw) == CURRENT


def test_an_error_stays_an_error_when_only_the_limits_change():
    world = states.broken()
    world.edit(thresholds=STRICT)
    world.settle()
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "ScriptFailed"
    assert world.raw["status"]["run"]["number"] == 1
    assert kstatus(world.raw) == FAILED


def test_a_request_that_is_taken_back_leaves_nothing_in_progress():
    world = states.judging()
    world.request("again")
    world.look()
    world.look()
    assert kstatus(world.raw) == IN_PROGRESS
    world.raw["metadata"]["annotations"] = {}
    world.settle()
    assert kstatus(world.raw) == CURRENT


def test_a_broken_run_that_a_newer_spec_waits_behind_is_in_progress_and_followed_at_once():
    world = states.running()
    world.edit(load={"users": 60, "duration": "5m"})
    world.remove_master()
    plan = ended(world)  # another attempt at the old spec would be of no use to anybody
    assert plan.requeue_after == timedelta(0)
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look().status["run"]["number"] == 2


@pytest.mark.parametrize("phase", ["preparing", "created", "running", "judging", "completed"])
def test_deletion_takes_the_children_down_and_creates_nothing(phase):
    world = getattr(states, phase)()
    world.raw["metadata"]["deletionTimestamp"] = "2026-12-01T12:00:00Z"
    plan = world.look()
    assert (plan.create, plan.dry_run, plan.do, plan.status) == ((), (), (), None)
    assert not [kind for kind, _ in world.objects if kind in {"Job", "Pod", "Service", "ConfigMap"}]
    assert kstatus(world.raw) == TERMINATING
    assert world.look() == Plan()


def test_history_keeps_ten_runs_newest_first():
    world = states.cleaned()
    world.raw["status"]["history"] = [{"id": f"old-{n}", "number": n, "verdict": "Passed"} for n in range(10)]
    world.edit(thresholds=STRICT)
    world.settle()
    history = world.raw["status"]["history"]
    assert len(history) == 10
    assert history[0]["number"] == 1


def test_long_words_of_others_are_cut_to_what_the_status_can_hold():
    world = states.starting()
    world.end_master(f'{{"error": {{"reason": "ScriptError", "message": "{"x" * 3000}"}}}}')
    world.look()  # the status is checked against the model as it is written
    assert len(world.raw["status"]["message"]) == 512
