"""Buckets, the recorder's windows, the outbox, and the failures' names."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_agent import failures, histogram, protocol, wire
from loadtest_agent.recorder import Recorder

LATENCIES = st.floats(min_value=0.0, max_value=1e7, allow_nan=False)  # milliseconds


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def recorder(window: float = 1.0) -> tuple[Recorder, Clock]:
    clock = Clock()
    one = Recorder(window, clock=clock)
    one.start(clock.now)
    return one, clock


def only(window: wire.Window) -> wire.Cell:
    (cell,) = window.cells.values()
    return cell


@given(st.floats(min_value=1.0, max_value=1e11))
def test_a_bucket_is_the_floor_of_the_logarithm(latency_us: float) -> None:
    assert histogram.bucket(latency_us) == max(0, math.floor(math.log(latency_us) / math.log(1.02)))
    assert histogram.centre_seconds(histogram.bucket(latency_us)) * 1e6 == pytest.approx(latency_us, rel=0.01)


@given(LATENCIES)
def test_the_recorder_uses_the_same_buckets(milliseconds: float) -> None:
    one, _ = recorder()
    one.on_request("GET", "/", milliseconds)
    one.on_request("GET", "/", milliseconds, exception=OSError(), response=SimpleNamespace(status_code=500))
    one.finish()
    cell = only(one.closed[0][1])
    assert cell.hist == cell.fail_hist == {histogram.bucket(milliseconds * 1000.0): 1}
    assert cell.peak_us == milliseconds * 1000.0


@pytest.mark.parametrize("latency", [None, math.nan, math.inf, -1.0])
def test_a_latency_that_is_none_is_counted_in_no_histogram(latency: float | None) -> None:
    one, _ = recorder()
    one.on_request("GET", "/", latency)
    one.on_request("GET", "/", latency, exception=OSError(), response=SimpleNamespace(status_code=500))
    one.finish()
    cell = only(one.closed[0][1])
    assert (cell.n, cell.errors, cell.hist, cell.fail_hist, cell.total_us) == (2, 1, {}, {}, 0.0)


@given(st.lists(st.tuples(st.floats(0, 4.99), st.sampled_from(["/a", "/b"]), st.booleans()), max_size=60))
def test_every_request_is_in_the_window_of_its_end(requests: list[tuple[float, str, bool]]) -> None:
    one, clock = recorder()
    for at, name, fails in sorted(requests):
        clock.now = 1000.0 + at
        one.on_request("GET", name, 1.0, exception=ValueError() if fails else None)
    clock.now = 1005.5
    one.finish()
    windows = dict(one.closed)
    assert sorted(windows) == list(range(6))
    for w, window in windows.items():
        here = [(name, fails) for at, name, fails in requests if int(at) == w]
        assert sum(cell.n for cell in window.cells.values()) == len(here)
        assert sum(cell.errors for cell in window.cells.values()) == sum(fails for _, fails in here)
    assert windows[5].covered == pytest.approx(0.5)


def test_nothing_before_the_start_counts() -> None:
    one = Recorder(1.0, clock=Clock())
    one.on_request("GET", "/", 1.0, exception=ValueError())
    one.start(1000.0)
    one.finish()
    assert one.closed[0][1].cells == {}
    assert one.failures == {}


def test_a_worker_that_joins_late_keeps_what_it_counted() -> None:
    one = Recorder(1.0, clock=Clock())
    one.on_request("GET", "/", 1.0)
    one.start(990.5, late=True)
    one.finish()
    ((w, window),) = one.closed
    assert (w, only(window).n) == (9, 1)


def test_endpoints_without_end_become_one() -> None:
    one, _ = recorder()
    for number in range(3 * protocol.MAX_ENDPOINTS):
        one.on_request("GET", f"/{number}", 1.0, exception=OSError())
    one.finish()
    cells = one.closed[0][1].cells
    assert len(cells) == protocol.MAX_ENDPOINTS + 1
    assert cells["", "other"].n == 2 * protocol.MAX_ENDPOINTS
    assert len(one.failures) <= 2 * protocol.MAX_FAILURES + 1
    assert sum(one.n for one in one.failures.values()) == 3 * protocol.MAX_ENDPOINTS


@given(st.dictionaries(st.tuples(st.text(), st.text()), st.lists(LATENCIES, max_size=5), max_size=5))
def test_a_window_survives_the_way_to_the_master(cells: dict[tuple[str, str], list[float]]) -> None:
    window = wire.Window(0.5, wire.Health(3, 0.5, 0.01))
    for endpoint, latencies in cells.items():
        cell = window.cells[endpoint] = wire.Cell()
        cell.n = len(latencies) + 1
        cell.errors = 1
        for latency in latencies:
            histogram.add(cell.hist, {histogram.bucket(latency): 1})
    read = wire.decode(wire.encode(window))
    assert (read.covered, read.health) == (window.covered, window.health)
    assert {key: (cell.n, cell.errors, cell.hist) for key, cell in read.cells.items()} == {
        key: (cell.n, cell.errors, cell.hist) for key, cell in window.cells.items()
    }


class NetworkError(ConnectionRefusedError):
    pass


@pytest.mark.parametrize(
    ("exception", "status", "kind"),
    [
        (OSError("x"), 503, "HTTP 503"),
        (NetworkError("[Errno 111] refused: http://user:pw@shop/?t=1"), 0, "NetworkError"),
        (ValueError("no price in  answer"), 200, "ValueError: no price in answer"),
        (failures.Unexpected("HTTP 200, expected 201"), 200, "HTTP 200, expected 201"),
        ("a plain text", None, "a plain text"),
        (AssertionError(), 200, "AssertionError"),
    ],
)
def test_kinds(exception: object, status: int | None, kind: str) -> None:
    assert failures.kind_of(exception, status) == kind


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("url: http://me:s3cret@shop/cart?token=abc&x=1 bad", "url: http://shop/cart bad"),
        ("Authorization: Bearer abc.def.ghi was refused", "Authorization *** was refused"),
        ("password=hunter2, user=me", "password ***, user=me"),
        ("what? nothing", "what? nothing"),
        ("{'api_key': 'k-123', 'a': 1}", "{'api_key ***', 'a': 1}"),
    ],
)
def test_samples_hold_no_secrets(text: str, cleaned: str) -> None:
    assert failures.clean(text) == cleaned
    assert len(failures.sample_of("x" * 1000)) == failures.SAMPLE_LENGTH


@pytest.mark.parametrize(
    ("response", "answered"),
    [
        (SimpleNamespace(status_code=500), True),
        (SimpleNamespace(status_code=0), False),
        (None, False),
        (SimpleNamespace(), True),
    ],
)
def test_only_answered_failures_have_a_latency(response: Any, answered: bool) -> None:
    one, _ = recorder()
    one.on_request("GET", "/", 10.0, exception=OSError(), response=response)
    one.finish()
    assert bool(only(one.closed[0][1]).fail_hist) is answered
