"""What a worker still has to tell: each closed window three times, the open one as it stands when windows are long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest_agent import protocol, wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadtest_agent.config import Config
    from loadtest_agent.recorder import Recorder

# Locust reports every 3 s. Longer windows are also sent unfinished: for live figures, and a lost pod costs less then.
_PARTIAL_FROM_SECONDS = 3.0

Report = dict[str, object]


class Outbox:
    """Encodes windows once they are closed, and keeps them in case the master asks again."""

    def __init__(self, config: Config, recorder: Recorder) -> None:
        self.clock_shift = 0.0  # from our monotonic clock to the master's
        self.requests = 0
        self.errors = 0
        self._header = {"run": config.run.id, "attempt": config.run.attempt}
        self._partial = config.window_seconds > _PARTIAL_FROM_SECONDS
        self._recorder = recorder
        self._blobs: dict[int, bytes] = {}
        self._sends_left: dict[int, int] = {}

    def take_closed(self) -> None:
        closed, self._recorder.closed[:] = list(self._recorder.closed), []
        for w, window in closed:
            self._blobs[w] = wire.encode(window)
            self._sends_left[w] = protocol.SENDS_PER_WINDOW
            self.requests += sum(cell.n for cell in window.cells.values())
            self.errors += sum(cell.errors for cell in window.cells.values())

    def report(self, now: float) -> Report:
        """What goes with Locust's next report."""
        self._recorder.roll(now)
        self.take_closed()
        windows = [[w, self._blobs[w]] for w in self._sends_left]
        self._sends_left = {w: left - 1 for w, left in self._sends_left.items() if left > 1}
        if self._partial and self._recorder.started:
            w, window = self._recorder.peek(now)
            windows.append([w, wire.encode(window)])
        report: Report = {**self._header, "windows": windows}
        if self._recorder.failures:  # cumulative, so sent every time: the last report may be the one that arrives
            report["failures"] = wire.encode_failures(self._recorder.failures, protocol.MAX_FAILURES, self.clock_shift)
        return report

    def again(self, windows: Iterable[int]) -> Report:
        """Windows that the master misses."""
        return {**self._header, "windows": [[w, self._blobs[w]] for w in windows if w in self._blobs]}

    def span(self) -> list[int]:
        """First and last window; empty when there is none."""
        return [min(self._blobs), max(self._blobs)] if self._blobs else []
