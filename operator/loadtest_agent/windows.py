"""The master's store of windows: keeps what each worker sent, adds workers up, and hands out changes since a cursor.

A window of a worker is replaced when it comes again, never added, so that repeated and reordered reports are harmless.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loadtest_agent import histogram, protocol, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtest_agent.histogram import Histogram

RECENT_SECONDS = 10.0
_OTHER: wire.Endpoint = ("", protocol.OTHER)


@dataclass
class _Brief:
    """The whole of a worker's window in a few numbers, for the live figures."""

    n: int
    errors: int
    hist: Histogram
    covered: float
    health: wire.Health
    pacing: wire.Pacing | None


@dataclass(frozen=True)
class Recent:
    """What the last seconds looked like."""

    seconds: float
    requests: int
    errors: int
    p95: float | None
    cpu: float
    lag: float
    throttled: float | None
    pacing: wire.Pacing | None


class WindowStore:
    """All windows of one attempt, by number and worker."""

    def __init__(self, window_seconds: float) -> None:
        self.window_seconds = window_seconds
        self.cursor = 0
        self.requests = 0
        self.errors = 0
        self.totals: dict[wire.Endpoint, wire.Cell] = {}
        self._blobs: dict[int, dict[str, bytes]] = {}
        self._seqs: dict[int, int] = {}
        self._order: dict[int, int] = {}  # seq -> w, oldest change first
        self._text: dict[int, bytes] = {}
        self._briefs: dict[int, dict[str, _Brief]] = {}
        self._newest: dict[str, int] = {}
        self._failures: dict[str, bytes] = {}
        self._silent: dict[str, set[int]] = {}  # by worker: windows in which the master did not hear it

    def put(self, worker: str, w: int, blob: bytes) -> bool:
        """Take a worker's window; False when it is already here as it is."""
        of_window = self._blobs.setdefault(w, {})
        before = of_window.get(worker)
        if before == blob:
            return False
        window = wire.decode(blob)
        if before is not None:
            self._account(wire.decode(before), sign=-1)
        self._account(window, sign=1)
        of_window[worker] = blob
        self._brief(worker, w, window)
        self._changed(w)
        return True

    def silent(self, worker: str, begin: float, end: float) -> None:
        """Nothing was heard of it from `begin` to `end`, in seconds of the load. A worker that is cut off says later
        that its users were there, and they were; but what they asked for never arrived."""
        size = self.window_seconds
        found = range(int(max(0.0, begin) / size), int(end / size) + 1 if end > 0 else 0)
        self._silent.setdefault(worker, set()).update(found)
        for w in found:
            if self.has(worker, w):
                self._changed(w)

    def put_failures(self, worker: str, blob: bytes) -> None:
        """A worker's failures are cumulative: the last word replaces what it said before."""
        self._failures[worker] = blob

    def has(self, worker: str, w: int) -> bool:
        return worker in self._blobs.get(w, {})

    def since(self, cursor: int) -> Iterator[tuple[int, str]]:
        """(seq, JSON) of the windows that changed after the cursor, oldest change first."""
        for seq, w in list(self._order.items()):
            if seq > cursor and self._seqs[w] == seq:
                yield seq, self._json(w, seq)

    def settled(self, workers: set[str]) -> int:
        """The newest window that all given workers have closed; -1 without one."""
        newest = min((self._newest.get(worker, -1) for worker in workers), default=-1)
        # What is newest may be a window that is still open.
        return newest - 1

    def merged(self, w: int) -> wire.Window:
        """All workers' parts of a window together."""
        return self._merged(w)[0] if w in self._blobs else wire.Window(0.0)

    def failures(self) -> list[dict[str, object]]:
        together: dict[wire.FailureKey, wire.Failure] = {}
        for blob in self._failures.values():
            for key, one in wire.decode_failures(blob).items():
                seen = together.get(key)
                if seen is None:
                    together[key] = one
                else:
                    seen.n += one.n
                    seen.first, seen.last = min(seen.first, one.first), max(seen.last, one.last)
        busiest = sorted(together.items(), key=lambda item: (-item[1].n, item[0]))[: protocol.MAX_FAILURES]
        return [
            {"method": method, "name": name, "kind": kind, "n": one.n}
            | {"first": one.first, "last": one.last, "sample": one.sample}
            for (method, name, kind), one in busiest
        ]

    def recent(self, workers: set[str]) -> Recent:
        """The newest windows that all given workers have reported, until they cover ten seconds."""
        newest = min((self._newest.get(worker, -1) for worker in workers), default=-1)
        if newest < 0:
            newest = max(self._newest.values(), default=-1)
        seconds, requests, errors, health = 0.0, 0, 0, wire.Health()
        hist: Histogram = {}
        pacing: wire.Pacing | None = None
        for w in range(newest, -1, -1):
            briefs = self._briefs.get(w)
            if briefs is None or seconds >= RECENT_SECONDS:
                break
            seconds += max(brief.covered for brief in briefs.values())
            for brief in briefs.values():
                requests += brief.n
                errors += brief.errors
                health = _worse(health, brief.health)
                histogram.add(hist, brief.hist)
                pacing = _together(pacing, brief.pacing)
        p95 = histogram.quantile_seconds(hist, 0.95)
        return Recent(seconds, requests, errors, p95, health.cpu, health.lag, health.throttled, pacing)

    def _changed(self, w: int) -> None:
        self._order.pop(self._seqs.get(w, 0), None)
        self.cursor += 1
        self._seqs[w] = self.cursor
        self._order[self.cursor] = w
        self._text.pop(w, None)

    def _away(self, worker: str, w: int, window: wire.Window) -> bool:
        """Silent, and nobody answered it either. One that is cut off from its master alone goes on with its load."""
        if w not in self._silent.get(worker, ()):
            return False
        return not any(cell.hist or cell.fail_hist for cell in window.cells.values())

    def _account(self, window: wire.Window, sign: int) -> None:
        for endpoint, cell in window.cells.items():
            key = endpoint if endpoint in self.totals or len(self.totals) < protocol.MAX_ENDPOINTS else _OTHER
            total = self.totals.setdefault(key, wire.Cell())
            if sign > 0:
                total.add(cell)
            else:
                total.subtract(cell)
            self.requests += sign * cell.n
            self.errors += sign * cell.errors

    def _brief(self, worker: str, w: int, window: wire.Window) -> None:
        self._newest[worker] = max(w, self._newest.get(worker, -1))
        hist: Histogram = {}
        for cell in window.cells.values():
            histogram.add(hist, cell.hist)
        n = sum(cell.n for cell in window.cells.values())
        errors = sum(cell.errors for cell in window.cells.values())
        self._briefs.setdefault(w, {})[worker] = _Brief(n, errors, hist, window.covered, window.health, window.pacing)
        # Workers report every 3 s, so what is a minute (or three windows) old is in no live figure any more.
        keep = max(3, math.ceil(60 / self.window_seconds))
        for old in [index for index in self._briefs if index < w - keep]:
            del self._briefs[old]

    def _merged(self, w: int) -> tuple[wire.Window, int]:
        """With the number of workers that were at work."""
        merged, present = wire.Window(0.0), 0
        for worker, blob in sorted(self._blobs[w].items()):
            window = wire.decode(blob)
            away = self._away(worker, w, window)
            present += not away
            merged.health = _worse(merged.health, replace(window.health, users=0) if away else window.health)
            merged.pacing = _together(merged.pacing, window.pacing)
            for endpoint, cell in window.cells.items():
                key = endpoint if endpoint in self.totals else _OTHER
                merged.cells.setdefault(key, wire.Cell()).add(cell)
        return merged, present

    def _json(self, w: int, seq: int) -> str:
        cached = self._text.get(w)
        if cached is not None:
            return zlib.decompress(cached).decode()
        merged, present = self._merged(w)
        text = json.dumps(
            {
                "w": w,
                "seq": seq,
                "workers": present,
                "users": merged.health.users,
                "cpu": merged.health.cpu,
                "lag": merged.health.lag,
                "throttled": merged.health.throttled,
                "pacing": merged.pacing and merged.pacing.to_json(),
                "endpoints": [_endpoint(*item) for item in sorted(merged.cells.items())],
            },
            separators=(",", ":"),
        )
        self._text[w] = zlib.compress(text.encode(), 1)
        return text


def _endpoint(endpoint: wire.Endpoint, cell: wire.Cell) -> dict[str, object]:
    return {
        "method": endpoint[0],
        "name": endpoint[1],
        "n": cell.n,
        "errors": cell.errors,
        "hist": dict(sorted(cell.hist.items())),
        "fail_hist": dict(sorted(cell.fail_hist.items())),
        "sum": round(cell.total_us / 1e6, 6),
        "max": round(cell.peak_us / 1e6, 6),
    }


def _together(one: wire.Pacing | None, other: wire.Pacing | None) -> wire.Pacing | None:
    if one is None and other is None:
        return None
    both = wire.Pacing()
    for part in (one, other):
        if part is not None:
            both.add(part)
    return both


def _worse(one: wire.Health, other: wire.Health) -> wire.Health:
    """All users, and the figures of whoever is worse off."""
    held = [value for value in (one.throttled, other.throttled) if value is not None]
    return wire.Health(
        one.users + other.users, max(one.cpu, other.cpu), max(one.lag, other.lag), max(held, default=None)
    )
