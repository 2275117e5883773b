"""Histograms: quantiles as exact as the buckets are wide, merging, the packed form."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import histogram

LATENCIES = st.lists(st.floats(2e-6, 600), min_size=1, max_size=300)
SHARES = st.floats(0.001, 1)
HISTOGRAMS = st.dictionaries(st.integers(0, histogram.MAX_BUCKET), st.integers(1, 10**9), max_size=80)


def of(latencies):
    return histogram.merge({histogram.bucket(one): 1} for one in latencies)


def exact(latencies, share):
    """The smallest latency that at least this share of the requests does not exceed."""
    return sorted(latencies)[math.ceil(share * len(latencies)) - 1]


@given(LATENCIES, SHARES)
def test_a_quantile_lies_in_the_bucket_of_the_exact_one(latencies, share):
    found = histogram.quantile(of(latencies), share)
    assert found == pytest.approx(exact(latencies, share), rel=0.0201)


@pytest.mark.parametrize("share", [0.5, 0.75, 0.9, 0.95, 0.99])
def test_with_many_requests_a_quantile_is_within_one_percent(share):
    latencies = [random.Random(n).lognormvariate(math.log(0.05), 0.5) for n in range(10_000)]
    assert histogram.quantile(of(latencies), share) == pytest.approx(exact(latencies, share), rel=0.01)


def test_inside_a_bucket_requests_are_spread_evenly_on_the_logarithmic_axis():
    assert histogram.quantile({412: 4}, 0.5) == pytest.approx(1.02**412.5 * 1e-6)
    assert histogram.quantile({412: 4}, 1.0) == pytest.approx(1.02**413 * 1e-6)
    assert histogram.positions({412: 4, 500: 4}, [0.25, 0.75]) == [412.5, 500.5]


@given(HISTOGRAMS.filter(bool), st.lists(SHARES, min_size=2, max_size=5))
def test_a_higher_share_is_never_a_lower_latency(hist, shares):
    found = histogram.quantiles(hist, sorted(shares))
    assert found == sorted(found)


@given(HISTOGRAMS.filter(bool), st.lists(SHARES, max_size=5))
def test_quantiles_come_in_the_order_they_were_asked_for(hist, shares):
    assert histogram.quantiles(hist, shares) == [histogram.quantile(hist, share) for share in shares]


def test_without_requests_there_is_no_latency():
    assert histogram.quantiles({}, [0.5, 0.95]) == [None, None]
    assert histogram.quantile({412: 0}, 0.5) is None
    assert histogram.mean({}) is None
    assert histogram.top({}) is None


@given(LATENCIES)
def test_the_mean_is_within_a_bucket_of_the_exact_one(latencies):
    assert histogram.mean(of(latencies)) == pytest.approx(math.fsum(latencies) / len(latencies), rel=0.0201)


@given(LATENCIES)
def test_no_request_is_slower_than_the_top(latencies):
    assert max(latencies) <= histogram.top(of(latencies)) * (1 + 1e-12)


@given(st.floats(0, 1e9))
def test_every_latency_has_a_bucket_that_holds_it(seconds):
    b = histogram.bucket(seconds)
    assert 0 <= b <= histogram.MAX_BUCKET
    if 2e-6 < seconds < 1e6:
        assert histogram.value(b) <= seconds * (1 + 1e-9)
        assert seconds <= histogram.value(b + 1) * (1 + 1e-9)


@given(LATENCIES, LATENCIES)
def test_merging_is_measuring_together(some, others):
    assert histogram.merge([of(some), of(others)]) == of(some + others)


@given(HISTOGRAMS)
def test_packing_loses_nothing(hist):
    assert histogram.unpack(histogram.pack(hist)) == hist


@given(st.lists(HISTOGRAMS, max_size=5))
def test_packed_histograms_merge_like_others(several):
    assert histogram.merge_packed(map(histogram.pack, several)) == histogram.merge(several)


def test_a_packed_histogram_takes_two_bytes_for_a_bucket():
    assert len(histogram.pack({400 + b: 5 for b in range(0, 100, 2)})) == 2 + 99
    assert histogram.pack({412: 0}) == b""


def test_half_a_number_is_refused():
    with pytest.raises(ValueError, match="middle"):
        histogram.unpack(histogram.pack({400: 300})[:-1])
