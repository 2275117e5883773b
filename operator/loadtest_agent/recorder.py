"""The worker's listener on `events.request`: counts every request into the window in which it completed.

A request belongs to the window of its completion: that moment is known when the event fires (so a closed window never
changes), and k6 dates its points the same way. Locust's own statistics are not touched.
"""

from __future__ import annotations

import time
from math import log
from typing import TYPE_CHECKING, Protocol

from loadtest_agent import failures, protocol, wire
from loadtest_agent.histogram import LN_GROWTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest_agent.histogram import Histogram
    from loadtest_agent.wire import Endpoint

_OTHER: Endpoint = ("", protocol.OTHER)
_NAME_LENGTH = 256
_METHOD_LENGTH = 32
_MAX_KINDS = 2 * protocol.MAX_FAILURES
# Eleven days in microseconds: above it (and for NaN) a latency is a mistake of the script and is only counted.
_LONGEST_US = 1e12


class HealthSource(Protocol):
    """How the process did since the last reset."""

    def __call__(self, *, reset: bool) -> wire.Health: ...


def _unknown_health(*, reset: bool) -> wire.Health:  # noqa: ARG001 - the shape of a HealthSource
    return wire.Health()


class Recorder:
    """Cells of the open window, and the windows that are closed and not yet encoded."""

    def __init__(
        self,
        window_seconds: float,
        health: HealthSource = _unknown_health,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.closed: list[tuple[int, wire.Window]] = []
        self.failures: dict[wire.FailureKey, wire.Failure] = {}
        self.started = False
        self._window_seconds = window_seconds
        self._health = health
        self._clock = clock
        self._known: dict[object, Endpoint] = {}
        self._zero = 0.0
        self._pacing: wire.Pacing | None = None
        self._reset(0)
        self._edge = float("inf")

    def start(self, zero: float, *, late: bool = False) -> None:
        """Window 0 begins at `zero` of our clock. A worker that joins late keeps what it counted already."""
        if self.started:
            return
        self.started = True
        self._zero = zero
        self._health(reset=True)
        self._open = self._index(self._clock())
        self._edge = zero + (self._open + 1) * self._window_seconds
        if not late:
            self.failures.clear()
            self._cells.clear()
            self._by_endpoint.clear()
            self._pacing = None

    def on_request(
        self,
        request_type: object,
        name: object,
        response_time: float | None,
        exception: object = None,
        response: object = None,
        # Named although unused: gathering them into a dict costs a quarter of this function.
        response_length: object = None,  # noqa: ARG002
        context: object = None,  # noqa: ARG002
        start_time: object = None,  # noqa: ARG002
        url: object = None,  # noqa: ARG002
        **_kwargs: object,
    ) -> None:
        """The hot path: about one microsecond (tests/bench/agent_cost.py)."""
        now = self._clock()
        if now >= self._edge:
            self.roll(now)
        cell = self._cells.get((request_type, name))
        if cell is None:
            cell = self._cell(request_type, name)
        cell.n += 1
        if exception:
            cell.errors += 1
            if self._failed(request_type, name, exception, response, now) and response_time is not None:
                _count(cell.fail_hist, response_time * 1000.0)
        elif response_time is not None:
            latency_us = response_time * 1000.0
            if 1.0 < latency_us < _LONGEST_US:
                bucket = int(log(latency_us) / LN_GROWTH)
            elif 0.0 <= latency_us <= 1.0:
                bucket = 0
            else:
                return
            hist = cell.hist
            hist[bucket] = hist.get(bucket, 0) + 1
            cell.total_us += latency_us
            if latency_us > cell.peak_us:
                cell.peak_us = latency_us

    def on_iteration(self, turns: float) -> None:
        """A user with a pacing begins its next iteration, so many turns late."""
        now = self._clock()
        if now >= self._edge:
            self.roll(now)
        if self._pacing is None:
            self._pacing = wire.Pacing()
        self._pacing.count(turns)

    def roll(self, now: float) -> None:
        """Close the windows that are over; those in which nothing happened are closed, too, and say how we were."""
        if not self.started or now < self._edge:
            return
        current = self._index(now)
        health = self._health(reset=True)
        self.closed.append((self._open, self._window(self._window_seconds, health)))
        self.closed.extend(
            (index, wire.Window(self._window_seconds, health)) for index in range(self._open + 1, current)
        )
        self._reset(current)

    def peek(self, now: float) -> tuple[int, wire.Window]:
        """The open window as far as it got; to be encoded at once, for it goes on changing."""
        self.roll(now)
        covered = min(now - self._zero - self._open * self._window_seconds, self._window_seconds)
        return self._open, self._window(covered, self._health(reset=False))

    def finish(self) -> None:
        """Close the open window early; called once, when the load is over."""
        if not self.started:
            return
        index, window = self.peek(self._clock())
        self.closed.append((index, window))
        self._reset(index + 1)
        self._edge = float("inf")
        self.started = False

    def _window(self, covered: float, health: wire.Health) -> wire.Window:
        return wire.Window(covered, health, self._by_endpoint, self._pacing)

    def _index(self, now: float) -> int:
        return max(0, int((now - self._zero) / self._window_seconds))

    def _reset(self, index: int) -> None:
        self._open = index
        self._edge = self._zero + (index + 1) * self._window_seconds
        self._cells: dict[object, wire.Cell] = {}
        self._by_endpoint: dict[Endpoint, wire.Cell] = {}
        self._pacing = None

    def _cell(self, request_type: object, name: object) -> wire.Cell:
        endpoint = self._endpoint(request_type, name)
        cell = self._by_endpoint.setdefault(endpoint, wire.Cell())
        if endpoint is not _OTHER:
            # Beyond the cap nothing is remembered: a script that puts ids into names must not eat the memory.
            self._cells[request_type, name] = cell
        return cell

    def _endpoint(self, request_type: object, name: object) -> Endpoint:
        endpoint = self._known.get((request_type, name))
        if endpoint is None:
            if len(self._known) >= protocol.MAX_ENDPOINTS:
                return _OTHER
            endpoint = (str(request_type)[:_METHOD_LENGTH], str(name)[:_NAME_LENGTH])
            self._known[request_type, name] = endpoint
        return endpoint

    def _failed(self, request_type: object, name: object, exception: object, response: object, now: float) -> bool:
        """Remember the failure; True when somebody answered."""
        status = failures.status_of(response)
        method, endpoint = self._endpoint(request_type, name)
        key = (method, endpoint, failures.kind_of(exception, status))
        seen = self.failures.get(key)
        if seen is None:
            if len(self.failures) >= _MAX_KINDS:
                key = ("", protocol.OTHER, protocol.OTHER)
            seen = self.failures.setdefault(key, wire.Failure(0, now, now, failures.sample_of(exception)))
        seen.n += 1
        seen.last = now
        return status != 0


def _count(hist: Histogram, latency_us: float) -> None:
    if 0.0 <= latency_us < _LONGEST_US:
        bucket = int(log(latency_us) / LN_GROWTH) if latency_us > 1.0 else 0
        hist[bucket] = hist.get(bucket, 0) + 1
