"""Iterations at their pacing: how many were made, how late they began, and what would do."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_agent import wire
from loadtest_operator.model.conditions import Reason
from loadtest_operator.verdict.pacing import Paced
from loadtest_operator.verdict.reached import Expected
from loadtest_operator.verdict.record import Aborted
from loadtest_operator.verdict.validity import assess

from tests.unit.verdict.records import cell, record_of, steady, window

FIFTY = Expected(workers=2, users=50)


def told(*turns):
    """What the agent says of iterations that were so many turns late."""
    found = wire.Pacing()
    for one in turns:
        found.count(one)
    said = found.to_json()
    return {"n": said["n"], "missed": said["missed"], "late": {str(b): n for b, n in found.late.items()}}


def paced(*turns):
    said = told(*turns)
    return Paced(said["n"], said["missed"], {int(b): n for b, n in said["late"].items()})


def run(*turns, seconds=60, **about):
    return steady(seconds, about={"pacing": told(*turns)}, **about)


def doubt(found):
    assert [one.reason for one in found.doubts] == [Reason.LOAD_NOT_REACHED]
    return found.doubts[0].says


def test_a_script_whose_iterations_are_in_time_is_valid():
    found = assess(run(*[0.0] * 100), FIFTY)
    assert found.valid
    assert found.paced == 1.0


def test_a_target_that_takes_longer_than_the_pacing_makes_the_run_invalid_and_what_would_do_is_computed():
    found = assess(run(*[0.5] * 100), FIFTY)
    assert found.paced == pytest.approx(2 / 3)
    assert doubt(found) == (
        "100% of the iterations that have a pacing began late, the latest hundredth by 0.54 times that pacing, and "
        "only 66.67% of those that were asked for were made: the script asks for more than its users can do at these "
        "response times; 75 users (load.users) with a pacing 1.5 times as long would make that load, a longer pacing "
        "alone makes less"
    )


@pytest.mark.parametrize(("missed", "valid"), [(0.104, True), (0.108, False)])
def test_a_twentieth_of_the_iterations_may_be_missing(missed, valid):
    assert assess(run(*[0.0] * 50, *[missed] * 50), FIFTY).valid is valid


@pytest.mark.parametrize(("late", "valid"), [(1, True), (2, False)])
def test_a_hundredth_of_the_iterations_may_be_late_by_more_than_a_turn(late, valid):
    found = assess(run(*[0.0] * (100 - late), *[1.2] * late), FIFTY)
    assert found.valid is valid
    if not valid:
        assert "2% of the iterations that have a pacing began late, the latest hundredth by 1.2 times" in doubt(found)
        assert "75 users (load.users) with a pacing 1.5 times as long" in doubt(found)


def test_one_pause_of_the_target_is_forgiven_and_one_that_costs_a_tenth_of_the_load_is_not():
    def paused(turns):
        calm, stuck = {"pacing": told(*[0.0] * 50)}, {"pacing": told(*[turns] * 50)}
        return record_of(*(window(w, cell(), **(stuck if w == 100 else calm)) for w in range(300)))

    assert assess(paused(3.0), FIFTY).valid
    says = doubt(assess(paused(30.0), FIFTY))
    assert "0.33% of the iterations that have a pacing began late, the latest by 3" in says


def test_without_a_known_number_of_users_their_multiple_is_told():
    assert "; 3 times as many users with a pacing 3 times as long" in doubt(
        assess(run(*[2.0] * 9), replace(FIFTY, users=0))
    )


def test_iterations_during_warm_up_do_not_count():
    late, calm = {"pacing": told(*[1.0] * 9)}, {"pacing": told(*[0.0] * 9)}
    windows = [window(w, cell(), **(late if w < 20 else calm)) for w in range(60)]
    assert assess(record_of(*windows, warmup_s=20), FIFTY).paced == 1.0


def test_a_run_that_a_limit_ended_is_not_doubted_for_its_pacing():
    stopped = replace(run(*[2.0] * 9), aborted=Aborted("Aborted", "p95", 2.0, "p95 was 2s"))
    assert assess(stopped, FIFTY).valid


def test_a_script_without_a_pacing_is_not_asked():
    assert assess(steady(60, about={"pacing": None}), FIFTY).paced is None
    assert assess(run(), FIFTY).paced is None


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200))
def test_what_would_do_does_and_a_little_less_does_not(turns):
    found = paced(*turns)
    longer = found.enough()
    slack = 1.1  # the width of a bucket
    assert found.with_turns(longer * slack).kept(0.99)
    if longer > 1.3:
        assert not found.with_turns((longer - 0.1) / slack).kept(0.99)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=200), st.integers(0, 500))
def test_the_latest_hundredth_is_known_within_a_bucket(late, in_time):
    turns = sorted([*late, *[0.0] * in_time])
    exact = turns[math.ceil(0.99 * len(turns)) - 1]
    assert paced(*turns).p99 == pytest.approx(exact, rel=0.11, abs=0.0011)
    assert paced(*turns).latest == pytest.approx(turns[-1], rel=0.11)
    assert paced(*turns).made == pytest.approx(len(turns) / (len(turns) + sum(turns)), rel=1e-3)


def test_what_a_load_pod_makes_up_breaks_nothing():
    odd = Paced(1, 0.0, {1500: 9})
    assert odd.share_late == 1.0
    assert odd.p99 > 1
    assert odd.enough() > 1
    assert odd.made == 1.0
