"""The run record (`loadtest.dev/run/v1`): what one attempt measured, window by window. Runs travel as its JSON."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.aborted import Aborted
from loadtest_operator.verdict.gzipped import inflated
from loadtest_operator.verdict.queries import Answer
from loadtest_operator.verdict.reading import BadInputError, Reader
from loadtest_operator.verdict.windows import EndpointKey, Failure, Row, RunWindow, WindowLog

FORMAT = "loadtest.dev/run/v1"

__all__ = [
    "FORMAT",
    "Aborted",
    "BadInputError",
    "Cell",
    "Endpoint",
    "Environment",
    "Failure",
    "RunRecord",
    "RunWindow",
    "Target",
    "WindowLog",
    "record",
]


class Cell(NamedTuple):
    """One endpoint in one window. `n` counts all requests, `errors` those of them that failed.

    `hist` (successes) and `fail_hist` (answered failures) are packed histograms: a run has thousands of cells.
    """

    w: int
    n: int
    errors: int
    hist: bytes
    fail_hist: bytes
    sum_us: int | None = None
    max_us: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    name: str
    cells: tuple[Cell, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def label(self) -> str:
        """How people call it: `POST /orders`."""
        return f"{self.method} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Target:
    version: str | None = None
    images: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Whether the numbers describe the target at all, and if not, why."""

    valid: bool = True
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRecord:
    run: str
    series: str
    start: datetime
    duration_s: float
    warmup_s: float
    window_s: float
    config_hash: str
    namespace: str = ""
    test: str = ""
    number: int = 0
    attempt: int = 1
    target: Target = Target()
    environment: Environment = Environment()
    run_windows: tuple[RunWindow, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    aborted: Aborted | None = None
    queries: tuple[Answer, ...] = ()
    """What Prometheus said to the thresholds' queries."""

    def to_json(self) -> dict[str, Any]:
        head = {
            "format": FORMAT,
            "run": self.run,
            "series": self.series,
            "namespace": self.namespace,
            "test": self.test,
            "number": self.number,
            "attempt": self.attempt,
            "start": self.start.isoformat(),
            "duration_s": self.duration_s,
            "warmup_s": self.warmup_s,
            "window_s": self.window_s,
            "config_hash": self.config_hash,
            "target": {"version": self.target.version, "images": dict(self.target.images), "url": self.target.url},
            "environment": {"valid": self.environment.valid, "reasons": list(self.environment.reasons)},
        }
        if self.aborted is not None:
            head["aborted"] = self.aborted.to_json()
        if self.queries:
            head["queries"] = [one.to_json() for one in self.queries]
        windows = [window.to_json() for window in self.run_windows]
        return {**head, "run_windows": windows, "endpoints": [_endpoint_to_json(one) for one in self.endpoints]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RunRecord":
        """Reads any `loadtest.dev/run/v1`; fields it does not know are ignored."""
        reader = Reader(raw, "the run record")
        if reader.text("format") != FORMAT:
            raise BadInputError(f"this is not a run record: format is {raw.get('format')!r}, expected {FORMAT!r}")
        target, environment = reader.child("target"), reader.child("environment")
        return cls(
            run=reader.text("run"),
            series=reader.text("series"),
            start=_instant(reader.text("start")),
            duration_s=reader.number("duration_s"),
            warmup_s=reader.number("warmup_s"),
            window_s=_window(reader),
            config_hash=reader.text("config_hash"),
            namespace=reader.text("namespace", ""),
            test=reader.text("test", ""),
            number=reader.count("number", 0),
            attempt=reader.count("attempt", 1),
            target=Target(target.text("version", "") or None, target.texts("images"), target.text("url", "") or None),
            environment=Environment(environment.flag("valid", default=True), environment.words("reasons")),
            run_windows=tuple(RunWindow.read(one) for one in reader.children("run_windows")),
            endpoints=tuple(_read_endpoint(one) for one in reader.children("endpoints")),
            aborted=Aborted.read(raw.get("aborted")),
            queries=tuple(Answer.read(one) for one in raw.get("queries") or ()),
        )

    def dumps(self) -> bytes:
        """Gzip JSON; the same record always gives the same bytes."""
        return gzip.compress(json.dumps(self.to_json(), separators=(",", ":")).encode(), compresslevel=9, mtime=0)

    @classmethod
    def loads(cls, data: bytes) -> "RunRecord":
        return cls.from_json(inflated(data))


def record(
    log: WindowLog,
    *,
    run: str,
    series: str,
    duration_s: float,
    warmup_s: float,
    window_s: float,
    config_hash: str,
    namespace: str = "",
    test: str = "",
    number: int = 0,
    attempt: int = 1,
    start: datetime | None = None,
    target: Target = Target(),
    environment: Environment = Environment(),
    aborted: Aborted | None = None,
) -> RunRecord:
    """What has been pulled of one attempt. `duration_s` is how long there was load, not what was planned."""
    decoded = list(log.decoded())
    return RunRecord(
        run=run,
        series=series,
        start=start or datetime.fromtimestamp(log.started_at or 0.0, UTC),
        duration_s=duration_s,
        warmup_s=warmup_s,
        window_s=window_s,
        config_hash=config_hash,
        namespace=namespace,
        test=test,
        number=number,
        attempt=attempt,
        target=target,
        environment=environment,
        run_windows=tuple(window for window, _ in decoded),
        endpoints=_endpoints(log, decoded),
        aborted=aborted,
    )


def _endpoints(log: WindowLog, decoded: Iterable[tuple[RunWindow, Iterable[Row]]]) -> tuple[Endpoint, ...]:
    """By name and method; also those that are known from their failures alone, because the agent folded them away."""
    failures = log.failures_by_endpoint()
    keys = {at: key for key, at in log.endpoints.items()}
    cells: dict[EndpointKey, list[Cell]] = {key: [] for key in failures}
    for window, rows in decoded:
        for row in rows:
            cells.setdefault(keys[row.endpoint], []).append(Cell(window.w, *row[1:]))
    ordered = sorted(cells, key=lambda key: (key[1], key[0]))
    return tuple(Endpoint(*key, cells=tuple(cells[key]), failures=failures.get(key, ())) for key in ordered)


def _endpoint_to_json(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "method": endpoint.method,
        "name": endpoint.name,
        "windows": [_cell_to_json(cell) for cell in endpoint.cells],
        "failures": [failure.to_json() for failure in endpoint.failures],
    }


def _cell_to_json(cell: Cell) -> dict[str, Any]:
    raw: dict[str, Any] = {"w": cell.w, "n": cell.n, "errors": cell.errors}
    raw |= {"hist": _texts(cell.hist), "fail_hist": _texts(cell.fail_hist)}
    if cell.sum_us is not None and cell.max_us is not None:
        raw |= {"sum": cell.sum_us / 1e6, "max": cell.max_us / 1e6}
    return raw


def _texts(packed: bytes) -> dict[str, int]:
    return {str(b): n for b, n in sorted(histogram.unpack(packed).items())}


def _read_endpoint(reader: Reader) -> Endpoint:
    return Endpoint(
        reader.text("method"),
        reader.text("name"),
        tuple(_read_cells(reader.children("windows"))),
        tuple(Failure.read(one) for one in reader.children("failures")),
    )


def _read_cells(windows: Iterable[Reader]) -> Iterable[Cell]:
    for one in windows:
        yield Cell(
            one.count("w"),
            one.count("n"),
            one.count("errors", 0),
            one.histogram("hist"),
            one.histogram("fail_hist"),
            one.microseconds("sum"),
            one.microseconds("max"),
        )


def _window(reader: Reader) -> float:
    window_s = reader.number("window_s")
    if not window_s:
        raise BadInputError("window_s is 0, not a length of time")
    return window_s


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"start is {text!r}, not a date and time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
