"""What a run says about its own sampling error: beside a bootstrap over its windows, and where that has an exact answer."""

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
    found = [*ratios(map(restless, range(6)), 400), *ratios(real_windows(), 800)]
    for metric, column in zip(("p50", "p95"), zip(*found, strict=True), strict=True):
        print(f"{metric}: estimate / bootstrap: median {statistics.median(column):.3f}, {min(column):.2f} to {max(column):.2f}")
        assert statistics.median(column) == pytest.approx(1, abs=0.1)
        assert all(0.7 < one < 1.4 for one in column)
