"""An event loop on virtual time: nothing sleeps, threads run in place, and one seed gives one order of events.

Of asyncio's own loop it has what the operator uses, and nothing of sockets, threads, signals and debugging.
"""

import asyncio
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable
from typing import Any

EPOCH = 1_796_000_000.0  # what the servers' clocks show when a history begins; a full minute

MOST_TURNS = 20_000  # without time passing; a history has some hundred in all of its time

TaskFactory = Callable[..., asyncio.Task[Any]]


class Spinning(Exception):
    """What would be a core at work for nothing."""


class Handle:
    """Something that is to be called; cancelled when there is nothing to call any more."""

    __slots__ = ("args", "call", "context")

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context | None) -> None:
        self.call: Callable[..., Any] | None = call
        self.args = args
        self.context = contextvars.copy_context() if context is None else context

    def cancel(self) -> None:
        self.call = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.call is None


class VirtualLoop(asyncio.AbstractEventLoop):
    """Jumps to the date of the next timer when nobody has anything to do now."""

    def __init__(self) -> None:
        self.now = 0.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._count = 0  # what is due at the same time happens in the order in which it was planned
        self._stopping = False
        self._closed = False
        self._make_task: TaskFactory | None = None
        self._complain: Callable[[Any, dict[str, Any]], Any] | None = None

    # Time

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        handle = Handle(callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        handle = Handle(callback, args, context)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, handle))
        return handle

    # Running

    def run_forever(self) -> None:
        ready, timers, turns = self._ready, self._timers, 0
        events._set_running_loop(self)
        self._stopping = False
        try:
            while not self._stopping:
                while timers and timers[0][2].call is None:
                    heapq.heappop(timers)
                if not ready:
                    if not timers:
                        raise RuntimeError("nothing is left to happen, and still somebody waits")
                    if timers[0][0] > self.now:
                        self.now, turns = timers[0][0], 0
                while timers and timers[0][0] <= self.now:
                    ready.append(heapq.heappop(timers)[2])
                turns += 1
                if turns > MOST_TURNS:
                    raise Spinning(f"something goes on and on at {self.now:.3f} s, and no time passes")
                for _ in range(len(ready)):
                    self._run(ready.popleft())
        finally:
            events._set_running_loop(None)

    def _run(self, handle: Handle) -> None:
        if handle.call is None:
            return
        try:
            handle.context.run(handle.call, *handle.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  as asyncio does
            self.call_exception_handler({"message": f"exception in {handle.call}", "exception": error})

    def run_until_complete(self, future: Any) -> Any:
        task = asyncio.ensure_future(future, loop=self)
        task.add_done_callback(lambda _: self.stop())
        self.run_forever()
        return task.result()

    def stop(self) -> None:
        self._stopping = True

    def close(self) -> None:
        self._closed = True
        self._ready.clear()
        self._timers.clear()

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    # Tasks, futures, and what goes wrong in them

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> asyncio.Task[Any]:
        if self._make_task is not None:
            return self._make_task(self, coro, name=name, context=context)
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def set_task_factory(self, factory: Any) -> None:
        self._make_task = factory

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

    def get_debug(self) -> bool:
        return False

    def set_exception_handler(self, handler: Any) -> None:
        self._complain = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self._complain is not None:
            self._complain(self, context)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
