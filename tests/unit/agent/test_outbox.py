"""What a worker sends, and how the master adds it up whatever gets lost, doubled or late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_agent import config, protocol, wire
from loadtest_agent.outbox import Outbox
from loadtest_agent.recorder import Recorder
from loadtest_agent.windows import WindowStore

from tests.unit.agent.test_config import EXAMPLE
from tests.unit.agent.test_measuring import Clock


def outbox(window: float = 1.0) -> tuple[Outbox, Recorder, Clock]:
    clock = Clock()
    recorder = Recorder(window, clock=clock)
    recorder.start(clock.now)
    settings = config.parse(EXAMPLE | {"windowSeconds": window}, Path())
    return Outbox(settings, recorder), recorder, clock


def windows(report: dict[str, Any]) -> list[int]:
    return [w for w, _ in report["windows"]]


def test_a_closed_window_is_sent_three_times() -> None:
    box, _, clock = outbox()
    clock.now += 2.5
    assert [windows(box.report(clock.now)) for _ in range(4)] == [[0, 1], [0, 1], [0, 1], []]
    assert windows(box.again([1, 7])) == [1]
    assert box.span() == [0, 1]


def test_a_long_window_is_sent_while_it_is_open() -> None:
    box, recorder, clock = outbox(window=60)
    recorder.on_request("GET", "/", 1.0)
    clock.now += 3
    ((w, blob),) = box.report(clock.now)["windows"]
    read = wire.decode(blob)
    assert (w, read.covered, read.cells["GET", "/"].n) == (0, 3.0, 1)
    recorder.on_request("GET", "/", 1.0)
    clock.now += 60
    assert wire.decode(box.report(clock.now)["windows"][0][1]).cells["GET", "/"].n == 2


def test_times_of_failures_are_on_the_masters_clock() -> None:
    box, recorder, clock = outbox()
    box.clock_shift = 500.0
    recorder.on_request("GET", "/", 1.0, exception=OSError("no"))
    (failure,) = wire.decode_failures(box.report(clock.now)["failures"]).values()
    assert (failure.first, failure.last, failure.sample) == (1500.0, 1500.0, "OSError: no")


def blob(n: int, latency_bucket: int = 300, name: str = "/", covered: float = 1.0) -> bytes:
    cell = wire.Cell()
    cell.n, cell.hist, cell.total_us, cell.peak_us = n, {latency_bucket: n}, n * 100.0, 100.0
    return wire.encode(wire.Window(covered, wire.Health(5, 0.5, 0.1), {("GET", name): cell}))


def page(store: WindowStore, since: int = 0) -> list[Any]:
    return [json.loads(text) for _, text in store.since(since)]


def test_workers_are_added_up() -> None:
    store = WindowStore(1.0)
    store.put("a", 0, blob(3))
    store.put("b", 0, blob(4, 301))
    (window,) = page(store)
    assert (window["w"], window["workers"], window["users"], window["cpu"], window["lag"]) == (0, 2, 10, 0.5, 0.1)
    assert window["endpoints"] == [
        {
            "method": "GET",
            "name": "/",
            "n": 7,
            "errors": 0,
            "hist": {"300": 3, "301": 4},
            "fail_hist": {},
            "sum": 0.0007,
            "max": 0.0001,
        }
    ]


def test_a_window_that_comes_again_changes_nothing() -> None:
    store = WindowStore(1.0)
    assert store.put("a", 0, blob(3))
    assert not store.put("a", 0, blob(3))
    assert (store.cursor, store.requests) == (1, 3)


def test_a_new_version_replaces_the_old_one_and_moves_to_the_end() -> None:
    store = WindowStore(60.0)
    store.put("a", 0, blob(3))
    store.put("a", 1, blob(1))
    store.put("a", 0, blob(5))
    assert store.requests == 6
    assert [(window["w"], window["seq"], window["endpoints"][0]["n"]) for window in page(store)] == [
        (1, 2, 1),
        (0, 3, 5),
    ]
    assert [window["w"] for window in page(store, since=2)] == [0]
    assert page(store, since=3) == []


def quiet(users: int = 5, errors: int = 0) -> bytes:
    """Its users were there, and nobody answered them."""
    cell = wire.Cell()
    cell.n = cell.errors = errors
    return wire.encode(wire.Window(1.0, wire.Health(users, 0.1, 0.0), {("GET", "/"): cell} if errors else {}))


@pytest.mark.parametrize("errors", [0, 3])
def test_a_worker_that_was_silent_and_got_no_answer_was_not_at_work(errors: int) -> None:
    store = WindowStore(1.0)
    for w in range(4):
        store.put("a", w, blob(3))
    store.silent("b", 0.9, 2.1)
    for w, said in enumerate([blob(4), quiet(errors=errors), quiet(errors=errors), quiet()]):
        store.put("b", w, said)
    assert [(one["workers"], one["users"]) for one in page(store)] == [(2, 10), (1, 5), (1, 5), (2, 10)]
    assert store.merged(1).health.users == 5


def test_a_silence_that_is_known_only_later_changes_what_was_said_before() -> None:
    store = WindowStore(2.0)
    store.put("a", 0, blob(3))
    store.put("b", 0, quiet())
    store.put("a", 1, blob(3))
    assert [one["workers"] for one in page(store)] == [2, 1]
    store.silent("b", -1.0, 3.9)
    assert [(one["w"], one["workers"], one["seq"]) for one in page(store, since=3)] == [(0, 1, 4)]


def test_silence_before_the_load_says_nothing() -> None:
    store = WindowStore(1.0)
    store.put("b", 0, quiet())
    store.silent("b", -9.0, -1.0)
    assert [one["workers"] for one in page(store)] == [1]


MESSAGES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), min_size=1, max_size=30)


@given(MESSAGES, st.randoms(use_true_random=False))
def test_order_and_repetition_of_reports_do_not_matter(messages: list[tuple[str, int]], random: Any) -> None:
    def fill(order: list[tuple[str, int]]) -> WindowStore:
        store = WindowStore(1.0)
        for worker, w in order:
            store.put(worker, w, blob(ord(worker) + w, 300 + w))
        return store

    shuffled = [*messages, *messages]
    random.shuffle(shuffled)
    one, other = fill(sorted(set(messages))), fill(shuffled)
    assert one.requests == other.requests == sum(ord(worker) + w for worker, w in set(messages))
    unordered = [{window["w"]: {**window, "seq": None} for window in page(store)} for store in (one, other)]
    assert unordered[0] == unordered[1]
    assert {seq for seq, _ in other.since(0)} <= set(range(1, other.cursor + 1))


@given(MESSAGES, st.integers(0, 29))
def test_a_driver_that_follows_the_cursor_sees_what_a_late_one_sees(messages: list[tuple[str, int]], cut: int) -> None:
    store = WindowStore(1.0)
    seen: dict[int, Any] = {}
    cursor = 0
    for number, (worker, w) in enumerate(messages):
        store.put(worker, w, blob(number + 1))
        if number >= cut:
            seen |= {window["w"]: window for window in page(store, cursor)}
            cursor = store.cursor
    seen |= {window["w"]: window for window in page(store, cursor)}
    assert seen == {window["w"]: window for window in page(store)}


def test_recent_waits_for_the_slower_worker() -> None:
    store = WindowStore(1.0)
    for w in range(20):
        store.put("a", w, blob(10))
    for w in range(18):
        store.put("b", w, blob(5))
    recent = store.recent({"a", "b"})
    assert (recent.seconds, recent.requests, recent.errors) == (10.0, 150, 0)
    assert recent.p95 == pytest.approx(1.02**300.5 / 1e6)
    assert WindowStore(1.0).recent({"a"}).p95 is None


def test_failures_of_all_workers_are_one_list() -> None:
    store = WindowStore(1.0)
    key = ("GET", "/", "HTTP 503")
    for worker, n, first in (("a", 1, 10.0), ("b", 2, 5.0), ("b", 3, 5.0)):
        store.put_failures(worker, wire.encode_failures({key: wire.Failure(n, first, first + 1, worker)}, 200, 0.0))
    (failure,) = store.failures()
    assert failure == {
        "method": "GET",
        "name": "/",
        "kind": "HTTP 503",
        "n": 4,
        "first": 5.0,
        "last": 11.0,
        "sample": "a",
    }
    many = {("GET", f"/{number}", "HTTP 500"): wire.Failure(number, 0, 0, "") for number in range(400)}
    store.put_failures("c", wire.encode_failures(many, 400, 0.0))
    assert len(store.failures()) == protocol.MAX_FAILURES
    assert store.failures()[0]["n"] == 399


def test_the_masters_endpoints_are_capped_too() -> None:
    store = WindowStore(1.0)
    for worker in "ab":
        cells = {("GET", f"/{worker}{number}"): wire.Cell() for number in range(protocol.MAX_ENDPOINTS)}
        for cell in cells.values():
            cell.n = 1
        store.put(worker, 0, wire.encode(wire.Window(1.0, wire.Health(), cells)))
    (window,) = page(store)
    assert len(window["endpoints"]) == protocol.MAX_ENDPOINTS + 1
    assert sum(one["n"] for one in window["endpoints"]) == 2 * protocol.MAX_ENDPOINTS == store.requests


def paced(*turns: float) -> bytes:
    found = wire.Pacing()
    for one in turns:
        found.count(one)
    return wire.encode(wire.Window(1.0, pacing=found))


def test_late_iterations_of_all_workers_are_added_up() -> None:
    store = WindowStore(1.0)
    store.put("a", 0, paced(*[0.0] * 97, 0.5))
    store.put("b", 0, paced(0.25, 2.0))
    store.put("c", 0, blob(1))
    (window,) = page(store)
    assert window["pacing"] == {"n": 100, "missed": 2.75, "late": {"57": 1, "65": 1, "79": 1}}
    recent = store.recent({"a", "b", "c"}).pacing
    assert recent is not None
    assert json.loads(json.dumps(recent.to_json())) == window["pacing"]


def test_a_script_without_a_pacing_says_so() -> None:
    store = WindowStore(1.0)
    store.put("a", 0, blob(1))
    assert page(store)[0]["pacing"] is None
    assert store.recent({"a"}).pacing is None
