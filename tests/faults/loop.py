"""An event loop on virtual time: nothing sleeps, threads run in place, and one seed gives one order of events."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

EPOCH = 1_796_000_000.0  # what the servers' clocks show when a history begins; a full minute


class _NoSockets:
    """Stands where the selector is: there is nothing to wait for but the time."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is left to happen, and still somebody waits")
        if timeout > 0:
            self._loop.now = self._loop.next_date()
        return []

    def close(self) -> None:
        pass


class VirtualLoop(asyncio.BaseEventLoop):
    """Jumps to the date of the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _NoSockets(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now

    def next_date(self) -> float:
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
            self._timer_cancelled_count -= 1
        return max(self.now, self._scheduled[0]._when)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """In place, but whoever awaits it has to wait a turn, as for a thread."""
        future = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001  as a thread hands it over
            self.call_soon(_settle, future, None, error)
        else:
            self.call_soon(_settle, future, result, None)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
