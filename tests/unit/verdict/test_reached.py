"""Whether the load that was asked for was there: users along their ramp, iterations at their pacing."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model.conditions import Reason
from loadtest_operator.verdict.reached import Expected
from loadtest_operator.verdict.validity import assess, marked

from tests.unit.verdict.records import cell, record_of, window

RAMP = Expected(workers=2, users=100, ramp_s=50)


def coming(*users, **about):
    """So many users at the end of each second."""
    return record_of(*(window(w, cell(), users=count) for w, count in enumerate(users)), **about)


def ramp(seconds, *, of=100, until=100):
    """As Locust does it: whole steps, one a second, the first at once."""
    return [min(of, of * (w + 1) / seconds) for w in range(until)]


def doubt(found):
    assert [one.reason for one in found.doubts] == [Reason.LOAD_NOT_REACHED]
    return found.doubts[0].says


@given(st.integers(1, 200), st.floats(0, 300), st.floats(0.1, 400))
def test_the_wanted_line_never_falls_and_ends_at_all_users(users, ramp_s, at):
    expected = Expected(workers=1, users=users, ramp_s=ramp_s)
    assert 0 <= expected.users_at(at) <= expected.users_at(at + 1) <= users
    assert expected.users_at(ramp_s + 1.001) == users


@given(st.floats(0.2, 200), st.integers(1, 300), st.floats(0, 0.9))
def test_users_that_come_in_whole_steps_are_in_time(rate, users, delay):
    """Locust's dispatcher: floor(rate) users every floor(rate)/rate seconds, the first ones at once."""
    expected = Expected(workers=1, users=users, ramp_s=users / rate)
    step = max(1, int(rate))
    every = step / rate
    for at in range(1, 400):
        there = min(users, step * (int((at - delay) / every) + 1)) if at > delay else 0
        assert there >= expected.users_at(at) - 1e-6 or every > 1 + delay


def test_a_ramp_in_time_is_what_was_asked_for():
    found = assess(coming(*ramp(50)), RAMP)
    assert found.valid
    assert found.achieved == 1.0
    assert found.degraded == ()


def test_a_ramp_that_lags_within_the_judged_windows_makes_the_run_invalid():
    found = assess(coming(*ramp(80)), RAMP)
    says = doubt(found)
    assert says.startswith(
        "only 81.19% of the wanted 100 users were there on average: they came in 1m20s instead of 50s;"
    )
    assert "let them come in 1m20s (load.ramp, or load.spawnRate 1.2/s)" in says
    assert "4 or more would do for this ramp" in says
    assert "degraded" not in says
    assert {one.w for one in marked(coming(*ramp(80)), found).run_windows if one.degraded} == set(found.degraded)
    assert set(range(10, 70)) <= set(found.degraded)


def test_a_ramp_that_lags_during_warm_up_harms_nothing():
    found = assess(coming(*ramp(80, until=200), warmup_s=80), RAMP)
    assert found.valid
    assert found.achieved == 1.0


def test_a_ramp_that_lags_a_little_into_a_long_run_stands():
    found = assess(coming(*ramp(60, until=400), warmup_s=40), RAMP)
    assert found.valid
    assert 0.99 < found.achieved < 1.0


def test_a_ramp_that_did_not_end_is_told_by_its_pace():
    says = doubt(assess(coming(*ramp(200)), RAMP))
    assert "they came in 3m18s instead of 50s" in says
    assert "8 or more would do for this ramp" in says


def test_users_at_once_that_come_slowly():
    says = doubt(assess(coming(*ramp(30)), replace(RAMP, ramp_s=0)))
    assert "they came in 30s instead of 0s; let them come in 30s" in says
    assert "workers" not in says


def test_users_that_came_in_time_and_did_not_stay_are_another_matter():
    says = doubt(assess(coming(*ramp(50)[:60], *[60] * 100), RAMP))
    assert "whether users ended by themselves" in says
    assert "load.ramp" not in says


def test_users_that_never_came_in_full_although_the_ramp_was_over():
    says = doubt(assess(coming(*(min(80, one) for one in ramp(50))), RAMP))
    assert "only 85.37% of the wanted 100 users" in says
    assert "whether users ended by themselves" in says
