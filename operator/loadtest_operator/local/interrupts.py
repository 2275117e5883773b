"""Ctrl-C once: stop gracefully and keep what was measured. Ctrl-C again: end everything now."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Interrupts:
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    twice: bool = False


@contextmanager
def interrupts(first: Callable[[], None], second: Callable[[], None]) -> Iterator[Interrupts]:
    """`first` is called with the first signal, `second` with every later one; that also cancels the current task."""
    found = Interrupts()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def on_signal() -> None:
        if not found.stop.is_set():
            found.stop.set()
            first()
            return
        found.twice = True
        second()
        task.cancel()

    for signum in SIGNALS:
        loop.add_signal_handler(signum, on_signal)
    try:
        yield found
    finally:
        for signum in SIGNALS:
            loop.remove_signal_handler(signum)
