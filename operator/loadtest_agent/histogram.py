"""Latency buckets one can add up: bucket b holds latencies from 1.02**b microseconds on; pure arithmetic."""

from __future__ import annotations

import math

GROWTH = 1.02
LN_GROWTH = math.log(GROWTH)

Histogram = dict[int, int]


def bucket(latency_us: float) -> int:
    """floor(ln(us) / ln 1.02), and 0 for what is faster than a microsecond."""
    return int(math.log(latency_us) / LN_GROWTH) if latency_us > 1.0 else 0


def centre_seconds(index: int) -> float:
    """The middle of a bucket on the logarithmic scale: every latency in it is within 1 % of this."""
    return math.exp((index + 0.5) * LN_GROWTH) / 1e6


def quantile_seconds(histogram: Histogram, share: float) -> float | None:
    """The latency below which `share` of the values lie, within 1 %; None without values."""
    total = sum(histogram.values())
    if not total:
        return None
    rank = math.ceil(share * total)
    seen = 0
    for index in sorted(histogram):
        seen += histogram[index]
        if seen >= rank:
            return centre_seconds(index)
    return centre_seconds(max(histogram))


def add(into: Histogram, more: Histogram) -> None:
    for index, count in more.items():
        into[index] = into.get(index, 0) + count


def subtract(into: Histogram, less: Histogram) -> None:
    for index, count in less.items():
        left = into.get(index, 0) - count
        if left:
            into[index] = left
        else:
            into.pop(index, None)
