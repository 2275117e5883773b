"""What a person wants to know while a test runs, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.windows import Row, WindowLog


@dataclass(frozen=True)
class EndpointProgress:
    """One endpoint: counts since the beginning, rates and latencies (seconds) of the newest windows."""

    label: str
    requests: int
    errors: int
    rps: float
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Progress:
    state: str
    message: str
    elapsed: float
    duration: float
    users: tuple[int, int]
    workers: tuple[int, int]
    rps: float
    p95: float | None
    error_rate: float
    requests: int
    failures: int
    endpoints: tuple[EndpointProgress, ...] = ()


def progress(state: Mapping[str, Any], log: WindowLog, window_s: float) -> Progress:
    """From what the agent last said and the windows pulled so far."""
    workers, users, recent = state.get("workers") or {}, state.get("users") or {}, state.get("recent") or {}
    begun = state.get("startedAt")
    ends = state.get("endsAt")
    now = state.get("endedAt") or state.get("now") or 0.0
    return Progress(
        state=str(state.get("state", "Loading")),
        message=str((state.get("preflight") or {}).get("message") or ""),
        elapsed=max(0.0, now - begun) if begun else 0.0,
        duration=max(0.0, ends - begun) if begun and ends else 0.0,
        users=(int(users.get("running", 0)), int(users.get("target", 0))),
        workers=(int(workers.get("connected", 0)), int(workers.get("expected", 0))),
        rps=float(recent.get("rps") or 0.0),
        p95=recent.get("p95"),
        error_rate=float(recent.get("errorRate") or 0.0),
        requests=int(state.get("requests", 0)),
        failures=int(state.get("failures", 0)),
        endpoints=_endpoints(log, window_s),
    )


def _endpoints(log: WindowLog, window_s: float) -> tuple[EndpointProgress, ...]:
    totals: dict[int, list[int]] = {}
    for _, rows in log.decoded():
        for row in rows:
            total = totals.setdefault(row.endpoint, [0, 0])
            total[0] += row.n
            total[1] += row.errors
    newest = log.newest(max(1, round(10 / window_s)))
    recent: dict[int, list[Row]] = {}
    for _, rows in newest:
        for row in rows:
            recent.setdefault(row.endpoint, []).append(row)
    seconds = len(newest) * window_s
    found = [
        _endpoint(key, totals[at], recent.get(at, []), seconds) for key, at in log.endpoints.items() if at in totals
    ]
    return tuple(sorted(found, key=lambda one: -one.requests))


def _endpoint(key: tuple[str, str], total: list[int], rows: list[Row], seconds: float) -> EndpointProgress:
    hist = histogram.merge_packed(row.hist for row in rows)
    p50, p95 = histogram.quantiles(hist, [0.50, 0.95])
    return EndpointProgress(
        label=" ".join(key).strip(),
        requests=total[0],
        errors=total[1],
        rps=sum(row.n for row in rows) / seconds if seconds else 0.0,
        p50=p50,
        p95=p95,
    )
