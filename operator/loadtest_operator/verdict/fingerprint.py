"""The fingerprint of a run: the small record that comparisons are made of, kept as long as the run is remembered."""

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest_operator.verdict import archive, histogram, numbers, sampling
from loadtest_operator.verdict.numbers import Judged
from loadtest_operator.verdict.reading import BadInputError, Reader
from loadtest_operator.verdict.record import Cell, RunRecord
from loadtest_operator.verdict.windows import EndpointKey

FORMAT = "loadtest.dev/fingerprint/v1"
SHARES = (0.5, 0.95, 0.99)
# The p95 of fewer requests is their maximum: it says nothing that a comparison could use.
MIN_SUCCESSES = 20
# A millionth of a logarithm is a ten-thousandth of a percent; rounded here, a stored fingerprint equals a fresh one.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Traits:
    """What is kept of one endpoint, or of the total."""

    requests: int
    failures: int
    y: tuple[float, ...] = ()
    """ln of p50, p95 and p99 of the successes, in microseconds; empty with too few successes to tell."""
    w: tuple[float, ...] = ()
    """The standard errors of `y` from sampling inside this run."""
    w_errors: float = 0.0
    """The standard error of the log-odds of failure."""
    hist: bytes = b""
    """The packed histogram of all judged successes."""

    @property
    def error_rate(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    @property
    def log_odds(self) -> float:
        """Of failure; half a request is added on both sides, so that none and all have one too."""
        return math.log((self.failures + 0.5) / (self.requests - self.failures + 0.5))

    def to_json(self) -> dict[str, Any]:
        counts = {"requests": self.requests, "failures": self.failures}
        return {**counts, "y": list(self.y), "w": list(self.w), "w_errors": self.w_errors}

    @classmethod
    def read(cls, reader: Reader, hist: bytes) -> "Traits":
        y, w = reader.numbers("y"), reader.numbers("w")
        requests, failures = reader.count("requests"), reader.count("failures")
        if len(y) != len(w) or len(y) not in {0, len(SHARES)} or failures > requests:
            raise BadInputError(f"the fingerprint has {len(y)} quantiles, {len(w)} errors of them, {failures} failures")
        return cls(requests, failures, y, w, reader.number("w_errors"), hist)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    run: str
    config_hash: str
    seconds: float
    """How long was judged."""
    total: Traits
    endpoints: Mapping[EndpointKey, Traits] = field(default_factory=dict)
    """By method and name; endpoints without a judged request are left out."""
    attempt: int = 1
    valid: bool = True

    def to_json(self) -> dict[str, Any]:
        endpoints = [
            {"method": method, "name": name, **traits.to_json()} for (method, name), traits in self.endpoints.items()
        ]
        packed = [self.total.hist, *(traits.hist for traits in self.endpoints.values())]
        return {
            "format": FORMAT,
            "run": self.run,
            "attempt": self.attempt,
            "config_hash": self.config_hash,
            "valid": self.valid,
            "seconds": self.seconds,
            "total": self.total.to_json(),
            "endpoints": endpoints,
            "hists": base64.b64encode(archive.pack(packed)).decode(),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Fingerprint":
        reader = Reader(raw, "the fingerprint")
        if reader.text("format") != FORMAT:
            raise BadInputError(f"this is not a fingerprint: format is {raw.get('format')!r}, expected {FORMAT!r}")
        hists = _histograms(raw.get("hists"))
        total = Traits.read(reader.child("total"), next(hists, b""))
        return cls(
            run=reader.text("run"),
            attempt=reader.count("attempt", 1),
            config_hash=reader.text("config_hash"),
            valid=reader.flag("valid", default=True),
            seconds=reader.number("seconds"),
            total=total,
            endpoints={
                (one.text("method"), one.text("name")): Traits.read(one, next(hists, b""))
                for one in reader.children("endpoints")
            },
        )


def fingerprint(record: RunRecord) -> Fingerprint:
    """Of the judged windows alone. The same record always gives the same fingerprint."""
    part = numbers.judged(record)
    length = sampling.block(part.end - part.first, record.window_s)
    cells = {(one.method, one.name): [cell for cell in one.cells if cell.w in part] for one in record.endpoints}
    cells = {key: found for key, found in cells.items() if any(cell.n for cell in found)}
    own = {key: _Windows(part, histogram.merge_packed(cell.hist for cell in found)) for key, found in cells.items()}
    total = _Windows(part, histogram.merge(one.hist for one in own.values()))
    for key, found in cells.items():
        _fill(own[key], total, found)
    return Fingerprint(
        run=record.run,
        attempt=record.attempt,
        config_hash=record.config_hash,
        valid=record.environment.valid,
        seconds=part.seconds,
        total=total.traits(length),
        endpoints={key: one.traits(length) for key, one in own.items()},
    )


class _Windows:
    """One endpoint, or the total, while its windows are walked through: how far each is from the run as a whole."""

    def __init__(self, part: Judged, hist: Mapping[int, int]) -> None:
        self.first, windows = part.first, part.end - part.first
        self.hist = hist
        self.positions = [at for at in histogram.positions(hist, SHARES) if at is not None]
        self.deviations = [[0.0] * windows for _ in SHARES]
        self.requests, self.failures = [0] * windows, [0] * windows

    def add(self, cell: Cell, successes: int, faster: Sequence[float]) -> None:
        """`faster`: how many successes lie below each quantile of the run."""
        at = cell.w - self.first
        self.requests[at] += cell.n
        self.failures[at] += cell.errors
        for series, share, found in zip(self.deviations, SHARES, faster, strict=False):
            series[at] += found - share * successes

    def traits(self, length: int) -> Traits:
        requests, failures = sum(self.requests), sum(self.failures)
        w_errors = sampling.log_odds_error(list(zip(self.requests, self.failures, strict=True)), length)
        y, w = self._quantiles(length)
        return Traits(requests, failures, y, w, round(w_errors, _DIGITS), histogram.pack(self.hist))

    def _quantiles(self, length: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        successes = histogram.count(self.hist)
        if successes < MIN_SUCCESSES:
            return (), ()
        errors = [sampling.sum_error(series, length) / successes for series in self.deviations]
        w = [sampling.quantile_error(self.hist, share, error) for share, error in zip(SHARES, errors, strict=True)]
        y = [at * histogram.LN_WIDTH for at in self.positions]
        return tuple(round(one, _DIGITS) for one in y), tuple(round(one, _DIGITS) for one in w)


def _fill(own: _Windows, total: _Windows, cells: Sequence[Cell]) -> None:
    """Both at once: unpacking is what takes the time."""
    positions, split = [*own.positions, *total.positions], len(own.positions)
    for cell in cells:
        n, faster = sampling.below(cell.hist, positions)
        own.add(cell, n, faster[:split])
        total.add(cell, n, faster[split:])


def _histograms(text: object) -> Iterator[bytes]:
    """One after the other, in the order in which they were written."""
    if not isinstance(text, str):
        raise BadInputError("the fingerprint has no hists")
    try:
        found = archive.unpack(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise BadInputError(f"the histograms of the fingerprint cannot be read: {error}") from error
    return iter(found)
