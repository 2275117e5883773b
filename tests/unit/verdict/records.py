"""Builders: pages as an agent sends them, and records as they come out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.record import RunRecord, WindowLog, record

RUNS = Path(__file__).parents[2] / "data" / "runs"

Latencies = Sequence[float]


def cell(
    endpoint: str = "GET /search", latencies: Latencies = (0.05,), failed: Latencies = (), unanswered: int = 0
) -> dict[str, Any]:
    """One endpoint in one window: latencies of successes, of answered failures, and how many were never answered."""
    method, name = endpoint.split(" ", 1)
    errors = len(failed) + unanswered
    counts = {"n": len(latencies) + errors, "errors": errors}
    hists = {"hist": _hist(latencies), "fail_hist": _hist(failed)}
    return {
        "method": method,
        "name": name,
        **counts,
        **hists,
        "sum": sum(latencies),
        "max": max(latencies, default=0.0),
    }


def window(w: int, *cells: Mapping[str, Any], seq: int | None = None, **about: Any) -> dict[str, Any]:
    told = {"workers": 2, "users": 50, "cpu": 0.31, "lag": 0.004} | about
    return {"w": w, "seq": w + 1 if seq is None else seq, **told, "endpoints": list(cells)}


def page(*windows: Mapping[str, Any], **about: Any) -> dict[str, Any]:
    cursor = max((one["seq"] for one in windows), default=0)
    head = {"protocol": 1, "run": "checkout-3-7f3a9c21d4", "attempt": 1, "startedAt": 1795252001.0}
    told = {"cursor": cursor, "more": False, "complete": False, "failures": []}
    return head | told | {"windows": list(windows)} | about


def log_of(*windows: Mapping[str, Any], **about: Any) -> WindowLog:
    log = WindowLog()
    log.absorb(page(*windows, **about))
    return log


def record_of(*windows: Mapping[str, Any], **about: Any) -> RunRecord:
    """A run of these windows, one second each, without warm-up; `failures` goes to the page, the rest to the record."""
    failures = about.pop("failures", [])
    told = {"duration_s": len(windows), "warmup_s": 0, "window_s": 1, "config_hash": "c0ffee"} | about
    return record(
        log_of(*windows, failures=failures, complete=True),
        run="checkout-3-7f3a9c21d4",
        series="LoadTest/checkout",
        **told,
    )


def steady(
    seconds: int = 10, *cells: Mapping[str, Any], about: Mapping[str, Any] | None = None, **run: Any
) -> RunRecord:
    """The same cells in each window."""
    return record_of(*(window(w, *(cells or (cell(),)), **(about or {})) for w in range(seconds)), **run)


def real(name: str = "unchanged") -> RunRecord:
    return RunRecord.loads((RUNS / f"{name}.json.gz").read_bytes())


def without(found: RunRecord, **about: Any) -> RunRecord:
    return replace(found, **about)


def _hist(latencies: Latencies) -> dict[str, int]:
    buckets = histogram.merge({histogram.bucket(one): 1} for one in latencies)
    return {str(b): n for b, n in buckets.items()}
