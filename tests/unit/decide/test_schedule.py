"""A LoadTestSchedule: what is started, what is missed, and what its status says."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from loadtest_operator.decide.schedule import Refusal
from loadtest_operator.model.conditions import Reason

from tests.unit.decide.begun import CREATED, TOMORROW, TWO, begun
from tests.unit.decide.schedules import World, at, name, nightly
from tests.unit.model.objects import raw as loadtest


def test_a_new_schedule_says_when_it_starts_something_first() -> None:
    world = begun()
    assert (world.started, world.status["nextRun"]) == ([], "2026-12-02T02:00:00Z")
    assert world.condition("Ready") == ("True", "Scheduled")
    assert world.condition("LastRunPassed") == ("Unknown", "NoRunYet")
    assert world.condition("Stalled") == ("", "")
    assert world.status["message"] == "the next run is due at 2026-12-02T02:00:00Z"


def test_the_local_time_is_told_too() -> None:
    world = begun(timeZone="Europe/Berlin")
    assert world.status["message"] == "the next run is due at 2026-12-02T01:00:00Z (02:00 in Europe/Berlin)"


def test_a_test_that_runs_on_request_is_asked_to_run_when_it_is_made() -> None:
    body = begun(template={"spec": {**loadtest()["spec"], "runOn": "Request"}}).look(TWO).create
    assert body is not None
    assert body["metadata"]["annotations"]["loadtest.dev/run-requested"] == "2026-12-02T02:00:00Z"


def test_at_its_minute_a_loadtest_is_made_from_the_template() -> None:
    template = {
        "metadata": {"labels": {"team": "shop"}, "annotations": {"why": "nightly"}},
        "spec": loadtest()["spec"],
    }
    world = begun(template=template)
    body = world.look(TWO).create
    assert body is not None
    assert body["spec"] == loadtest()["spec"]
    metadata = body["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("nightly-29936280", "shop")
    assert metadata["labels"] == {"team": "shop", "loadtest.dev/schedule": "nightly"}
    assert metadata["annotations"] == {"why": "nightly", "loadtest.dev/scheduled-for": "2026-12-02T02:00:00Z"}
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("LoadTestSchedule", "nightly", "u-1")
    assert (owner["controller"], owner["blockOwnerDeletion"]) == (True, False)
    assert (world.status["lastRun"], world.status["active"]) == (metadata["name"], [metadata["name"]])
    assert world.status["nextRun"] == "2026-12-03T02:00:00Z"


def test_a_process_that_dies_after_the_creation_makes_nothing_twice() -> None:
    world = begun()
    world.look(TWO, dies=True)
    assert world.look(TWO + timedelta(minutes=3)).create is None
    assert (world.started, world.status["nextRun"]) == ([name(TWO)], "2026-12-03T02:00:00Z")


def test_nothing_is_written_while_nothing_happens() -> None:
    world = begun()
    for minutes in range(1, 600, 7):
        plan = world.look(CREATED + timedelta(minutes=minutes))
        assert (plan.status, plan.create, plan.notes) == (None, None, ())
        assert plan.requeue_after is not None
        assert timedelta(0) < plan.requeue_after <= timedelta(minutes=10)


def test_the_next_look_is_at_the_due_time() -> None:
    assert begun().look(TWO - timedelta(seconds=20)).requeue_after == timedelta(seconds=20)


def test_the_result_of_the_last_run_is_on_the_schedule() -> None:
    world = begun()
    world.look(TWO)
    world.end(name(TWO), TWO + timedelta(minutes=9), "Regressed")
    world.look(TWO + timedelta(minutes=9))
    assert (world.status["lastVerdict"], world.status["lastRun"]) == ("Regressed", name(TWO))
    assert world.condition("LastRunPassed") == ("False", "Regressed")
    assert world.condition("Ready") == ("True", "Scheduled")
    assert "active" not in world.status


def test_what_is_known_of_a_run_outlives_its_loadtest() -> None:
    world = begun(history={"passed": 0, "failed": 0})
    world.look(TWO)
    world.end(name(TWO), TWO + timedelta(minutes=9))
    world.look(TWO + timedelta(minutes=9))
    assert world.tests == {}
    world.look(TWO + timedelta(minutes=10))
    assert (world.status["lastVerdict"], world.status["lastRun"]) == ("Passed", name(TWO))
    assert world.condition("LastRunPassed") == ("True", "Passed")


@pytest.mark.parametrize(("late", "starts"), [(timedelta(minutes=30), True), (timedelta(minutes=30, seconds=1), False)])
def test_a_start_is_made_up_within_its_deadline_and_counted_after_it(late: timedelta, starts: bool) -> None:
    world = begun()
    plan = world.look(TWO + late)
    assert (world.started == [name(TWO)]) is starts
    assert world.status["missed"] == (0 if starts else 1)
    assert [note.reason for note in plan.notes] == (["Started"] if starts else ["Missed"])
    if not starts:
        assert "startingDeadline 30m" in plan.notes[0].message


def test_of_several_missed_starts_only_the_newest_is_made_up() -> None:
    world = begun("*/10 * * * *", startingDeadline="1h")
    world.look(at("12-01 13:05"))
    assert (world.started, world.status["missed"]) == ([name(at("12-01 13:00"))], 5)
    world.look(at("12-01 13:06"))
    assert (world.status["missed"], world.status["nextRun"]) == (5, "2026-12-01T13:10:00Z")


def test_weeks_away_are_not_counted_start_by_start() -> None:
    world = begun("* * * * *")
    world.look(at("12-30 12:00"))
    assert world.status["missed"] == 1000
    assert world.started == [name(at("12-30 12:00"))]


def test_a_run_that_cannot_begin_does_not_hold_up_the_others() -> None:
    world = begun()
    world.look(TWO)
    stalled = {"observedGeneration": 1, "phase": "Pending", "conditions": [{"type": "Stalled", "status": "True"}]}
    world.tests[name(TWO)]["status"] = stalled
    world.look(TOMORROW)
    assert world.started == [name(TWO), name(TOMORROW)]


def test_a_finished_run_that_was_asked_to_run_again_is_active() -> None:
    world = begun(history={"passed": 0})
    world.look(TWO)
    world.end(name(TWO), TWO)
    world.tests[name(TWO)]["metadata"]["annotations"]["loadtest.dev/run-requested"] = "once more"
    plan = world.look(TWO + timedelta(minutes=1))
    assert (plan.delete, world.status["active"]) == ((), [name(TWO)])


def test_a_suspended_schedule_starts_nothing_and_is_content() -> None:
    world = begun(suspend=True)
    assert world.look(TWO).create is None
    assert (world.condition("Ready"), world.condition("Stalled")) == (("True", "Suspended"), ("", ""))
    assert "nextRun" not in world.status
    world.edit(TWO + timedelta(minutes=5), suspend=False)
    world.look(TWO + timedelta(minutes=5))
    assert (world.started, world.status["missed"]) == ([], 0), "what was due while it was suspended is not made up"
    assert world.status["nextRun"] == "2026-12-03T02:00:00Z"


def test_an_edit_of_the_template_in_the_minute_of_a_start_loses_nothing() -> None:
    world = begun()
    world.edit(TWO + timedelta(seconds=1), template={"spec": loadtest(load={"users": 2, "duration": "1m"})["spec"]})
    world.look(TWO + timedelta(seconds=2))
    assert world.started == [name(TWO)]


def test_a_new_line_holds_from_the_edit_on() -> None:
    world = begun()
    world.edit(at("12-01 18:00"), schedule="45 17 * * *")
    world.look(at("12-01 18:01"))
    assert (world.started, world.status["nextRun"]) == ([], "2026-12-02T17:45:00Z")


def test_a_start_that_a_new_line_brought_while_nobody_looked_is_made_up() -> None:
    world = begun()
    world.edit(at("12-01 17:00"), schedule="45 17 * * *")
    world.look(at("12-01 18:01"))
    assert world.started == [name(at("12-01 17:45"))]


def test_history_keeps_the_newest_of_each_kind() -> None:
    world = begun(concurrencyPolicy="Allow", history={"passed": 2, "failed": 1})
    days = [datetime.fromisoformat(f"2026-12-{day:02}T02:00:00+00:00") for day in range(2, 9)]
    for number, day in enumerate(days):
        world.look(day)
        if number < 6:
            world.end(name(day), day, "Failed" if number % 3 == 0 else "Passed")
        world.look(day)
    assert set(world.tests) == {name(days[3]), name(days[4]), name(days[5]), name(days[6])}


@pytest.mark.parametrize(
    ("spec", "reason", "says"),
    [
        ({"line": "0 0 30 2 *"}, "InvalidSpec", 'spec.schedule: "0 0 30 2 *" never comes'),
        ({"line": "9-5 * * * *"}, "InvalidSpec", "spec.schedule: "),
        ({"line": "every night"}, "InvalidSpec", "spec.schedule: "),
        ({"timeZone": "Europe/Atlantis"}, "InvalidSpec", 'spec.timeZone: "Europe/Atlantis" must be a time zone'),
        ({"timeZone": "Europe"}, "InvalidSpec", "spec.timeZone"),
        ({"concurrencyPolicy": "Replace"}, "NotSupportedYet", "spec.concurrencyPolicy"),
        ({"blackout": [{"schedule": "0 8 * * *", "duration": "1h"}]}, "NotSupportedYet", "spec.blackout"),
        ({"template": {"spec": {}}}, "InvalidSpec", "spec.template.spec"),
    ],
)
def test_what_cannot_be_scheduled_is_stalled_with_the_field(spec: dict[str, Any], reason: str, says: str) -> None:
    world = begun(**spec)
    assert (world.condition("Ready"), world.condition("Stalled")) == (("False", reason), ("True", reason))
    assert says in world.status["message"]
    assert [note.message for note in world.plan.notes] == [world.status["message"]]
    assert world.look(TWO).status is None, "told once"


def test_a_corrected_schedule_starts_again() -> None:
    world = begun("0 0 30 2 *")
    world.edit(TWO - timedelta(hours=1), schedule="0 2 * * *")
    world.look(TWO - timedelta(hours=1))
    assert (world.condition("Ready"), world.condition("Stalled")) == (("True", "Scheduled"), ("", ""))
    world.look(TWO)
    assert world.started == [name(TWO)]


def test_a_refused_creation_is_told_tried_again_and_missed_after_its_deadline() -> None:
    world = begun()
    world.refusal = Refusal(Reason.ACCESS_MISSING, "may not; to allow it: kubectl create rolebinding ...")
    plan = world.look(TWO)
    assert world.condition("Ready") == ("False", "AccessMissing")
    assert "kubectl" in world.status["message"]
    assert (plan.requeue_after, world.condition("Stalled")) == (timedelta(seconds=30), ("", ""))
    assert world.look(TWO + timedelta(seconds=30)).status is None
    world.refusal = None
    world.look(TWO + timedelta(minutes=1))
    assert (world.started, world.condition("Ready")) == ([name(TWO)], ("True", "Scheduled"))
    world.end(name(TWO), TWO)
    world.refusal = Refusal(Reason.NAME_TAKEN, "exists")
    world.look(TOMORROW)
    world.look(TOMORROW + timedelta(minutes=31))
    assert (world.status["missed"], world.condition("Ready")) == (1, ("True", "Scheduled"))


def test_a_clock_that_goes_back_repeats_nothing() -> None:
    world = begun(history={"passed": 0})
    world.look(TWO)
    world.end(name(TWO), TWO)
    world.look(TWO)
    for minutes in range(-60, 60, 5):
        world.look(TWO + timedelta(minutes=minutes))
    assert world.started == [name(TWO)]


def test_a_clock_that_was_a_year_ahead_does_not_silence_the_schedule() -> None:
    world = begun(concurrencyPolicy="Allow")
    world.look(TWO.replace(year=2027))
    world.look(TWO - timedelta(minutes=1))
    assert world.status["nextRun"] == "2026-12-02T02:00:00Z"
    world.look(TWO)
    assert name(TWO) in world.started


def test_a_schedule_that_is_being_deleted_is_left_alone() -> None:
    world = World(nightly(CREATED))
    world.raw["metadata"]["deletionTimestamp"] = "2026-12-01T12:00:00Z"
    assert world.look(TWO).create is None
    assert world.status == {}
