"""The Prometheus text: it parses, stays small, and its counters never fall."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loadtest_agent import histogram, metrics, wire
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMON = {"test": 'che"ck\\out\n', "namespace": "shop"}


def cell(n: int, errors: int = 0, latency_us: float = 30000.0) -> wire.Cell:
    one = wire.Cell()
    one.n, one.errors = n, errors
    one.hist = {histogram.bucket(latency_us): n - errors}
    one.total_us = (n - errors) * latency_us
    return one


def samples(lines: Iterable[str]) -> dict[str, float]:
    text = "\n".join(lines) + "\n"
    assert re.search(r"\n\n", text) is None
    return {
        f"{sample.name} {sample.labels.get('method', '')} {sample.labels.get('endpoint', '')} "
        f"{sample.labels.get('outcome', '')}{sample.labels.get('le', '')}".strip(): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_and_latencies() -> None:
    found = samples(metrics.Counters().lines({("GET", "/"): cell(10, 2)}, **COMMON))
    assert found["loadtest_requests_total GET / ok"] == 8
    assert found["loadtest_requests_total GET / failed"] == 2
    assert found["loadtest_request_duration_seconds_bucket GET / 0.025"] == 0
    assert found["loadtest_request_duration_seconds_bucket GET / 0.05"] == 8
    assert found["loadtest_request_duration_seconds_bucket GET / +Inf"] == 8
    assert found["loadtest_request_duration_seconds_count GET /"] == 8
    assert abs(found["loadtest_request_duration_seconds_sum GET /"] - 0.24) < 1e-6


def test_labels_are_escaped() -> None:
    text = "\n".join(metrics.Counters().lines({("GET", 'a"b\\c\nd'): cell(1)}, **COMMON)) + "\n"
    (family,) = [one for one in text_string_to_metric_families(text) if one.type == "counter"]
    assert family.samples[0].labels["endpoint"] == 'a"b\\c\nd'
    assert family.samples[0].labels["test"] == COMMON["test"]


def test_counters_do_not_fall_when_a_window_is_replaced() -> None:
    counters = metrics.Counters()
    before = samples(counters.lines({("GET", "/"): cell(10)}, **COMMON))
    after = samples(counters.lines({("GET", "/"): cell(7)}, **COMMON))
    assert before == after
    later = samples(counters.lines({("GET", "/"): cell(11, latency_us=9e6)}, **COMMON))
    assert all(later[name] >= value for name, value in before.items())


def test_at_most_two_thousand_series() -> None:
    totals = {("GET", f"/{number}"): cell(1) for number in range(500)} | {("POST", "/0"): cell(1)}
    found = samples(metrics.Counters().lines(totals, **COMMON))
    assert len(found) <= 1900  # the gauges are a dozen
    assert found["loadtest_requests_total  other ok"] == 451
    endpoints = {name.split(" ", 1)[1] for name in found if name.startswith("loadtest_request_duration_seconds_count")}
    assert len(endpoints) == metrics.MAX_ENDPOINTS + 1


def test_a_gauge() -> None:
    lines = metrics.gauge("loadtest_users", "Users.", {metrics.labels(state="running"): 5.0})
    assert list(lines) == [
        "# HELP loadtest_users Users.",
        "# TYPE loadtest_users gauge",
        'loadtest_users{state="running"} 5',
    ]
