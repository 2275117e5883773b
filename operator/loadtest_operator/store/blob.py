"""A run record as the store keeps it: columns of small numbers, each compressed: half of what gzip makes of its JSON.

The head (all but the cells) is JSON, so that new fields need nothing here; the cells are columns over all endpoints.
"""

import bz2
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

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
    parts = [zlib.compress(head, 9), *map(bz2.compress, columns)]
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


def _columns(endpoints: Iterable[Sequence[Cell]]) -> list[bytearray]:
    """Numbers of one kind side by side compress best; what follows from the histograms is kept as its difference.

    Written out cell by cell: as lists of numbers the windows of a long run would take forty megabytes for a moment.
    """
    columns = [bytearray() for _ in range(_COLUMNS)]
    for own in endpoints:
        columns[0] += varint.encode([len(own)])
        before = 0
        for cell in own:
            for column, numbers in zip(columns[1:], _numbers(cell, before), strict=True):
                column += varint.encode(numbers)
            before = cell.w
    return columns


def _numbers(cell: Cell, before: int) -> Iterator[Sequence[int]]:
    hist, fails = histogram.unpack_numbers(cell.hist), histogram.unpack_numbers(cell.fail_hist)
    yield [_unsigned(cell.w - before)]
    yield [_unsigned(cell.n - cell.errors - sum(hist[1::2]))]
    yield [_unsigned(cell.errors - sum(fails[1::2]))]
    yield [0 if cell.sum_us is None else cell.sum_us + 1]
    yield [0 if cell.max_us is None else cell.max_us + 1]
    for flat in (hist, fails):
        yield [len(flat) // 2]
        yield flat[:1]
        yield flat[2::2]
        yield flat[1::2]


def _cells(columns: Sequence[Sequence[int]], endpoints: int) -> list[tuple[Cell, ...]]:
    if len(columns) != _COLUMNS:
        raise ValueError(f"it has {len(columns)} columns, not {_COLUMNS}")
    lengths, *by_cell = columns[:6]
    rows = zip(*by_cell, _histograms(*columns[6:10]), _histograms(*columns[10:]), strict=True)
    found = [tuple(_endpoint_cells(islice(rows, length))) for length in lengths]
    if len(found) != endpoints or next(rows, None):
        raise ValueError("the endpoints do not fit")
    return found


def _endpoint_cells(rows: Iterable[tuple[Any, ...]]) -> Iterator[Cell]:
    w = 0
    for gap, rest, unanswered, sum_us, max_us, hist, fails in rows:
        w += _signed(gap)
        errors = _signed(unanswered) + sum(fails[1::2])
        n = _signed(rest) + errors + sum(hist[1::2])
        packed = histogram.pack_numbers(hist), histogram.pack_numbers(fails)
        yield Cell(w, n, errors, *packed, _optional(sum_us), _optional(max_us))


def _histograms(
    sizes: Sequence[int], lowest: Sequence[int], gaps: Sequence[int], counts: Sequence[int]
) -> Iterator[list[int]]:
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
