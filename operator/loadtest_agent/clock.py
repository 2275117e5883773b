"""The master's clock: seconds since the epoch that never jump, because the wall clock is read once."""

from __future__ import annotations

import time


class MasterClock:
    def __init__(self) -> None:
        self._shift = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._shift
