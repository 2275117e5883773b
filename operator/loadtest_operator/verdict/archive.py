"""Many histograms in little room, as a fingerprint keeps them for years.

Neighbouring buckets hold similar counts: their differences compress to two thirds of what the counts take.
"""

import zlib
from collections.abc import Sequence
from itertools import accumulate, chain

from loadtest_operator.verdict import histogram, varint

# 600 endpoints with 1500 buckets each, and room to spare: a small file must not unfold into all our memory.
_MAX_BYTES = 16 << 20


def pack(several: Sequence[bytes]) -> bytes:
    """Of packed histograms: how many buckets each has, then all gaps, then the differences of all counts."""
    flat = [histogram.unpack_numbers(one) for one in several]
    gaps = [list(numbers[0::2]) for numbers in flat]
    steps = [_differences(numbers[1::2]) for numbers in flat]
    numbers = [len(flat), *map(len, gaps), *chain(*gaps), *map(_zigzag, chain(*steps))]
    return zlib.compress(varint.encode(numbers), 9)


def unpack(packed: bytes) -> list[bytes]:
    """Raises ValueError for what is no archive."""
    try:
        numbers = varint.decode(zlib.decompressobj().decompress(packed, _MAX_BYTES))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    count = numbers[0] if numbers else 0
    sizes = numbers[1 : 1 + count]
    buckets = sum(sizes)
    if len(numbers) != 1 + count + 2 * buckets:
        raise ValueError("its length is not the one that it names")
    at, found = 1 + count, []
    for size in sizes:
        gaps = numbers[at : at + size]
        counts = accumulate(_unzigzag(one) for one in numbers[at + buckets : at + buckets + size])
        found.append(histogram.pack_numbers([one for pair in zip(gaps, counts, strict=True) for one in pair]))
        at += size
    return found


def _differences(counts: Sequence[int]) -> list[int]:
    return [count - before for before, count in zip([0, *counts], counts, strict=False)]


def _zigzag(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _unzigzag(number: int) -> int:
    return number // 2 if number % 2 == 0 else -(number + 1) // 2
