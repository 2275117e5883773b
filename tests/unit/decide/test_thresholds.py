"""Thresholds: which figure each one looks at, and what no data means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.decide.thresholds import evaluate
from loadtest_operator.model.phases import Metric, ThresholdResult
from loadtest_operator.model.thresholds import Threshold
from loadtest_operator.verdict.numbers import summarise

from tests.unit.verdict.records import cell, steady

NUMBERS = summarise(
    steady(
        10,
        cell("GET /items/1", [0.1] * 19),
        cell("GET /items/2", [0.4]),
        cell("POST /orders", [0.2] * 9, failed=[0.01]),
        cell("GET /orders", [0.05] * 10),
        cell("GET /blog/[slug]?page=1", [0.3]),
        cell("DELETE /orders", [], unanswered=1),
    )
)


def threshold(metric="p95", **fields):
    return Threshold.model_validate({"metric": Metric(metric), **fields})


def check(numbers=NUMBERS, **fields):
    [found] = evaluate([threshold(**fields)], numbers)
    return found


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"metric": "rps", "fail": "1/s"}, 42.0),
        ({"metric": "errorRate", "fail": "1%"}, 20 / 420),
        ({"metric": "max", "fail": "1s"}, 0.4),
        ({"endpoint": "POST /orders", "fail": "1s"}, 0.2),
        ({"endpoint": "POST /orders", "metric": "errorRate", "fail": "1%"}, 0.1),
        ({"endpoint": "/orders", "metric": "rps", "fail": "1/s"}, 21.0),
        ({"endpoint": "/items/*", "metric": "rps", "fail": "1/s"}, 20.0),
        ({"endpoint": "GET /items/*", "metric": "max", "fail": "1s"}, 0.4),
        ({"endpoint": "GET *", "metric": "rps", "fail": "1/s"}, 31.0),
        ({"endpoint": "*", "metric": "rps", "fail": "1/s"}, 42.0),
        ({"endpoint": "/blog/[slug]?page=1", "metric": "max", "fail": "1s"}, 0.3),
        ({"endpoint": "/blog/[slug]*", "metric": "max", "fail": "1s"}, 0.3),
    ],
)
def test_each_threshold_looks_at_its_own_figure(fields, value):
    assert check(**fields).value == pytest.approx(value, rel=0.021)


def test_a_pattern_pools_the_requests_that_it_matches():
    assert check(endpoint="/items/*", metric="p50", fail="1s").value == pytest.approx(0.1, rel=0.02)
    assert check(endpoint="/items/*", metric="p99", fail="1s").value == pytest.approx(0.4, rel=0.02)


@pytest.mark.parametrize("endpoint", ["/nowhere", "PUT /orders", "/items/?", "/items/[12]", "orders", "/ORDERS"])
def test_an_endpoint_that_nobody_asked_is_unknown(endpoint):
    found = check(endpoint=endpoint, fail="1s")
    assert (found.result, found.value) == (ThresholdResult.UNKNOWN, None)
    assert found.why_unknown == "no request was made there after warm-up"


def test_a_latency_without_a_success_is_unknown():
    found = check(endpoint="DELETE /orders", fail="1s")
    assert found.result is ThresholdResult.UNKNOWN
    assert found.why_unknown == "no request succeeded"


@pytest.mark.parametrize("metric", [metric for metric in Metric if metric not in {Metric.DRIFT, Metric.RECOVERY}])
def test_without_any_request_nothing_passes(metric):
    limit = {Metric.ERROR_RATE: "1%", Metric.RPS: "1/s"}.get(metric, "1s")
    nothing = summarise(steady(10, cell("GET /", [])))
    assert check(nothing, metric=metric, fail=limit).result is ThresholdResult.UNKNOWN


@pytest.mark.parametrize("fields", [{"stage": "spike"}, {"slice": "5m"}, {"metric": "drift", "fail": "20%"}])
def test_what_cannot_be_measured_yet_is_unknown(fields):
    assert check(**({"fail": "1s"} | fields)).result is ThresholdResult.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"metric": "errorRate", "fail": "10%"}, "Passed"),
        ({"metric": "errorRate", "fail": "9.9%"}, "Failed"),
        ({"metric": "errorRate", "warn": "9.9%", "fail": "20%"}, "Warning"),
        ({"metric": "errorRate", "warn": "9.9%"}, "Warning"),
        ({"metric": "errorRate", "warn": "1%", "fail": "2%"}, "Failed"),
        ({"metric": "rps", "fail": "10/s"}, "Passed"),
        ({"metric": "rps", "fail": "11/s"}, "Failed"),
        ({"metric": "rps", "warn": "11/s", "fail": "5/s"}, "Warning"),
        ({"metric": "rps", "fail": "601/m"}, "Failed"),
        ({"metric": "max", "fail": "200ms"}, "Passed"),
        ({"metric": "max", "fail": "199.999ms"}, "Failed"),
    ],
)
def test_exactly_at_the_limit_is_within_it(fields, result):
    assert check(endpoint="POST /orders", **fields).result == ThresholdResult(result)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_stricter_limit_is_never_easier_to_pass(some, others):
    strict, loose = sorted([some, others])
    results = [check(metric="p99", fail=f"{limit}ms").result for limit in (strict, loose)]
    assert results != [ThresholdResult.PASSED, ThresholdResult.FAILED]


def test_results_keep_the_order_of_the_spec():
    several = [threshold(fail="1s"), threshold("rps", fail="1/s"), threshold("p50", fail="1ms")]
    assert [one.threshold for one in evaluate(several, NUMBERS)] == several


def test_the_limit_that_was_crossed_is_told():
    assert check(metric="errorRate", warn="1%", fail="2%").limit == 0.02
    assert check(metric="errorRate", warn="1%", fail="20%").limit == 0.01
    assert check(metric="errorRate", fail="20%").limit is None
