"""What has been pulled of one attempt's windows so far, kept small: the operator holds a hundred of these at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from loadtest_operator.verdict import varint
from loadtest_operator.verdict.reading import BadInputError, Reader

# The agent folds everything beyond 500 endpoints into `other`; the rest is room for one that counts differently.
MAX_ENDPOINTS = 600
# A run has at most 360 windows, and a few for a slow stop; a page from a load pod must not fill our memory.
MAX_WINDOWS = 4000
_MAX_FAILURES = 500
# CPU shares and lags are kept as whole numbers: 1/10000, and microseconds.
_SHARE = 10_000
_LAG = 1_000_000


class RunWindow(NamedTuple):
    """What a window says about the run as a whole. None: not measured."""

    w: int
    workers: int | None = None
    users: int | None = None
    cpu: float | None = None
    lag: float | None = None
    stage: str | None = None
    rate: float | None = None
    late: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {key: found for key, found in self._asdict().items() if found is not None}

    @classmethod
    def read(cls, reader: Reader) -> "RunWindow":
        return cls(
            w=reader.count("w"),
            workers=_whole(reader.optional_number("workers")),
            users=_whole(reader.optional_number("users")),
            cpu=reader.optional_number("cpu"),
            lag=reader.optional_number("lag"),
            stage=reader.text("stage", "") or None,
            rate=reader.optional_number("rate"),
            late=reader.optional_number("late"),
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


EndpointKey = tuple[str, str]
"""Method and name."""


class Row(NamedTuple):
    """One endpoint in one window, as the log keeps it: histograms packed, times in microseconds."""

    endpoint: int
    n: int
    errors: int
    hist: bytes
    fail_hist: bytes
    sum_us: int | None
    max_us: int | None


@dataclass
class WindowLog:
    """The last version of each window of one attempt, from pages of `/v1/windows`."""

    run: str | None = None
    attempt: int | None = None
    cursor: int = 0
    complete: bool = False
    started_at: float | None = None
    endpoints: dict[EndpointKey, int] = field(default_factory=dict)
    failures: list[tuple[EndpointKey, Failure]] = field(default_factory=list)
    _packed: dict[int, bytes] = field(default_factory=dict, repr=False)

    def absorb(self, page: Mapping[str, Any]) -> None:
        """Takes a page in; a window replaces its earlier version. BadInputError: unreadable, or of another attempt."""
        reader = Reader(page, "the page")
        self._check_sender(reader)
        # Everything is read before anything is kept: a page with one bad window must not move the cursor beyond it.
        read = [self._read(one) for one in reader.children("windows")]
        failures = [_read_failure(one) for one in reader.children("failures")][:_MAX_FAILURES]
        more, cursor = reader.flag("more", default=False), reader.count("cursor", 0)
        complete, started_at = reader.flag("complete", default=False), reader.moment("startedAt")
        if len(self._packed.keys() | {w for w, _, _ in read}) > MAX_WINDOWS:
            raise BadInputError(f"more than {MAX_WINDOWS} windows in one attempt")
        for w, seq, packed in read:
            if w not in self._packed or seq >= _unpack(w, self._packed[w])[0]:
                self._packed[w] = packed
        self.failures = failures or self.failures
        self.cursor = max(self.cursor, max((seq for _, seq, _ in read), default=0) if more else cursor)
        self.complete = complete and not more
        self.started_at = started_at or self.started_at

    def __len__(self) -> int:
        return len(self._packed)

    def decoded(self, since: int = 0) -> Iterator[tuple[RunWindow, list[Row]]]:
        """The windows from number `since` on, in order."""
        for w in sorted(self._packed):
            if w >= since:
                _, window, rows = _unpack(w, self._packed[w])
                yield window, rows

    def newest(self, windows: int) -> list[tuple[RunWindow, list[Row]]]:
        """The last so many windows, without the very last: parts of that are still on their way."""
        last = max(self._packed, default=0)
        return [one for one in self.decoded(last - windows) if one[0].w < last or self.complete]

    def failures_by_endpoint(self) -> dict[EndpointKey, tuple[Failure, ...]]:
        found: dict[EndpointKey, tuple[Failure, ...]] = {}
        for key, failure in self.failures:
            found[key] = (*found.get(key, ()), failure)
        return found

    def _check_sender(self, page: Reader) -> None:
        run, attempt = page.text("run"), page.count("attempt")
        if self.run is None or self.attempt is None:
            self.run, self.attempt = run, attempt
        if (run, attempt) != (self.run, self.attempt):
            raise BadInputError(f"the page is of {run} attempt {attempt}, not of {self.run} attempt {self.attempt}")

    def _read(self, window: Reader) -> tuple[int, int, bytes]:
        rows = []
        for row in window.children("endpoints"):
            n, errors = row.count("n"), row.count("errors", 0)
            hists = row.histogram("hist"), row.histogram("fail_hist")
            rows.append(Row(self._number(row), n, errors, *hists, row.microseconds("sum"), row.microseconds("max")))
        seq = window.count("seq", 0)
        return window.count("w"), seq, _pack(seq, RunWindow.read(window), rows)

    def _number(self, row: Reader) -> int:
        key = row.text("method"), row.text("name")
        if key not in self.endpoints and len(self.endpoints) >= MAX_ENDPOINTS:
            raise BadInputError(f"more than {MAX_ENDPOINTS} endpoints in one attempt")
        return self.endpoints.setdefault(key, len(self.endpoints))


def _read_failure(reader: Reader) -> tuple[EndpointKey, Failure]:
    return (reader.text("method"), reader.text("name")), Failure.read(reader)


# A packed window: four bytes with the length of the numbers, the numbers, all histograms one after the other.
# The numbers: _HEAD for the window, then _PER_ROW for each endpoint. What may be None is kept plus one.
_LENGTH_BYTES = 4
_HEAD = 5
_PER_ROW = 7


def _pack(seq: int, window: RunWindow, rows: list[Row]) -> bytes:
    numbers = [seq, _up(window.workers), _up(window.users), _up(window.cpu, _SHARE), _up(window.lag, _LAG)]
    blobs = []
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
    return b"".join([len(head).to_bytes(_LENGTH_BYTES, "little"), head, *blobs])


def _unpack(w: int, packed: bytes) -> tuple[int, RunWindow, list[Row]]:
    at = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES], "little")
    numbers = varint.decode(packed[_LENGTH_BYTES:at])
    seq, workers, users, cpu, lag = numbers[:_HEAD]
    rows = []
    for start in range(_HEAD, len(numbers), _PER_ROW):
        endpoint, n, errors, successes, failures, sum_us, max_us = numbers[start : start + _PER_ROW]
        hist, fail_hist = packed[at : at + successes], packed[at + successes : at + successes + failures]
        rows.append(Row(endpoint, n, errors, hist, fail_hist, _down(sum_us), _down(max_us)))
        at += successes + failures
    window = RunWindow(w, _down(workers), _down(users), _down(cpu, _SHARE), _down(lag, _LAG))
    return seq, window, rows


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
