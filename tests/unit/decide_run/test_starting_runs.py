"""What starts a run: `runOn`, `onChange`, requests, and edits that are taken back."""

import pytest
from loadtest_operator.decide.observed import Plan
from loadtest_operator.decide.queue import GO, Turn
from loadtest_operator.model.conditions import Reason

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import CURRENT, FAILED, IN_PROGRESS, by_type, kstatus

MORE = {"users": 60, "duration": "5m"}
ON_REQUEST = {**SPEC, "runOn": "Request"}
WAITS = Turn(False, Reason.QUEUED, "nightly holds checkout.shop since 02:00 UTC", 1)


def finish(world):
    world.start_pods()
    world.advance("Holding")
    world.tick(1)
    for _ in range(6):
        world.look()


def test_on_request_it_waits_for_one_and_says_how_to_ask():
    world = states.fresh(ON_REQUEST)
    world.look()
    status = world.raw["status"]
    assert (status["phase"], by_type(status)["Ready"]["reason"]) == ("Pending", "NotRequested")
    assert status["message"].endswith("lt/checkout -n shop loadtest.dev/run-requested=run-1")
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look() == Plan()
    world.request("run-1")
    world.look()
    assert world.raw["status"]["run"]["number"] == 1


def test_on_request_a_request_that_is_there_at_creation_counts():
    world = states.fresh(ON_REQUEST, {"loadtest.dev/run-requested": "now"})
    world.look()
    assert world.raw["status"]["phase"] == "Preparing"


def test_on_request_a_new_spec_takes_the_old_results_away_but_runs_only_when_asked():
    world = states.cleaned(ON_REQUEST, {"loadtest.dev/run-requested": "a"})
    assert kstatus(world.raw) == CURRENT
    world.edit(load=MORE)
    world.settle()
    assert by_type(world.raw["status"])["Ready"]["reason"] == "NotRequested"
    assert "verdict" not in world.raw["status"]
    world.request("b")
    world.look()
    assert world.raw["status"]["run"]["number"] == 2


def test_on_request_the_old_spec_brings_the_old_results_back():
    world = states.cleaned(ON_REQUEST, {"loadtest.dev/run-requested": "a"})
    world.edit(load=MORE)
    world.settle()
    world.edit(load=SPEC["load"])
    world.settle()
    assert world.raw["status"]["run"]["number"] == 1
    assert kstatus(world.raw) == CURRENT


@pytest.mark.parametrize("phase", ["created", "starting", "preflight"])
def test_replace_ends_a_run_without_load_at_once_and_puts_the_new_one_in_line(phase):
    world = getattr(states, phase)({**SPEC, "onChange": "Replace"})
    world.edit(load=MORE)
    plan = world.look()
    assert plan.status["phase"] == "Queued"
    assert [(line["number"], line["verdict"]) for line in plan.status["history"]] == [(1, "Superseded")]
    assert not [name for _, name in world.objects if name.startswith("checkout-1")]
    plan = world.look()
    assert plan.status["phase"] == "Preparing"
    assert plan.status["run"]["number"] == 2
    assert "stopReason" not in plan.status["run"]
    assert kstatus(world.raw) == IN_PROGRESS


def test_a_run_that_was_asked_for_and_stands_in_line_is_not_forgotten_when_it_is_suspended():
    world = states.completed()
    world.turn = WAITS
    world.request("again")
    world.look()
    assert world.raw["status"]["phase"] == "Queued"
    world.edit(suspend=True)
    world.settle()
    assert world.raw["status"]["phase"] == "Suspended"
    world.turn = GO
    world.edit(suspend=None)
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2


def test_who_waits_to_be_asked_and_was_keeps_the_place_in_line():
    world = states.completed(ON_REQUEST, {"loadtest.dev/run-requested": "first"})
    world.turn = WAITS
    world.request("again")
    world.look()
    assert world.raw["status"]["phase"] == "Queued"
    world.look()
    assert world.raw["status"]["phase"] == "Queued"
    world.turn = GO
    world.look()
    assert world.raw["status"]["run"]["number"] == 2


