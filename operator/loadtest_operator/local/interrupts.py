"""Ctrl-C once: stop gracefully and keep what was measured. Ctrl-C again: end everything now."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts(first: Callable[[], None], second: Callable[[], None]) -> Iterator[asyncio.Event]:
    """The event is set by the first signal; `first` and `second` are called, each once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def on_signal() -> None:
        if not asked.is_set():
            asked.set()
            first()
            return
        second()
        task.cancel()

    for signum in SIGNALS:
        loop.add_signal_handler(signum, on_signal)
    try:
        yield asked
    finally:
        for signum in SIGNALS:
            loop.remove_signal_handler(signum)
