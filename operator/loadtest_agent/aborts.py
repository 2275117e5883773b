"""Limits that end a run early, with or without anybody who drives it: over so long a stretch, each window of it in."""

from __future__ import annotations

import fnmatch
from collections import deque
from typing import TYPE_CHECKING

from loadtest_agent import histogram, wire

if TYPE_CHECKING:
    from loadtest_agent.config import AbortRule
    from loadtest_agent.windows import WindowStore

Aborted = dict[str, object]

_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


class Watch:
    """One rule, and what it has seen of the last stretch."""

    def __init__(self, rule: AbortRule, window_seconds: float) -> None:
        self._rule = rule
        self._window_seconds = window_seconds
        self._length = max(1, round(rule.for_seconds / window_seconds))
        self._cells: deque[wire.Cell] = deque()

    def take(self, window: wire.Window) -> Aborted | None:
        """The next window; what there is to say when the limit is crossed over the whole stretch."""
        cell = wire.Cell()
        for one in self._matching(window):
            cell.add(one)
        self._cells.append(cell)
        if len(self._cells) > self._length:
            self._cells.popleft()
        if len(self._cells) < self._length:
            return None
        value = self._value()
        if value is None or not (value < self._rule.limit if self._rule.lower_is_worse else value > self._rule.limit):
            return None
        return {"reason": self._rule.reason, "name": self._rule.name, "value": value, "message": self._says(value)}

    def _matching(self, window: wire.Window) -> list[wire.Cell]:
        """As the operator's thresholds choose: a name that is called exactly so first, else `*` stands for anything."""
        wanted = self._rule.endpoint
        if wanted is None:
            return list(window.cells.values())
        names = {key: (key[1], f"{key[0]} {key[1]}".strip()) for key in window.cells}
        exact = [window.cells[key] for key, known in names.items() if wanted in known]
        if exact or "*" not in wanted:
            return exact
        pattern = wanted.replace("[", "[[]").replace("?", "[?]")
        return [
            window.cells[key]
            for key, known in names.items()
            if any(fnmatch.fnmatchcase(name, pattern) for name in known)
        ]

    def _value(self) -> float | None:
        """None without data: a limit is crossed by what was measured only."""
        requests = sum(cell.n for cell in self._cells)
        metric = self._rule.metric
        if metric == "rps":
            return requests / (self._length * self._window_seconds)
        if metric == "errorRate":
            return sum(cell.errors for cell in self._cells) / requests if requests else None
        hist: histogram.Histogram = {}
        for cell in self._cells:
            histogram.add(hist, cell.hist)
        successes = sum(hist.values())
        if not successes:
            return None
        if metric == "mean":
            return sum(cell.total_us for cell in self._cells) / successes / 1e6
        if metric == "max":
            return max(cell.peak_us for cell in self._cells) / 1e6
        return histogram.quantile_seconds(hist, _QUANTILES[metric])

    def _says(self, value: float) -> str:
        side = "below" if self._rule.lower_is_worse else "over"
        shown, limit = _shown(self._rule.metric, value), _shown(self._rule.metric, self._rule.limit)
        return f"{self._rule.name} was {shown} over {self._rule.for_seconds:g} s, {side} its limit of {limit}"


class Watches:
    """All rules, fed with each window once all workers that are there have reported it."""

    def __init__(self, rules: tuple[AbortRule, ...], store: WindowStore) -> None:
        self._watches = [Watch(rule, store.window_seconds) for rule in rules]
        self._store = store
        self._next = 0

    def look(self, workers: set[str]) -> Aborted | None:
        end = self._store.settled(workers) if self._watches else -1
        while self._next <= end:
            window = self._store.merged(self._next)
            self._next += 1
            found = [told for told in (watch.take(window) for watch in self._watches) if told is not None]
            if found:
                return found[0]
        return None


def _shown(metric: str, value: float) -> str:
    if metric == "errorRate":
        return f"{100 * value:.3g}%"
    if metric == "rps":
        return f"{value:.3g}/s"
    return f"{1000 * value:.3g}ms" if value < 1 else f"{value:.3g}s"
