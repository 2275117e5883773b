"""What has been pulled of one attempt's windows so far, kept small: the operator holds a hundred of these at a time."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtest_operator.verdict import window
from loadtest_operator.verdict.reading import BadInputError, Reader
from loadtest_operator.verdict.window import Failure, Row, RunWindow

__all__ = ["EndpointKey", "Failure", "Row", "RunWindow", "WindowLog"]

# The agent folds everything beyond 500 endpoints into `other`; the rest is room for one that counts differently.
MAX_ENDPOINTS = 600
# A run has at most 360 windows, and a few for a slow stop; a page from a load pod must not fill our memory.
MAX_WINDOWS = 4000
_MAX_FAILURES = 500
# So many windows side by side compress to a third; twice as many gain another 4 % only.
_CHUNK = 16

EndpointKey = tuple[str, str]
"""Method and name."""


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
    """The newest windows, by number."""
    _settled: dict[int, bytes] = field(default_factory=dict, repr=False)
    """The others, compressed: chunk c holds the windows from c * _CHUNK on."""
    _seqs: "array[int]" = field(default_factory=lambda: array("Q"), repr=False)
    """By window, its sequence number plus one; 0 where there is no window."""

    def absorb(self, page: Mapping[str, Any]) -> None:
        """Takes a page in; a window replaces its earlier version. BadInputError: unreadable, or of another attempt."""
        reader = Reader(page, "the page")
        self._check_sender(reader)
        # Everything is read before anything is kept: a page with one bad window must not move the cursor beyond it.
        read = [self._read(one) for one in reader.children("windows")]
        failures = [_read_failure(one) for one in reader.children("failures")][:_MAX_FAILURES]
        more, cursor = reader.flag("more", default=False), reader.count("cursor", 0)
        complete, started_at = reader.flag("complete", default=False), reader.moment("startedAt")
        for w, seq, packed in read:
            self._keep(w, seq, packed)
        self._settle()
        self.failures = failures or self.failures
        self.cursor = max(self.cursor, max((seq for _, seq, _ in read), default=0) if more else cursor)
        self.complete = complete and not more
        self.started_at = started_at or self.started_at

    def __len__(self) -> int:
        return sum(1 for seq in self._seqs if seq)

    def decoded(self, since: int = 0) -> Iterator[tuple[RunWindow, list[Row]]]:
        """The windows from number `since` on, in order."""
        for chunk in range(since // _CHUNK, -(-len(self._seqs) // _CHUNK)):
            for w, packed in sorted(self._chunk(chunk).items()):
                if w >= since:
                    yield window.unpack(w, packed)

    def newest(self, windows: int) -> list[tuple[RunWindow, list[Row]]]:
        """The last so many windows; while the run goes on without the very last: parts of that are on their way."""
        end = len(self._seqs) - (0 if self.complete else 1)
        return [one for one in self.decoded(max(0, end - windows)) if one[0].w < end]

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

    def _read(self, reader: Reader) -> tuple[int, int, bytes]:
        w, seq = reader.count("w"), reader.count("seq", 0)
        if w >= MAX_WINDOWS:
            raise BadInputError(f"window {w} is beyond the {MAX_WINDOWS} that a run can have")
        rows = [Row.read(self._number(row), row) for row in reader.children("endpoints")]
        return w, seq, window.pack(RunWindow.read(reader), rows)

    def _number(self, row: Reader) -> int:
        key = row.text("method"), row.text("name")
        if key not in self.endpoints and len(self.endpoints) >= MAX_ENDPOINTS:
            raise BadInputError(f"more than {MAX_ENDPOINTS} endpoints in one attempt")
        return self.endpoints.setdefault(key, len(self.endpoints))

    def _keep(self, w: int, seq: int, packed: bytes) -> None:
        self._seqs.extend([0] * (w + 1 - len(self._seqs)))
        if seq + 1 >= self._seqs[w]:
            self._seqs[w] = seq + 1
            self._packed[w] = packed

    def _settle(self) -> None:
        """Compresses what is old enough that it will hardly come again; if it does, its chunk is done anew."""
        newest = (len(self._seqs) - 1) // _CHUNK
        for chunk in {w // _CHUNK for w in self._packed if w // _CHUNK < newest - 1}:
            windows = self._chunk(chunk)
            self._settled[chunk] = window.compress([windows.get(chunk * _CHUNK + at, b"") for at in range(_CHUNK)])
            for w in windows:
                self._packed.pop(w, None)

    def _chunk(self, chunk: int) -> dict[int, bytes]:
        """The packed windows of a chunk, by number."""
        first = chunk * _CHUNK
        settled = window.decompress(self._settled[chunk]) if chunk in self._settled else []
        found = {first + at: packed for at, packed in enumerate(settled) if packed}
        return found | {w: self._packed[w] for w in range(first, first + _CHUNK) if w in self._packed}


def _read_failure(reader: Reader) -> tuple[EndpointKey, Failure]:
    return (reader.text("method"), reader.text("name")), Failure.read(reader)
