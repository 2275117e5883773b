"""What a run says about its own sampling error: beside a bootstrap over its windows, and where the answer is known."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import histogram, sampling
from loadtest_operator.verdict.fingerprint import SHARES

from tests.unit.verdict.records import real

HISTOGRAMS = st.dictionaries(st.integers(0, histogram.MAX_BUCKET), st.integers(1, 1000), min_size=1, max_size=60)


def bootstrapped(windows, length, replicates, seed):
    """The standard deviations of the logarithmic quantiles over runs put together from blocks of this run's windows."""
    draw = random.Random(seed)
    starts = range(len(windows) - length + 1)
    found = []
    for _ in range(replicates):
        chosen = [start + at for start in draw.choices(starts, k=len(windows) // length) for at in range(length)]
        found.append(histogram.positions(histogram.merge(windows[w] for w in chosen), SHARES))
    return [statistics.stdev(column) * histogram.LN_WIDTH for column in zip(*found, strict=True)]


def estimated(windows, length):
    merged = histogram.merge(windows)
    positions = histogram.positions(merged, SHARES)
    cells = [sampling.below(histogram.pack(one), positions) for one in windows]
    errors = []
    for at, share in enumerate(SHARES):
        deviations = [faster[at] - share * n for n, faster in cells]
        share_error = sampling.sum_error(deviations, length) / histogram.count(merged)
        errors.append(sampling.quantile_error(merged, share, share_error))
    return errors


def restless(seed, seconds=300):
    """Windows of a service whose level wanders: neighbours resemble each other."""
    draw = random.Random(seed)
    level, windows = 0.0, []
    for _ in range(seconds):
        level = 0.8 * level + draw.gauss(0, 0.05)
        latencies = [0.05 * math.exp(level + draw.gauss(0, 0.4)) for _ in range(draw.randint(10, 30))]
        windows.append(histogram.merge({histogram.bucket(one): 1} for one in latencies))
    return windows


def real_windows():
    for name in ("unchanged", "slower"):
        for endpoint in real(name).endpoints:
            yield [histogram.unpack(cell.hist) for cell in endpoint.cells if cell.w >= 3]


def ratios(runs, replicates):
    """Estimate through bootstrap, for p50 and p95."""
    for seed, windows in enumerate(runs):
        length = sampling.block(len(windows), 1.0)
        pairs = zip(estimated(windows, length), bootstrapped(windows, length, replicates, seed), strict=True)
        yield [one / other for one, other in list(pairs)[:2]]


def test_the_estimate_agrees_with_a_block_bootstrap_within_ten_percent():
    found = [*ratios([restless(seed, 200) for seed in range(3)], 400), *ratios(real_windows(), 400)]
    for column in zip(*found, strict=True):  # p50, p95
        assert statistics.median(column) == pytest.approx(1, abs=0.1)
        # A single run can be further off: the bootstrap itself is a random number, and 24 s hold few slow requests.
        assert all(0.7 < one < 1.4 for one in column)


def test_independent_requests_have_the_textbook_error():
    draw = random.Random(5)
    windows = [histogram.merge({round(draw.gauss(500, 25)): 1} for _ in range(40)) for _ in range(1000)]
    median_error = math.sqrt(math.pi / 2) * 25 * histogram.LN_WIDTH / math.sqrt(40_000)
    assert estimated(windows, 3)[0] == pytest.approx(median_error, rel=0.1)


@given(HISTOGRAMS, st.lists(st.floats(0, histogram.MAX_BUCKET + 1), max_size=6))
def test_what_lies_below_a_position_is_counted_bucket_by_bucket(hist, positions):
    n, found = sampling.below(histogram.pack(hist), positions)
    assert n == histogram.count(hist)
    for position, faster in zip(positions, found, strict=True):
        by_hand = sum(count * min(1.0, max(0.0, position - b)) for b, count in hist.items())
        assert faster == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("windows", "window_s", "expected"), [(300, 1, 3), (300, 0.5, 6), (360, 10, 3), (5, 1, 2), (1, 1, 1), (0, 1, 1)]
)
def test_a_block_is_three_windows_and_three_seconds_but_never_more_than_half_a_run(windows, window_s, expected):
    assert sampling.block(windows, window_s) == expected


def test_windows_that_move_together_make_a_sum_less_certain():
    apart = [1.0, -1.0] * 60
    together = ([1.0] * 6 + [-1.0] * 6) * 10
    assert sampling.sum_error(apart, 4) < 0.5 < sampling.sum_error(together, 3)


def test_failures_in_bursts_make_an_error_rate_less_certain():
    scattered = [(10, 1)] * 120
    in_one_burst = [(10, 10 if 50 <= at < 62 else 0) for at in range(120)]
    assert sampling.log_odds_error(scattered, 3) == pytest.approx(math.sqrt(1 / 120.5 + 1 / 1080.5))
    assert sampling.log_odds_error(in_one_burst, 3) > 3 * sampling.log_odds_error(scattered, 3)
    assert sampling.log_odds_error([(10, 0)] * 120, 3) == pytest.approx(math.sqrt(2 + 1 / 1200.5))
