"""The Job after the load: after whatever end, before that end is told, and what its failure means."""

import pytest
from loadtest_operator.decide import ticket
from loadtest_operator.model.conditions import Reason

from tests.unit.build.restricted import violations
from tests.unit.decide_run import states
from tests.unit.decide_run.hooking import (
    AFTER,
    BEFORE,
    ENDS,
    end,
    environment,
    looks_until_made,
    measured,
    ready,
    seeding,
    spec,
    told,
)
from tests.unit.decide_run.kstatus import CURRENT, IN_PROGRESS, by_type, kstatus


def test_what_the_hook_seeded_is_cleaned_when_it_failed():
    world = seeding(after=AFTER)
    world.end_hook("before", "disk full")
    assert environment(looks_until_made(world, "after"))["VERDICT"] == "Error"
    world.end_hook("after")
    world.settle()
    assert ready(world)["reason"] == "HookFailed"
    assert world.raw["status"]["message"] == "hooks.before ended with exit code 1: disk full"


def test_the_verdict_is_told_when_the_hook_after_the_load_has_ended():
    world = measured()
    assert world.raw["status"]["phase"] == "Judging"
    assert told(world)["message"] == "hooks.after is running"
    assert kstatus(world.raw) == IN_PROGRESS
    assert "verdict" not in world.raw["status"]
    world.restart()
    assert not world.look().create
    world.end_hook("after")
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"
    assert told(world)["status"] == "True"
    assert kstatus(world.raw) == CURRENT


def test_it_knows_target_run_and_verdict():
    world = states.judging(spec(after={**AFTER, "env": [{"name": "HOME", "value": "/data"}]}))
    known = environment(looks_until_made(world, "after"))
    run = world.raw["status"]["run"]["id"]
    assert known == {"TARGET_URL": "http://checkout.shop", "RUN_ID": run, "VERDICT": "Passed", "HOME": "/data"}


@pytest.mark.parametrize(("limit", "verdict"), [("500ms", "Warning"), ("100ms", "Failed")])
def test_its_failure_is_at_least_a_warning(limit, verdict):
    world = measured({**spec(after=AFTER), "thresholds": [{"metric": "p95", "fail": limit}]})
    world.end_hook("after", "no such table")
    world.settle()
    assert world.raw["status"]["verdict"] == verdict
    assert told(world)["message"] == "hooks.after ended with exit code 1: no such table"
    assert ("no such table" in world.raw["status"]["message"]) == (verdict == "Warning")
    assert [note.message for note in world.notes if note.reason == "HookFailed"] == [told(world)["message"]]


def test_a_failure_is_still_a_warning_when_other_limits_are_judged():
    world = measured()
    world.end_hook("after", "no such table")
    for _ in range(4):
        world.settle()
        world.tick(4000)
    assert not world.objects
    world.edit(thresholds=[{"metric": "p95", "fail": "900ms"}])
    world.settle()
    assert world.raw["status"]["verdict"] == "Warning"


def test_a_store_that_goes_away_meanwhile_is_waited_for():
    world = measured()
    world.end_hook("after", "no such table")
    world.store_away = True
    world.settle()
    assert ready(world)["reason"] == "StoreUnavailable"
    world.store_away = False
    world.look()
    world.settle()
    assert world.raw["status"]["verdict"] == "Warning"


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("operator", ["stays", "dies"])
def test_it_runs_after_every_end_and_before_that_end_is_told(how, operator):
    word, phase = ENDS[how]
    world = states.starting(spec(after=AFTER))
    end(world, how)
    body = looks_until_made(world, "after")
    assert environment(body)["VERDICT"] == word
    assert "endTime" not in world.raw["status"]["run"]
    assert world.raw["status"]["phase"] == "Judging"
    assert not [pod for pod in world.pods() if pod["metadata"]["labels"]["loadtest.dev/role"] in {"master", "worker"}
                and pod["status"]["phase"] == "Running"]  # fmt: skip
    for _ in range(3):
        if operator == "dies":
            world.restart()
        world.tick(50)
        assert not world.look().create
    assert world.hook("after"), "it is left to do its work"
    world.end_hook("after", "no such table")
    seen = world.raw["status"]["message"]
    plan = world.look()
    assert plan.status["phase"] == phase
    assert seen[:20] in plan.status["message"]
    assert plan.status["history"][0]["verdict"] == word
    assert [note.reason for note in plan.notes][-1] == "HookFailed"
    assert "no such table" in plan.notes[0].message
    world.settle()
    assert [note.reason for note in world.notes].count("HookFailed") == 1


