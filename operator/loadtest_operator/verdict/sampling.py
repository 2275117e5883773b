"""How far the numbers of one run could be off by chance alone, given how its windows differ from each other.

Neighbouring windows resemble each other, so blocks of windows are compared, not windows. This is what a moving-block
bootstrap converges to, without its replicates.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.histogram import Histogram

_BLOCK_WINDOWS = 3
_BLOCK_S = 3.0


def block(windows: int, window_s: float) -> int:
    """How many windows make a block: 3, and at least 3 s, but never more than half of the run."""
    wanted = max(_BLOCK_WINDOWS, math.ceil(_BLOCK_S / window_s))
    return max(1, min(wanted, windows // 2))


def below(packed: bytes, positions: Sequence[float]) -> tuple[int, list[float]]:
    """How many requests a packed histogram holds, and how many of them lie below positions on the bucket axis."""
    flat = histogram.unpack_numbers(packed)
    buckets = list(accumulate(flat[0::2]))
    sums = [0, *accumulate(flat[1::2])]
    found = []
    for position in positions:
        b = int(position)
        at = bisect_left(buckets, b)
        inside = (position - b) * (sums[at + 1] - sums[at]) if at < len(buckets) and buckets[at] == b else 0.0
        found.append(sums[at] + inside)
    return sums[-1], found


def sum_error(deviations: Sequence[float], length: int) -> float:
    """The standard error of a sum over windows, from the sums of all blocks of this length."""
    ends = [0.0, *accumulate(deviations)]
    blocks = [after - before for before, after in zip(ends, ends[length:], strict=False)]
    centre = math.fsum(blocks) / len(blocks)
    variance = math.fsum((one - centre) ** 2 for one in blocks) / len(blocks)
    return math.sqrt(variance * len(deviations) / length)


def quantile_error(hist: Histogram, share: float, share_error: float) -> float:
    """The standard error of a logarithmic quantile, when the share of requests below it is known this well."""
    shares = [max(0.0, share - share_error), min(1.0, share + share_error)]
    low, high = histogram.positions(hist, shares)
    return 0.0 if low is None or high is None else 0.5 * (high - low) * histogram.LN_WIDTH


def log_odds_error(windows: Sequence[tuple[int, int]], length: int) -> float:
    """The standard error of the log-odds of failure, from requests and failures per window.

    Never below that of independent requests; above it when failures come in bursts.
    """
    requests, failures = sum(n for n, _ in windows), sum(errors for _, errors in windows)
    independent = math.sqrt(1 / (failures + 0.5) + 1 / (requests - failures + 0.5))
    if not 0 < failures < requests:
        return independent
    rate = failures / requests
    bursts = sum_error([errors - rate * n for n, errors in windows], length)
    return independent * max(1.0, bursts / math.sqrt(requests * rate * (1 - rate)))
