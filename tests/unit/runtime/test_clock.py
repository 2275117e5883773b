"""Our own clock may be wrong, or be set while we run: it is the API server's time that counts then."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from loadtest_operator.runtime.clock import AGREES, ClusterClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JUMPS = [timedelta(hours=2), -timedelta(hours=2), timedelta(days=400), -timedelta(minutes=5)]


class Machine:
    """Where the operator runs; `off` is how far its wall clock is from the cluster's."""

    def __init__(self, off: timedelta = timedelta(0)) -> None:
        self.off = off
        self.passed = 0.0
        self.clock = ClusterClock(lambda: self.true + self.off, lambda: self.passed)

    @property
    def true(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def answer(self, took: float = 0.0) -> None:
        date = format_datetime(self.true, usegmt=True)
        self.passed += took
        self.clock.hear(date, took)

    @property
    def error(self) -> timedelta:
        return abs(self.clock() - self.true)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_wall_clock_that_is_set_in_mid_run_changes_nothing(jump: timedelta) -> None:
    machine = Machine()
    machine.answer()
    for step in range(60):
        machine.off = jump if step >= 20 else timedelta(0)
        assert machine.error < timedelta(seconds=2)
        machine.passed += 1.7
        if step % 3 == 0:
            machine.answer()


@pytest.mark.parametrize("jump", JUMPS)
def test_one_that_was_wrong_from_the_start_is_put_right_by_the_first_answer(jump: timedelta) -> None:
    machine = Machine(jump)
    machine.answer()
    assert machine.error < timedelta(seconds=2)


def test_one_that_is_set_right_again_is_believed_again() -> None:
    machine = Machine(timedelta(hours=2))
    machine.answer()
    machine.off = timedelta(seconds=0.2)
    machine.passed += 1.0
    machine.answer()
    assert machine.clock() == machine.true + timedelta(seconds=0.2)


def test_a_small_difference_is_left_alone_so_that_no_second_comes_twice() -> None:
    machine = Machine(AGREES - timedelta(seconds=2))
    readings = []
    for _ in range(40):
        machine.passed += 0.3
        machine.answer()
        readings.append(machine.clock())
    assert readings == sorted(readings)
    assert readings[-1] == machine.true + machine.off


def test_the_corrected_time_does_not_jump_with_each_answer() -> None:
    machine = Machine(timedelta(hours=2))
    machine.answer()
    readings = []
    for _ in range(40):
        machine.passed += 0.3
        machine.answer()
        readings.append(machine.clock())
    assert readings == sorted(readings)


def test_an_answer_that_was_long_under_way_is_no_reason_to_doubt_the_clock() -> None:
    """The process was stopped for a while, for instance."""
    machine = Machine()
    machine.answer(took=45.0)
    assert machine.error == timedelta(0)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_a_date_it_is_our_own_clock(date: str) -> None:
    machine = Machine()
    machine.off = timedelta(hours=2)
    machine.clock.hear(date, 0.1)
    assert machine.clock() == machine.true + timedelta(hours=2)
