"""Latency histograms with buckets 2 % wide: merging, quantiles, and the packed form that keeps thousands of them small.

Bucket b holds latencies of 1.02^b to 1.02^(b+1) microseconds; what is shorter than one microsecond is in bucket 0.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from loadtest_operator.verdict import varint

Histogram: TypeAlias = Mapping[int, int]

LN_WIDTH = math.log(1.02)
# 1.02^1500 us are 91 days: nothing honest is slower, and a page from a load pod must not make us hold more.
MAX_BUCKET = 1500
_MICROSECOND = 1e-6
_LOWEST_BYTES = 2


def bucket(seconds: float) -> int:
    """The bucket that a latency belongs to."""
    microseconds = seconds / _MICROSECOND
    return 0 if microseconds < 1 else min(MAX_BUCKET, math.floor(math.log(microseconds) / LN_WIDTH))


def value(position: float) -> float:
    """Seconds at a position on the bucket axis: 412.0 is the lower edge of bucket 412, 412.5 its (geometric) middle."""
    return math.exp(position * LN_WIDTH) * _MICROSECOND


def merge(histograms: Iterable[Histogram]) -> dict[int, int]:
    merged: dict[int, int] = {}
    for histogram in histograms:
        for b, n in histogram.items():
            merged[b] = merged.get(b, 0) + n
    return merged


def count(histogram: Histogram) -> int:
    return sum(histogram.values())


def quantiles(histogram: Histogram, shares: Sequence[float]) -> list[float | None]:
    """The latencies (seconds) below which these shares of the requests lie; None where there are no requests.

    Inside the bucket the requests are taken as spread evenly on the logarithmic axis.
    """
    return [None if at is None else value(at) for at in positions(histogram, shares)]


def quantile(histogram: Histogram, share: float) -> float | None:
    return quantiles(histogram, [share])[0]


def positions(histogram: Histogram, shares: Sequence[float]) -> list[float | None]:
    """As `quantiles`, on the bucket axis: times `LN_WIDTH` it is the logarithm of the latency in microseconds."""
    filled = sorted((b, n) for b, n in histogram.items() if n > 0)
    total = sum(n for _, n in filled)
    found: dict[float, float] = {}
    waiting = sorted(set(shares), reverse=True)
    below = 0
    for b, n in filled:
        while waiting and waiting[-1] * total <= below + n:
            share = waiting.pop()
            found[share] = b + (share * total - below) / n
        below += n
    return [found.get(share) for share in shares]


def mean(histogram: Histogram) -> float | None:
    """The mean latency in seconds, as exact as buckets allow (the average inside each on the logarithmic axis)."""
    total = count(histogram)
    if not total:
        return None
    inside = (math.exp(LN_WIDTH) - 1) / LN_WIDTH
    return math.fsum(value(b) * inside * n for b, n in histogram.items()) / total


def top(histogram: Histogram) -> float | None:
    """The upper edge of the highest bucket in use: no request was slower."""
    return value(max(histogram) + 1) if histogram else None


def pack(histogram: Histogram) -> bytes:
    """Two bytes for the lowest bucket, then mostly two for each: the gap to the bucket before, and the count."""
    flat: list[int] = []
    before = 0
    for b in sorted(b for b, n in histogram.items() if n > 0):
        flat += (b - before, histogram[b])
        before = b
    return pack_numbers(flat)


def pack_numbers(flat: Sequence[int]) -> bytes:
    """A histogram written as gap, count, gap, count, ..., the first gap from 0."""
    if not flat:
        return b""
    # The first gap is a large number; apart from the rest, it leaves them to the fast path for small ones.
    return flat[0].to_bytes(_LOWEST_BYTES, "little") + varint.encode(flat[1:])


def unpack_numbers(packed: bytes) -> list[int]:
    if not packed:
        return []
    return [int.from_bytes(packed[:_LOWEST_BYTES], "little"), *varint.decode(packed[_LOWEST_BYTES:])]


def unpack(packed: bytes) -> dict[int, int]:
    return merge_packed([packed])


def merge_packed(packed: Iterable[bytes]) -> dict[int, int]:
    """The sum of packed histograms, without unpacking each into a dictionary of its own."""
    merged: dict[int, int] = {}
    get = merged.get
    for one in packed:
        b = 0
        flat = iter(unpack_numbers(one))
        for gap, n in zip(flat, flat, strict=True):
            b += gap
            merged[b] = get(b, 0) + n
    return merged
