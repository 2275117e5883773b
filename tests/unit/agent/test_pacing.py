"""Pacing: Locust's waits stay what they are, and how late iterations begin is counted beside them."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_agent import pacing, wire
from loadtest_agent.recorder import Recorder

from tests.unit.agent.test_measuring import Clock

SPANS = st.lists(st.tuples(st.floats(0, 9), st.sampled_from([0.5, 1.0, 3])), min_size=1, max_size=20)


def locusts(clock: Clock) -> Any:
    """Locust's own module on a clock of ours, without the rest of Locust, which patches the process that imports it."""
    package = importlib.util.find_spec("locust")
    assert package is not None
    assert package.origin is not None
    spec = importlib.util.spec_from_file_location("wait_time", Path(package.origin).parent / "user" / "wait_time.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.perf_counter = clock
    return module


class User:
    """What Locust's users and task sets have for a pacing."""

    def __init__(self, clock: Clock) -> None:
        self._cp_last_run: float = clock.now
        self._cp_last_wait_time: float = 0


def told(turn: float, *spans: float) -> list[float]:
    """How late the iterations of one user began, which took so long each; the first after its on_start."""
    clock, notes = Clock(), []
    wait = pacing.heard(locusts(clock).constant_pacing, notes.append)(turn)
    user = User(clock)
    for span in spans:
        clock.now += span
        clock.now += wait(user)
    return notes


def test_iterations_that_are_quicker_than_their_pacing_are_in_time() -> None:
    assert told(1.0, 0.2, 0.2, 0.999, 0.0) == [0.0, 0.0, 0.0]


def test_an_iteration_that_takes_longer_than_its_pacing_makes_the_next_one_late() -> None:
    assert told(2.0, 0.2, 3.0, 5.0, 0.1) == pytest.approx([0.5, 1.5, 0.0])


def test_what_a_user_does_before_its_first_iteration_is_no_lateness() -> None:
    assert told(1.0, 30.0) == []


@given(SPANS)
def test_user_code_sees_what_it_sees_without_us(spans: list[tuple[float, float]]) -> None:
    one, other = Clock(), Clock()
    ours, theirs = pacing.heard(locusts(one).constant_pacing, lambda _: None), locusts(other).constant_pacing
    mine, plain = User(one), User(other)
    waits = {turn: (ours(turn), theirs(turn)) for _, turn in spans}
    for span, turn in spans:
        one.now += span
        other.now += span
        here, there = waits[turn][0](mine), waits[turn][1](plain)
        assert (here, vars(mine)) == (there, vars(plain))
        one.now += here
        other.now += there
    assert (ours.__name__, ours.__doc__) == (theirs.__name__, theirs.__doc__)
    assert ours(1).__qualname__ == theirs(1).__qualname__


@pytest.mark.parametrize("turn", [0, -1.0, "1", None])
def test_without_a_pacing_it_is_locusts_function_itself(turn: Any) -> None:
    theirs = locusts(Clock()).constant_pacing
    made = []

    def original(wait_time: float) -> Any:
        made.append(theirs(wait_time))
        return made[0]

    assert pacing.heard(original, lambda _: None)(turn) is made[0]


def test_constant_throughput_is_heard_too() -> None:
    clock, notes = Clock(), []
    module = locusts(clock)
    module.constant_pacing = pacing.heard(module.constant_pacing, notes.append)
    wait, user = module.constant_throughput(0.5), User(clock)
    wait(user)
    clock.now += user._cp_last_wait_time + 3.0
    assert wait(user) == 0
    assert notes == pytest.approx([0.5])


def test_users_without_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_MOST_KNOWN", 3)
    clock, notes = Clock(), []
    ear = pacing.Ear(notes.append)
    users = [User(clock) for _ in range(20)]
    for user in users:
        ear.hear(user, 1.0, clock.now, 0.0)
    assert len(ear._last) <= 3


def test_late_iterations_are_counted_in_the_window_in_which_they_are_over() -> None:
    clock = Clock()
    one = Recorder(1.0, clock=clock)
    one.on_iteration(9.0)  # before the start
    one.start(clock.now)
    for turns in (0.0, 0.0, 0.5):
        one.on_iteration(turns)
    clock.now += 1.5
    one.on_iteration(2.0)
    clock.now += 1.0
    one.on_request("GET", "/", 1.0)
    one.finish()
    first, second, third = (window for _, window in one.closed)
    assert first.pacing is not None
    assert second.pacing is not None
    assert (first.pacing.n, sum(first.pacing.late.values()), first.pacing.missed) == (3, 1, 0.5)
    assert (second.pacing.n, sum(second.pacing.late.values()), second.pacing.missed) == (1, 1, 2.0)
    assert third.pacing is None


@given(st.lists(st.floats(0, math.inf), max_size=40))
def test_lateness_is_counted_by_buckets_and_survives_the_way_to_the_master(turns: list[float]) -> None:
    found = wire.Pacing()
    for one in turns:
        found.count(one)
    late = [min(one, 1e6) for one in turns if one >= 0.001]
    assert (found.n, sum(found.late.values())) == (len(turns), len(late))
    assert found.missed == pytest.approx(sum(late))
    for one in late:
        assert found.late[math.floor(math.log(one * 1000) / math.log(1.1))] or one == pytest.approx(0.001)
    read = wire.decode(wire.encode(wire.Window(1.0, pacing=found))).pacing
    assert read is not None
    assert read.to_json() == found.to_json()
