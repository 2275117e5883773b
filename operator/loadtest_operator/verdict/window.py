"""One window: what a page says about it, and the packed form in which a running test keeps it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from loadtest_operator.verdict import histogram, varint
from loadtest_operator.verdict.reading import Reader

# CPU shares, lags and turns are kept as whole numbers: 1/10000, microseconds, and 1/1000.
_SHARE = 10_000
_LAG = 1_000_000
_TURN = 1_000
# An agent sends less than a million; a page from a load pod may say anything.
_MOST_TURNS = 1e15


class Pacing(NamedTuple):
    """How iterations of users that have a pacing began. A turn is the wanted time from one to the next."""

    n: int
    missed: float = 0.0
    """By how many turns they were late, all together: as many iterations were not made."""
    late: bytes = b""
    """Those that were late, packed: bucket b holds lateness from 1.1**b thousandths of a turn on."""

    def to_json(self) -> dict[str, Any]:
        late = {str(bucket): n for bucket, n in sorted(histogram.unpack(self.late).items())}
        return {"n": self.n, "missed": self.missed, "late": late}

    @classmethod
    def read(cls, reader: Reader) -> "Pacing | None":
        n = reader.count("n", 0)
        return cls(n, min(_MOST_TURNS, reader.number("missed", 0.0)), reader.histogram("late")) if n else None


class RunWindow(NamedTuple):
    """What a window says about the run as a whole. None: not measured."""

    w: int
    workers: int | None = None
    users: int | None = None
    cpu: float | None = None
    lag: float | None = None
    throttled: float | None = None
    stage: str | None = None
    rate: float | None = None
    late: float | None = None
    pacing: Pacing | None = None  # of a script that has one
    degraded: bool | None = None  # users or workers were missing; told by verdict/validity.py

    def to_json(self) -> dict[str, Any]:
        told = {key: found for key, found in self._asdict().items() if found is not None}
        return told if self.pacing is None else {**told, "pacing": self.pacing.to_json()}

    @classmethod
    def read(cls, reader: Reader) -> "RunWindow":
        return cls(
            w=reader.count("w"),
            workers=_whole(reader.optional_number("workers")),
            users=_whole(reader.optional_number("users")),
            cpu=reader.optional_number("cpu"),
            lag=reader.optional_number("lag"),
            throttled=reader.optional_number("throttled"),
            stage=reader.text("stage", "") or None,
            rate=reader.optional_number("rate"),
            late=reader.optional_number("late"),
            pacing=Pacing.read(reader.child("pacing")),
            degraded=reader.flag("degraded", default=False) or None,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure of one endpoint, over the whole run. Times are seconds since the epoch."""

    kind: str
    n: int
    first: float | None = None
    last: float | None = None
    sample: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "n": self.n, "first": self.first, "last": self.last, "sample": self.sample}

    @classmethod
    def read(cls, reader: Reader) -> "Failure":
        return cls(
            reader.text("kind"),
            reader.count("n"),
            reader.moment("first"),
            reader.moment("last"),
            reader.text("sample", ""),
        )


class Row(NamedTuple):
    """One endpoint in one window, as the log keeps it: histograms packed, times in microseconds."""

    endpoint: int
    n: int
    errors: int
    hist: bytes
    fail_hist: bytes
    sum_us: int | None
    max_us: int | None

    @classmethod
    def read(cls, endpoint: int, reader: Reader) -> "Row":
        return cls(
            endpoint,
            reader.count("n"),
            reader.count("errors", 0),
            reader.histogram("hist"),
            reader.histogram("fail_hist"),
            reader.microseconds("sum"),
            reader.microseconds("max"),
        )


# A packed window: four bytes with the length of the numbers, the numbers, all histograms one after the other.
# The numbers: _HEAD for the window, then _PER_ROW for each endpoint. What may be None is kept plus one.
_LENGTH_BYTES = 4
_HEAD = 8
_PER_ROW = 7


def pack(about: RunWindow, rows: Sequence[Row]) -> bytes:
    numbers = [_up(about.workers), _up(about.users), _up(about.cpu, _SHARE), _up(about.lag, _LAG)]
    pacing = about.pacing or Pacing(0)
    numbers += [_up(about.throttled, _SHARE), pacing.n, round(pacing.missed * _TURN), len(pacing.late)]
    blobs = [pacing.late]
    for row in rows:
        numbers += (
            row.endpoint,
            row.n,
            row.errors,
            len(row.hist),
            len(row.fail_hist),
            _up(row.sum_us),
            _up(row.max_us),
        )
        blobs += [row.hist, row.fail_hist]
    head = varint.encode(numbers)
    return b"".join([_length(head), head, *blobs])


def unpack(w: int, packed: bytes) -> tuple[RunWindow, list[Row]]:
    at = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES], "little")
    numbers = varint.decode(packed[_LENGTH_BYTES:at])
    workers, users, cpu, lag, throttled, paced, missed, late = numbers[:_HEAD]
    pacing = Pacing(paced, missed / _TURN, packed[at : at + late]) if paced else None
    at += late
    rows = []
    for start in range(_HEAD, len(numbers), _PER_ROW):
        endpoint, n, errors, successes, failures, sum_us, max_us = numbers[start : start + _PER_ROW]
        hist, fail_hist = packed[at : at + successes], packed[at + successes : at + successes + failures]
        rows.append(Row(endpoint, n, errors, hist, fail_hist, _down(sum_us), _down(max_us)))
        at += successes + failures
    health = _down(cpu, _SHARE), _down(lag, _LAG), _down(throttled, _SHARE)
    return RunWindow(w, _down(workers), _down(users), *health, pacing=pacing), rows


def compress(several: Sequence[bytes]) -> bytes:
    return zlib.compress(b"".join(_length(packed) + packed for packed in several))


def decompress(compressed: bytes) -> list[bytes]:
    data = zlib.decompress(compressed)
    found = []
    at = 0
    while at < len(data):
        end = at + _LENGTH_BYTES + int.from_bytes(data[at : at + _LENGTH_BYTES], "little")
        found.append(data[at + _LENGTH_BYTES : end])
        at = end
    return found


def _length(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH_BYTES, "little")


def _whole(found: float | None) -> int | None:
    return None if found is None else round(found)


def _up(found: float | None, scale: int = 1) -> int:
    return 0 if found is None else round(found * scale) + 1


@overload
def _down(kept: int) -> int | None: ...
@overload
def _down(kept: int, scale: int) -> float | None: ...
def _down(kept: int, scale: int = 1) -> float | None:
    if not kept:
        return None
    return kept - 1 if scale == 1 else (kept - 1) / scale
