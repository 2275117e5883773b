"""Figures: which windows count, and what comes out of them."""

import gzip
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model.phases import Metric
from loadtest_operator.verdict.numbers import Judged, judged, pool, summarise

from tests.unit.verdict.records import RUNS, cell, real, record_of, steady, window


def test_only_windows_wholly_after_warmup_and_wholly_inside_the_run_count():
    windows = [window(w, cell(latencies=[0.1] * 10 ** min(w, 2))) for w in range(6)]
    found = summarise(record_of(*windows, duration_s=5.5, warmup_s=2.5))
    assert (found.judged.first, found.judged.end, found.judged.seconds) == (3, 5, 2.0)
    assert found.total.requests == 200
    assert found.total.rps == 100.0


def test_warmup_may_leave_nothing_and_says_so():
    found = summarise(steady(5, duration_s=5, warmup_s=4.5))
    assert not found.judged
    assert found.endpoints == {}
    assert found.total.requests == 0
    assert [found.total.value(metric) for metric in Metric] == [None] * len(Metric)


def test_seconds_without_requests_count_as_time():
    found = summarise(record_of(window(0, cell(latencies=[0.1] * 30)), window(1), window(2)))
    assert found.total.rps == 10.0


def test_windows_of_ten_seconds_are_counted_in_seconds():
    found = summarise(steady(36, duration_s=360, warmup_s=60, window_s=10))
    assert (found.judged.first, found.judged.end, found.judged.seconds) == (6, 36, 300)
    assert found.total.rps == 0.1


def test_latencies_are_of_successes_and_errors_of_all():
    found = summarise(steady(10, cell(latencies=[0.1] * 8, failed=[30.0], unanswered=1))).total
    assert (found.requests, found.failures, found.error_rate) == (100, 20, 0.2)
    assert found.value(Metric.P999) == pytest.approx(0.1, rel=0.02)
    assert found.value(Metric.MAX) == 0.1
    assert found.value(Metric.MEAN) == pytest.approx(0.1)


def test_without_a_success_there_is_no_latency_but_an_error_rate():
    found = summarise(steady(10, cell(latencies=[], failed=[0.1] * 5))).total
    assert found.value(Metric.P95) is None
    assert found.value(Metric.MAX) is None
    assert found.value(Metric.MEAN) is None
    assert found.value(Metric.ERROR_RATE) == 1.0


def test_no_quantile_is_beyond_the_slowest_request():
    found = summarise(steady(1, cell(latencies=[0.1001]))).total
    assert found.value(Metric.P999) == pytest.approx(0.1001, rel=1e-4)
    assert found.value(Metric.P999) <= found.value(Metric.MAX) == 0.1001


def test_a_record_without_exact_sums_takes_mean_and_maximum_from_the_histogram():
    total = summarise(real()).total
    assert total.sum_s is None
    assert total.value(Metric.MEAN) == pytest.approx(0.0238, rel=0.01)
    assert total.value(Metric.MAX) >= total.value(Metric.P999)


def test_the_total_pools_the_requests_of_all_endpoints():
    found = summarise(steady(10, cell("GET /a", [0.1] * 3), cell("GET /b", [0.2])))
    assert found.total.requests == 40
    assert found.total.value(Metric.P50) == pytest.approx(0.1, rel=0.02)
    assert found.total.value(Metric.P95) == pytest.approx(0.2, rel=0.02)
    assert found.total.value(Metric.MAX) == 0.2


def test_an_endpoint_seen_in_warmup_alone_is_left_out():
    found = summarise(record_of(window(0, cell("POST /login"), cell()), window(1, cell()), warmup_s=1))
    assert list(found.endpoints) == [("GET", "/search")]


def test_a_part_of_the_run_has_figures_of_its_own():
    record = record_of(*(window(w, cell(latencies=[0.1 if w < 5 else 0.4])) for w in range(10)))
    part = judged(record).between(4.5, 9)
    assert (part.first, part.end) == (5, 9)
    assert summarise(record, part).total.value(Metric.P50) == pytest.approx(0.4, rel=0.02)


@given(st.floats(0, 3600), st.floats(1, 3600), st.integers(1, 10))
def test_judged_windows_lie_between_warmup_and_end(warmup, duration, window_s):
    found = judged(record_of(warmup_s=warmup, duration_s=duration, window_s=window_s))
    if found:
        assert found.first * window_s >= warmup - 1e-5
        assert found.end * window_s <= duration + 1e-5
    assert found.seconds <= max(0.0, duration - warmup) + 1e-5
    assert found.seconds > duration - warmup - 2 * window_s


def test_floating_point_does_not_lose_a_window():
    found = judged(record_of(duration_s=0.1 * 3 * 1000, warmup_s=60.000000001))
    assert found == Judged(60, 300, 1)


def test_the_real_run_has_the_figures_that_its_raw_histograms_have():
    raw = json.loads(gzip.decompress((RUNS / "unchanged.json.gz").read_bytes()))
    numbers = summarise(real())
    for endpoint in raw["endpoints"]:
        cells = [one for one in endpoint["windows"] if 3 <= one["w"] < 24]
        lows = sorted(int(b) for one in cells for b, n in one["hist"].items() for _ in range(n))
        figures = numbers.endpoints[endpoint["method"], endpoint["name"]]
        assert figures.requests == sum(one["n"] for one in cells)
        assert figures.rps == pytest.approx(figures.requests / 21)
        for metric in (Metric.P50, Metric.P95, Metric.P99):
            exact = lows[math.ceil(metric.quantile * len(lows)) - 1]
            assert 1.02**exact * 1e-6 <= figures.value(metric) * 1.000001 <= 1.02 ** (exact + 1) * 1.00001e-6
    assert numbers.total.rps == pytest.approx(480, rel=0.1)


def test_nothing_pooled_is_nothing():
    nothing = pool([], seconds=10)
    assert (nothing.requests, nothing.error_rate, nothing.max, nothing.rps) == (0, None, None, 0.0)
