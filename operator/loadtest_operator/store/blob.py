"""A run record as the store keeps it: columns of small numbers, each compressed: half of what gzip makes of its JSON.

The head (all but the cells) is JSON, so that new fields need nothing here; the cells are columns over all endpoints.
"""

import bz2
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, islice

from loadtest_operator.verdict import histogram, varint
from loadtest_operator.verdict.record import Cell, RunRecord

_FORMAT = b"LTW1"
_LENGTH_BYTES = 4
_COLUMNS = 14


class BlobError(ValueError):
    """The stored windows cannot be read."""


def pack(record: RunRecord) -> bytes:
    bare = replace(record, endpoints=tuple(replace(one, cells=()) for one in record.endpoints))
    head = json.dumps(bare.to_json(), separators=(",", ":")).encode()
    columns = _columns([one.cells for one in record.endpoints])
    parts = [zlib.compress(head, 9), *(bz2.compress(varint.encode(column)) for column in columns)]
    return b"".join([_FORMAT, *(len(part).to_bytes(_LENGTH_BYTES, "little") + part for part in parts)])


def unpack(data: bytes) -> RunRecord:
    if data[: len(_FORMAT)] != _FORMAT:
        raise BlobError("the stored windows have a format that this version does not know")
    try:
        head, *packed = _parts(data[len(_FORMAT) :])
        bare = RunRecord.from_json(json.loads(zlib.decompress(head)))
        columns = [varint.decode(bz2.decompress(one)) for one in packed]
        cells = _cells(columns, len(bare.endpoints))
    except (ValueError, OSError, EOFError, IndexError, zlib.error) as error:
        raise BlobError(f"the stored windows of the run are damaged: {error}") from error
    return replace(
        bare, endpoints=tuple(replace(one, cells=own) for one, own in zip(bare.endpoints, cells, strict=True))
    )


def _parts(data: bytes) -> Iterator[bytes]:
    while data:
        end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
        if end > len(data):
            raise ValueError("the end is missing")
        yield data[_LENGTH_BYTES:end]
        data = data[end:]


def _columns(endpoints: Sequence[Sequence[Cell]]) -> list[list[int]]:
    """Numbers of one kind side by side compress best; what follows from the histograms is kept as its difference."""
    cells = [cell for own in endpoints for cell in own]
    hists = [histogram.unpack_numbers(cell.hist) for cell in cells]
    fails = [histogram.unpack_numbers(cell.fail_hist) for cell in cells]
    before = (0 if at == 0 else own[at - 1].w for own in endpoints for at in range(len(own)))
    return [
        [len(own) for own in endpoints],
        [_unsigned(cell.w - w) for cell, w in zip(cells, before, strict=True)],
        [_unsigned(cell.n - cell.errors - sum(hist[1::2])) for cell, hist in zip(cells, hists, strict=True)],
        [_unsigned(cell.errors - sum(fail[1::2])) for cell, fail in zip(cells, fails, strict=True)],
        [0 if cell.sum_us is None else cell.sum_us + 1 for cell in cells],
        [0 if cell.max_us is None else cell.max_us + 1 for cell in cells],
        *_histogram_columns(hists),
        *_histogram_columns(fails),
    ]


def _histogram_columns(hists: Sequence[Sequence[int]]) -> list[list[int]]:
    return [
        [len(hist) // 2 for hist in hists],
        [hist[0] for hist in hists if hist],
        [gap for hist in hists for gap in hist[2::2]],
        [n for hist in hists for n in hist[1::2]],
    ]


def _cells(columns: Sequence[list[int]], endpoints: int) -> list[tuple[Cell, ...]]:
    if len(columns) != _COLUMNS:
        raise ValueError(f"it has {len(columns)} columns, not {_COLUMNS}")
    lengths, ws, rest, unanswered, sums, tops = columns[:6]
    hists, fails = list(_histograms(*columns[6:10])), list(_histograms(*columns[10:]))
    found: list[tuple[Cell, ...]] = []
    at = 0
    for length in lengths:
        own = []
        for w in accumulate(map(_signed, ws[at : at + length])):
            hist, fail = hists[at], fails[at]
            errors = _signed(unanswered[at]) + sum(fail[1::2])
            n = _signed(rest[at]) + errors + sum(hist[1::2])
            packed = histogram.pack_numbers(hist), histogram.pack_numbers(fail)
            own.append(Cell(w, n, errors, *packed, _optional(sums[at]), _optional(tops[at])))
            at += 1
        found.append(tuple(own))
    if len(found) != endpoints:
        raise ValueError("the endpoints do not fit")
    return found


def _histograms(sizes: list[int], lowest: list[int], gaps: list[int], counts: list[int]) -> Iterator[list[int]]:
    low, gap, count = iter(lowest), iter(gaps), iter(counts)
    for size in sizes:
        flat = [0] * (2 * size)
        if size:
            flat[0], flat[2::2] = next(low, 0), islice(gap, size - 1)
        flat[1::2] = islice(count, size)
        yield flat


def _optional(kept: int) -> int | None:
    return kept - 1 if kept else None


def _unsigned(number: int) -> int:
    """0, -1, 1, -2, ... as 0, 1, 2, 3, ...: small differences stay small whatever their sign."""
    return number * 2 if number >= 0 else -number * 2 - 1


def _signed(kept: int) -> int:
    return -(kept + 1) // 2 if kept & 1 else kept // 2