def test_replace_under_load_waits_until_the_load_has_ended():
    world = states.running({**SPEC, "onChange": "Replace"})
    world.edit(load=MORE)
    world.look()
    assert world.raw["status"]["run"]["stopReason"] == "Superseded"
    world.look()
    assert world.agent["state"] == "Collecting"
    assert world.raw["status"]["run"]["number"] == 1
    world.advance("Holding")
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2
    assert [line["verdict"] for line in world.raw["status"]["history"]] == ["Superseded"]
    assert not [name for _, name in world.objects if name.startswith("checkout-1")]
    finish(world)
    assert kstatus(world.raw) == CURRENT


def test_superseded_is_never_a_phase_or_a_verdict():
    world = states.running({**SPEC, "onChange": "Replace"})
    world.edit(load=MORE)
    world.settle()
    world.advance("Holding")
    world.settle()
    assert "Superseded" not in {text for status in world.written for text in (status["phase"], status.get("verdict"))}


def test_an_edit_back_to_the_old_spec_while_it_is_replaced_is_one_new_run_of_the_old_spec():
    world = states.running({**SPEC, "onChange": "Replace"})
    world.edit(load=MORE)
    world.look()
    world.edit(load=SPEC["load"])
    world.settle()
    world.advance("Holding")
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2
    finish(world)
    assert world.raw["status"]["run"]["number"] == 2
    assert world.raw["status"]["phase"] == "Completed"


def test_a_replaced_run_whose_new_spec_became_invalid_leaves_the_object_stalled_until_it_is_mended():
    world = states.running({**SPEC, "onChange": "Replace"})
    world.edit(load=MORE)
    world.look()
    world.edit(load={"users": 0, "duration": "5m"})
    world.settle()
    world.advance("Holding")
    world.settle()
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "InvalidSpec"
    world.edit(load=SPEC["load"])
    world.look()
    assert world.raw["status"]["run"]["number"] == 2


@pytest.mark.parametrize("change", [{"thresholds": None}, {"load": {"users": 0, "duration": "5m"}}])
def test_replace_leaves_a_run_alone_that_no_new_load_waits_for(change):
    world = states.running({**SPEC, "onChange": "Replace"})
    world.edit(**change)
    world.look()
    assert "stopReason" not in world.raw["status"]["run"]


def test_a_request_never_replaces_a_run_but_follows_it_once():
    world = states.running({**SPEC, "onChange": "Replace"})
    world.request("again")
    world.look()
    assert "stopReason" not in world.raw["status"]["run"]
    world.advance("Holding")
    world.settle()
    world.settle()
    assert world.raw["status"]["run"]["number"] == 2
    finish(world)
    assert world.raw["status"]["run"]["number"] == 2
    assert world.raw["status"]["lastHandledRunRequest"] == "again"


@pytest.mark.parametrize("end", ["broken", "stopped"])
def test_an_invalid_edit_that_is_taken_back_runs_nothing_again_however_the_run_had_ended(end):
    if end == "broken":
        world = states.broken()
    else:
        world = states.starting()
        world.stop()
        world.look()
    phase = world.raw["status"]["phase"]
    world.edit(load={"users": 0, "duration": "5m"})
    world.settle()
    assert world.raw["status"]["phase"] == "Pending"
    world.edit(load=SPEC["load"])
    world.settle()
    assert (world.raw["status"]["phase"], world.raw["status"]["run"]["number"]) == (phase, 1)
    assert kstatus(world.raw) == FAILED


def test_a_verdict_whose_run_the_store_lost_comes_back_from_history():
    world = states.cleaned()
    world.edit(load={"users": 0, "duration": "5m"})
    world.settle()
    world.restart()
    world.store.clear()
    world.edit(load=SPEC["load"])
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"
    assert world.raw["status"]["run"]["number"] == 1
    assert kstatus(world.raw) == CURRENT
