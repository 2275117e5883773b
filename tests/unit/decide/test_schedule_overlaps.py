"""A start of a LoadTestSchedule while a run is under way: skipped, beside it, or after it."""

from datetime import timedelta

from tests.unit.decide.begun import TOMORROW, TWO, begun
from tests.unit.decide.schedules import at, name


def test_with_forbid_a_start_is_skipped_while_another_runs() -> None:
    world = begun(concurrencyPolicy="Forbid")
    world.look(TWO)
    plan = world.look(TOMORROW)
    assert (world.started, world.status["missed"]) == ([name(TWO)], 1)
    assert "concurrencyPolicy Forbid" in plan.notes[0].message
    world.end(name(TWO), TOMORROW + timedelta(minutes=1))
    world.look(TOMORROW + timedelta(minutes=1))
    assert world.started == [name(TWO)]


def test_with_allow_both_run() -> None:
    world = begun(concurrencyPolicy="Allow")
    world.look(TWO)
    world.look(TOMORROW)
    assert world.started == world.status["active"] == [name(TWO), name(TOMORROW)]


def test_with_queue_one_start_waits_for_the_end_of_the_run() -> None:
    world = begun()
    world.look(TWO)
    world.look(TOMORROW)
    assert world.started == [name(TWO)]
    assert world.status["nextRun"] == "2026-12-03T02:00:00Z"
    assert world.status["message"] == f"the start of 2026-12-03T02:00:00Z waits for the end of {name(TWO)}"
    assert world.condition("Ready") == ("True", "Scheduled")
    assert world.look(TOMORROW + timedelta(hours=2)).status is None
    world.end(name(TWO), TOMORROW + timedelta(hours=3))
    world.look(TOMORROW + timedelta(hours=3, minutes=2))
    assert world.started == [name(TWO), name(TOMORROW)], "the deadline counts from the end that it waited for"
    assert (world.status["missed"], world.status["nextRun"]) == (0, "2026-12-04T02:00:00Z")


def test_with_queue_at_most_one_waits() -> None:
    world = begun("0 * * * *")
    world.look(at("12-01 13:00"))
    world.look(at("12-01 14:00"))
    world.look(at("12-01 15:00"))
    assert world.status["missed"] == 1, "the older of the two that waited"
    world.end(name(at("12-01 13:00")), at("12-01 15:20"))
    world.look(at("12-01 15:20"))
    assert world.started == [name(at("12-01 13:00")), name(at("12-01 15:00"))]


def test_what_waited_for_a_loadtest_that_was_deleted_starts_as_well() -> None:
    world = begun()
    world.look(TWO)
    world.look(TOMORROW)
    del world.tests[name(TWO)]
    world.look(TOMORROW + timedelta(hours=2))
    assert world.started == [name(TWO), name(TOMORROW)]
