"""Effective values, for every kind of load."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model import default_texts, defaults, effective, loadtest, reference, resources
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.phases import GatedVerdict, Keep, OnChange, RunOn
from loadtest_operator.model.schedule import LoadTestSchedule

from tests.api import invalid_objects
from tests.unit.model.objects import load, raw, spec

STAGES = {
    "stages": [{"name": "a", "users": 100, "ramp": "30s", "hold": "2m"}, {"name": "b", "users": 1000, "hold": "1m"}]
}
FIND = {"find": {"rate": {"from": "50/s", "to": "1600/s"}, "hold": "1m"}}
SHAPES: list[dict[str, Any]] = [
    {"users": 200, "ramp": "1m", "duration": "15m"},
    {"users": 200, "spawnRate": "10/s", "duration": "15m"},
    {"users": 1, "duration": "1s"},
    {"users": 1, "ramp": "0s", "duration": "1s"},
    {"rate": "200/s", "duration": "10m"},
    {"rate": "200/s", "maxUsers": 500, "ramp": "1m", "duration": "10m"},
    STAGES,
    {"stages": [{"name": "a", "rate": "10/s", "hold": "2m"}]},
    FIND,
    {"fromScript": True, "maxUsers": 500, "duration": "10m"},
    {"manual": True, "maxUsers": 500, "duration": "10m"},
]
LOCUST = {"locust": {"inline": "pass"}}


def seconds(value: timedelta) -> float:
    return value.total_seconds()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_kind_of_load_has_effective_values(shape: dict) -> None:
    found = spec(load=shape, scenario=LOCUST)
    assert defaults.duration(found) >= timedelta(seconds=1)
    assert timedelta() <= defaults.ramp(found) < defaults.duration(found)
    assert timedelta() <= defaults.warmup(found) < defaults.duration(found)
    assert defaults.spawn_rate(found) > 0
    assert 1 <= defaults.workers(found) <= 1000
    assert defaults.window_seconds(found) >= 1
    assert defaults.deadline(found) > defaults.duration(found)


@pytest.mark.parametrize(("duration", "ramp"), [("5m", 30), ("10s", 1), ("1h", 60), ("1s", 0.1)])
def test_the_default_ramp_is_a_tenth_of_the_duration_and_at_most_a_minute(duration: str, ramp: float) -> None:
    assert seconds(defaults.ramp(load(users=50, duration=duration))) == ramp


def test_spawn_rate_and_ramp_are_two_ways_to_say_the_same() -> None:
    by_rate, by_ramp = load(users=200, spawnRate="10/s", duration="15m"), load(users=200, ramp="20s", duration="15m")
    assert defaults.ramp(by_rate) == defaults.ramp(by_ramp) == timedelta(seconds=20)
    assert defaults.spawn_rate(by_rate) == defaults.spawn_rate(by_ramp) == 10.0


def test_without_ramp_all_users_start_within_a_second() -> None:
    assert defaults.spawn_rate(load(users=200, ramp="0s", duration="15m")) == 200.0


@pytest.mark.parametrize(
    ("shape", "warmup"),
    [
        ({"users": 200, "ramp": "1m", "duration": "15m"}, 60 + 90),
        ({"users": 200, "ramp": "1m", "duration": "5m"}, 60 + 30),
        ({"users": 200, "ramp": "1m", "duration": "3m"}, 60),
        ({"users": 200, "ramp": "1m", "duration": "3m", "warmup": "10s"}, 10),
    ],
)
def test_the_default_warm_up_follows_the_ramp_and_leaves_two_thirds(shape: dict, warmup: float) -> None:
    assert seconds(defaults.warmup(spec(load=shape))) == warmup


@pytest.mark.parametrize(
    ("shape", "workers"),
    [
        ({"users": 1, "duration": "5m"}, 1),
        ({"users": 250, "duration": "5m"}, 1),
        ({"users": 251, "duration": "5m"}, 2),
        ({"rate": "500/s", "duration": "5m"}, 1),
        ({"rate": "501/s", "maxUsers": 100000, "duration": "5m"}, 2),
        (STAGES, 4),
        (FIND, 4),
        ({"fromScript": True, "maxUsers": 500, "duration": "10m"}, 2),
    ],
)
def test_workers_follow_from_the_load(shape: dict, workers: int) -> None:
    assert defaults.workers(spec(load=shape, scenario=LOCUST)) == workers


def test_given_workers_win() -> None:
    assert defaults.workers(spec(runners={"workers": 7})) == 7


@pytest.mark.parametrize(("duration", "window"), [("1m", 1), ("6m", 1), ("6m1s", 2), ("1h", 10), ("24h", 240)])
def test_a_run_has_at_most_360_windows(duration: str, window: int) -> None:
    assert defaults.window_seconds(load(users=1, duration=duration)) == window


@given(st.integers(min_value=1, max_value=604_800))
def test_windows_are_whole_seconds_and_never_more_than_360(duration: int) -> None:
    window = defaults.window_seconds(load(users=1, duration=f"{duration}s"))
    assert duration / window <= defaults.WINDOWS


def test_stages_last_as_long_as_their_ramps_and_holds() -> None:
    assert defaults.duration(spec(load=STAGES)) == timedelta(minutes=3, seconds=30)


def test_a_search_lasts_at_most_its_doublings_and_refinements() -> None:
    assert defaults.duration(spec(load=FIND)) == timedelta(minutes=1 + 5 + defaults.FIND_REFINEMENTS)


def test_health_is_filled_where_it_says_nothing() -> None:
    nothing = defaults.health(spec())
    assert (nothing.path, nothing.expect, nothing.timeout) == ("/", None, timedelta(minutes=5))
    some = defaults.health(spec(target={"url": "http://a", "health": {"path": "/up", "expect": [204]}}))
    assert (some.path, some.expect, some.timeout) == ("/up", (204,), timedelta(minutes=5))


def test_without_a_word_about_runners_their_defaults_hold() -> None:
    found = spec()
    pod = {"cpu": "1", "memory": "512Mi"}
    assert resources.of_worker(found) == {"requests": pod, "limits": pod}
    assert resources.of_master(found) == {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": pod}
    assert defaults.start_timeout(found) == timedelta(minutes=3)
    assert defaults.retries(found) == 1
    assert defaults.tolerate_loss(found) == 0.1


def test_given_values_of_runners_win_also_when_they_are_zero() -> None:
    mine = {"requests": {"cpu": "200m"}}
    found = spec(
        runners={
            "resources": mine,
            "master": {"resources": mine},
            "retries": 0,
            "tolerateLoss": "0%",
            "startTimeout": "1m",
        }
    )
    assert resources.of_worker(found) == resources.of_master(found) == mine
    assert (defaults.retries(found), defaults.tolerate_loss(found)) == (0, 0.0)
    assert defaults.start_timeout(found) == timedelta(minutes=1)


def test_the_gate_fails_on_three_verdicts_unless_told_otherwise() -> None:
    assert defaults.fail_on(spec()) == (GatedVerdict.FAILED, GatedVerdict.REGRESSED, GatedVerdict.INVALID)
    assert defaults.fail_on(spec(gate={"failOn": []})) == ()


def test_small_words_have_defaults() -> None:
    found = spec()
    assert defaults.run_on(found) is RunOn.CHANGE
    assert defaults.on_change(found) is OnChange.QUEUE
    assert defaults.suspend(found) is False
    assert defaults.keep_pods(found) is Keep.ON_FAILURE
    assert defaults.request_timeout(found) == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [
        (None, (1, 1)),
        ({"min": "1s", "max": "3s"}, (1, 3)),
        ({"min": "2s"}, (2, 2)),
        ({"max": "3s"}, (3, 3)),
        ({}, (1, 1)),
    ],
)
def test_think_time_is_a_second_or_between_its_bounds(given_time: dict | None, expected: tuple) -> None:
    http: dict = {"requests": [{"path": "/"}]} | ({"thinkTime": given_time} if given_time is not None else {})
    shortest, longest = defaults.think_time(spec(scenario={"http": http}))
    assert (seconds(shortest), seconds(longest)) == expected


def test_the_deadline_covers_environment_hooks_and_every_attempt() -> None:
    plain = defaults.deadline(spec())
    assert plain == 2 * timedelta(minutes=3 + 5 + 5 + 5)
    with_hook = defaults.deadline(spec(hooks={"before": {"image": "a"}, "after": {"image": "a", "timeout": "1m"}}))
    assert with_hook - plain == timedelta(minutes=6)
    environment = {"manifests": [{"inline": "a"}], "provision": {"image": "a"}}
    assert defaults.deadline(spec(environment=environment)) - plain == timedelta(minutes=10)
    assert defaults.deadline(spec(baseline={"confirmRuns": 1})) == plain / 2 * 3
    assert defaults.deadline(spec(deadline="7m")) == timedelta(minutes=7)


@pytest.mark.parametrize(
    "raw",
    [raw for raw in invalid_objects.accepted() if raw["kind"] == "LoadTest"],
    ids=lambda raw: raw["metadata"]["name"],
)
def test_the_effective_spec_is_valid_and_its_own_effective_spec(raw: dict) -> None:
    first = effective.effective(loadtest.parse(raw).spec)
    assert effective.effective(loadtest.parse({**raw, "spec": first}).spec) == first


def test_the_effective_spec_shows_what_is_not_written() -> None:
    found = effective.effective(loadtest.parse(raw()).spec)
    assert found["load"] == {"users": 50, "duration": "5m", "ramp": "30s", "warmup": "1m"}
    assert found["runners"]["workers"] == 1
    assert found["gate"] == {"failOn": ["Failed", "Regressed", "Invalid"]}


def test_every_default_that_is_documented_belongs_to_a_field() -> None:
    below = {path.removeprefix("spec.") for path in reference.paths(LoadTest)}
    assert set(default_texts.LOADTEST) - below == set()
    below = {path.removeprefix("spec.") for path in reference.paths(LoadTestSchedule)}
    assert set(default_texts.SCHEDULE) - below == set()