def test_a_run_that_is_stopped_under_load_keeps_its_numbers_over_it():
    world = states.running(spec(after=AFTER), seconds_of_load=60)
    world.stop()
    world.settle()
    world.advance("Holding")
    looks_until_made(world, "after")
    world.restart()
    world.end_hook("after")
    world.settle()
    assert world.raw["status"]["phase"] == "Cancelled"
    assert world.raw["status"]["summary"]["requests"] == 6051
    assert "verdict" not in world.raw["status"]


def test_a_lost_master_is_told_after_it_with_what_was_measured():
    world = states.running({**spec(after=AFTER), "runners": {"workers": 2, "retries": 0}})
    world.look()
    world.remove_master()
    looks_until_made(world, "after")
    world.restart()
    world.end_hook("after")
    world.settle()
    assert ready(world)["reason"] == "MasterLost"
    assert world.raw["status"]["summary"]["requests"] == 6051


@pytest.mark.parametrize("how", ["request", "superseded"])
def test_the_next_run_waits_for_it(how):
    world = states.starting(spec(after=AFTER))
    if how == "request":
        end(world, "broken")
        world.request("again")
    else:
        end(world, how)
    looks_until_made(world, "after")
    for _ in range(3):
        world.look()
    assert world.raw["status"]["run"]["number"] == 1
    assert ticket.holds(world.raw), "its locks are not given away"
    world.end_hook("after")
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2
    assert [line["verdict"] for line in world.raw["status"]["history"]] == [
        "Error" if how == "request" else "Superseded"
    ]


def test_a_refusal_of_its_job_is_told_and_holds_nothing_up():
    world = states.judging(spec(after=AFTER))
    world.settle()
    del world.objects["Job", "checkout-1-after"], world.objects["Pod", "checkout-1-after-0"]
    world.refuse(Reason.PODS_REFUSED, "jobs.batch is forbidden: webhook says no")
    world.settle()
    assert world.raw["status"]["verdict"] == "Warning"
    assert "hooks.after could not be started: jobs.batch is forbidden" in world.raw["status"]["message"]


def test_a_hook_that_hangs_on_a_lost_node_does_not_hold_the_run_for_ever():
    world = measured()
    world.tick(361)
    world.settle()
    assert world.raw["status"]["verdict"] == "Warning"
    assert "hooks.after did not end within 5m" in world.raw["status"]["message"]
    for _ in range(3):
        world.look()
    assert not world.hook("after")


def test_deletion_takes_it_down():
    world = measured()
    world.raw["metadata"]["deletionTimestamp"] = "2026-12-01T12:00:00Z"
    world.look()
    assert not [kind for kind, _ in world.objects if kind in {"Job", "Pod"}]


def test_what_it_left_stays_as_long_as_retention_says():
    world = measured({**spec(after=AFTER), "retention": {"pods": "Always", "podsFor": "2h"}})
    world.end_hook("after")
    world.settle()
    world.look()
    world.tick(7100)
    world.look()
    assert world.hook("after")
    world.tick(200)
    world.look()
    assert not world.objects


def test_a_run_without_hooks_is_written_as_often_as_before():
    world = states.completed()
    assert "HooksSucceeded" not in by_type(world.raw["status"])
    phases = [status["phase"] for status in world.written]
    assert phases == ["Preparing", "Starting", "Starting", "Preflight", "Running", "Collecting", "Judging", "Completed"]


@pytest.mark.parametrize("role", ["before", "after"])
def test_its_pod_is_allowed_wherever_restricted_pods_are(role):
    runners = {"workers": 2, "serviceAccountName": "reader"}
    wanted = {**spec(**{role: BEFORE if role == "before" else AFTER}), "runners": runners}
    world = states.preparing(wanted) if role == "before" else states.judging(wanted)
    made = looks_until_made(world, role)
    pod = made["spec"]["template"]["spec"]
    assert violations(made["spec"]["template"]) == []
    assert (pod["automountServiceAccountToken"], pod.get("serviceAccountName")) == (False, None)
    assert set(pod["containers"][0]["resources"]) == {"requests", "limits"}
    assert pod["containers"][0].get("command") == (["seed", "--all"] if role == "before" else None)
    assert (made["spec"]["backoffLimit"], made["spec"]["activeDeadlineSeconds"]) == (0, 300)
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u-1"
