"""Prometheus text of the running test, written by hand because load images hold no client library for it.

At most 50 endpoints and 12 buckets: 50 x (12 + 2) histogram series + 51 x 2 counters + a dozen others stay far below
the 2,000 series that a test may have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest_agent import histogram, protocol, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_ENDPOINTS = 50
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # and +Inf: 12 buckets
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_OTHER: wire.Endpoint = ("", protocol.OTHER)
_DURATION = "loadtest_request_duration_seconds"
# The first bucket of ours that lies above each bound, by its centre.
_EDGES = tuple(next(index for index in range(2000) if histogram.centre_seconds(index) > bound) for bound in BOUNDS)


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labels(**values: str) -> str:
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in values.items()) + "}"


class Counters:
    """Totals as Prometheus may see them: a window that is replaced by a smaller one never makes a counter fall."""

    def __init__(self) -> None:
        self._names: dict[wire.Endpoint, wire.Endpoint] = {}
        self._high: dict[tuple[wire.Endpoint, str], float] = {}

    def lines(self, totals: Mapping[wire.Endpoint, wire.Cell], **common: str) -> Iterator[str]:
        folded: dict[wire.Endpoint, wire.Cell] = {}
        for endpoint, cell in totals.items():
            folded.setdefault(self._name(endpoint), wire.Cell()).add(cell)
        yield "# HELP loadtest_requests_total Requests sent by the load test."
        yield "# TYPE loadtest_requests_total counter"
        for endpoint, cell in folded.items():
            for outcome, value in (("ok", cell.n - cell.errors), ("failed", cell.errors)):
                text = labels(**common, method=endpoint[0], endpoint=endpoint[1], outcome=outcome)
                yield f"loadtest_requests_total{text} {self._rising(endpoint, outcome, value):.0f}"
        yield f"# HELP {_DURATION} Latency of successful requests."
        yield f"# TYPE {_DURATION} histogram"
        for endpoint, cell in folded.items():
            yield from self._histogram(endpoint, cell, common)

    def _histogram(self, endpoint: wire.Endpoint, cell: wire.Cell, common: Mapping[str, str]) -> Iterator[str]:
        here = {**common, "method": endpoint[0], "endpoint": endpoint[1]}
        for bound, edge in zip(BOUNDS, _EDGES, strict=True):
            below = sum(count for index, count in cell.hist.items() if index < edge)
            value = self._rising(endpoint, f"le {bound}", below)
            yield f"{_DURATION}_bucket{labels(**here, le=f'{bound:g}')} {value:.0f}"
        count = self._rising(endpoint, "count", sum(cell.hist.values()))
        yield f"{_DURATION}_bucket{labels(**here, le='+Inf')} {count:.0f}"
        yield f"{_DURATION}_sum{labels(**here)} {self._rising(endpoint, 'sum', cell.total_us) / 1e6:.6f}"
        yield f"{_DURATION}_count{labels(**here)} {count:.0f}"

    def _name(self, endpoint: wire.Endpoint) -> wire.Endpoint:
        known = self._names.get(endpoint)
        if known is None:
            if len(self._names) >= MAX_ENDPOINTS:
                return _OTHER
            known = self._names[endpoint] = endpoint
        return known

    def _rising(self, endpoint: wire.Endpoint, what: str, value: float) -> float:
        high = max(value, self._high.get((endpoint, what), 0))
        self._high[endpoint, what] = high
        return high


def gauge(name: str, help_text: str, samples: Mapping[str, float]) -> Iterator[str]:
    """One gauge; keys are label texts made by `labels`."""
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} gauge"
    for text, value in samples.items():
        yield f"{name}{text} {value:g}"
