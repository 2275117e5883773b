"""Fingerprints: what they keep of a run, and that they stay small."""

import json
import math

import pytest
from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.fingerprint import Fingerprint, fingerprint
from loadtest_operator.verdict.numbers import summarise
from loadtest_operator.verdict.reading import BadInputError

from tests.unit.verdict.prints import large_record
from tests.unit.verdict.records import cell, real, record_of, steady, window


def test_its_quantiles_are_those_of_the_judged_windows():
    record = real()
    found, numbers = fingerprint(record), summarise(record)
    assert set(found.endpoints) == set(numbers.endpoints)
    for key, figures in [*numbers.endpoints.items(), ((), numbers.total)]:
        traits = found.endpoints.get(key, found.total)
        assert (traits.requests, traits.failures) == (figures.requests, figures.failures)
        exact = histogram.quantiles(figures.hist, [0.5, 0.95, 0.99])
        assert [math.exp(y) / 1e6 for y in traits.y] == pytest.approx(exact, rel=1e-5)
        assert histogram.unpack(traits.hist) == figures.hist


def test_the_same_record_always_gives_the_same_fingerprint_stored_or_fresh():
    found = fingerprint(real())
    assert found == fingerprint(real())
    assert Fingerprint.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_fifty_endpoints_of_an_hour_take_less_than_32_kb():
    record = large_record(endpoints=50, windows=36, requests=2000)  # 72,000 requests each: 1000 per second for an hour
    size = len(json.dumps(fingerprint(record).to_json(), separators=(",", ":")))
    assert size <= 32 * 1024, f"{size} bytes"


def test_without_enough_successes_there_are_counts_but_no_quantiles():
    found = fingerprint(steady(10, cell(latencies=[], unanswered=3), cell("GET /rare")))
    failing, rare = found.endpoints["GET", "/search"], found.endpoints["GET", "/rare"]
    assert (failing.requests, failing.failures, failing.y) == (30, 30, ())
    assert (rare.requests, rare.y, rare.w) == (10, (), ())


def test_a_run_without_judged_windows_has_a_fingerprint_too():
    found = fingerprint(record_of(window(0, cell()), duration_s=1, warmup_s=5))
    assert (found.total.requests, found.endpoints) == (0, {})
    assert Fingerprint.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "loadtest.dev/run/v1"}, "not a fingerprint"),
        ({"hists": "%%%"}, "cannot be read"),
        ({"hists": None}, "no hists"),
        ({"total": {"requests": 5, "failures": 9, "w_errors": 0.1}}, "9 failures"),
        ({"total": {"requests": 5, "failures": 1, "w_errors": 0.1, "y": [1.0], "w": [1.0]}}, "1 quantiles"),
        ({"total": {"requests": 5, "failures": 1, "w_errors": 0.1, "y": "x"}}, "a list of numbers"),
    ],
)
def test_what_is_no_fingerprint_is_refused_with_a_reason(change, says):
    with pytest.raises(BadInputError, match=says):
        Fingerprint.from_json({**fingerprint(real()).to_json(), **change})
