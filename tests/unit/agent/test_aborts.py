"""Limits that end a run early: what crosses them, what does not, and what is said."""

from __future__ import annotations

import pytest
from loadtest_agent import aborts, histogram, wire
from loadtest_agent.config import AbortRule
from loadtest_agent.windows import WindowStore


def rule(metric: str = "errorRate", limit: float = 0.5, seconds: float = 3, **changes: object) -> AbortRule:
    given = {"reason": "Aborted", "name": metric, "endpoint": None, "lower_is_worse": metric == "rps"} | changes
    return AbortRule(metric=metric, limit=limit, for_seconds=seconds, **given)


def cell(n: int = 10, errors: int = 0, latency: float = 0.05) -> wire.Cell:
    made = wire.Cell()
    made.n, made.errors = n, errors
    made.hist = {histogram.bucket(latency * 1e6): n - errors} if n > errors else {}
    made.total_us, made.peak_us = (n - errors) * latency * 1e6, latency * 1e6
    return made


def window(*cells: wire.Cell, names: tuple[str, ...] = ("/home", "/cart")) -> wire.Window:
    found = {("GET", name): one for name, one in zip(names, cells, strict=False)}
    return wire.Window(1.0, wire.Health(), found)


def told(one: AbortRule, *windows: wire.Window) -> list[bool]:
    watch = aborts.Watch(one, 1.0)
    return [watch.take(each) is not None for each in windows]


def test_a_limit_is_crossed_over_the_whole_stretch_or_not_at_all() -> None:
    bad, good = window(cell(errors=6)), window(cell())
    assert told(rule(), bad, bad, bad) == [False, False, True]
    assert told(rule(), bad, bad, good, bad, bad, bad) == [False, False, False, False, False, True]


def test_all_requests_of_the_stretch_count_together() -> None:
    few, many = window(cell(n=1, errors=1)), window(cell(n=100, errors=0))
    assert told(rule(), few, few, many) == [False, False, False]


@pytest.mark.parametrize(
    ("metric", "limit", "crossed"),
    [("p95", 0.04, True), ("p95", 0.06, False), ("mean", 0.04, True), ("max", 0.06, False), ("rps", 11, True)],
)
def test_each_metric_in_its_own_unit(metric: str, limit: float, crossed: bool) -> None:
    assert told(rule(metric, limit, 1), window(cell())) == [crossed]


def test_without_requests_nothing_but_the_rate_can_be_crossed() -> None:
    assert told(rule("errorRate", 0.0, 1), window()) == [False]
    assert told(rule("p95", 0.0, 1), window()) == [False]
    assert told(rule("rps", 1, 1), window()) == [True]


def test_all_is_not_more_than_all() -> None:
    assert told(rule(limit=1.0, seconds=1), window(cell(errors=10))) == [False]


@pytest.mark.parametrize(
    ("endpoint", "crossed"), [("/cart", True), ("GET /cart", True), ("/home", False), ("/c*", True)]
)
def test_one_endpoint_alone(endpoint: str, crossed: bool) -> None:
    assert told(rule(seconds=1, endpoint=endpoint), window(cell(), cell(errors=10))) == [crossed]


def test_what_is_said_names_the_limit_and_the_figure() -> None:
    found = aborts.Watch(rule(name="errors of the shop", seconds=1), 1.0).take(window(cell(errors=6)))
    assert found is not None
    assert found["message"] == "errors of the shop was 60% over 1 s, over its limit of 50%"
    assert (found["reason"], found["name"], found["value"]) == ("Aborted", "errors of the shop", 0.6)


def test_a_window_counts_once_every_worker_that_is_there_has_closed_it() -> None:
    store = WindowStore(1.0)
    watches = aborts.Watches((rule(seconds=2),), store)
    for w in range(4):
        store.put("a", w, wire.encode(window(cell(errors=10))))
    store.put("b", 0, wire.encode(window(cell(errors=10))))
    assert watches.look({"a", "b"}) is None
    assert watches.look({"a"}) is not None
