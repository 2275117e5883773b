"""How the load generator itself is doing: its share of the CPU and how late its event loop runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import gevent

from loadtest_agent import wire

if TYPE_CHECKING:
    from collections.abc import Callable

# Twenty readings a second cost less than a thousandth of a core and still see every pause worth knowing of.
_HEARTBEAT_SECONDS = 0.05


def cpu_limit(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Cores this process can use: Python runs on one, and the container's limit may allow less."""
    try:
        quota, period = (root / "cpu.max").read_text().split()[:2]
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return 1.0
    if not quota.isdecimal() or not period.isdecimal() or quota == "0" or period == "0":
        return 1.0  # "max", or -1 in the old hierarchy
    return min(1.0, int(quota) / int(period))


class Sampler:
    """CPU share and the longest delay of a heartbeat since the last reset."""

    def __init__(self, users: Callable[[], int], limit: float) -> None:
        self._users = users
        self._limit = limit
        self._worst = 0.0
        self._last = 0.0
        self._cpu, self._wall = time.process_time(), time.monotonic()

    def __call__(self, *, reset: bool) -> wire.Health:
        cpu, wall = time.process_time(), time.monotonic()
        if wall - self._wall > _HEARTBEAT_SECONDS:  # shorter spans say nothing, the last value stands
            self._last = (cpu - self._cpu) / (wall - self._wall) / self._limit
        health = wire.Health(self._users(), self._last, self._worst)
        if reset:
            self._cpu, self._wall, self._worst = cpu, wall, 0.0
        return health

    def heartbeat(self, on_beat: Callable[[float], None]) -> None:
        """A greenlet's body: measures lag for ever, and gives the time to whoever closes windows."""
        while True:
            due = time.monotonic() + _HEARTBEAT_SECONDS
            gevent.sleep(_HEARTBEAT_SECONDS)
            now = time.monotonic()
            self._worst = max(self._worst, now - due)
            on_beat(now)
