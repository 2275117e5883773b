"""How the load generator itself is doing: its share of the CPU, how long it was kept from running, how late it is."""

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


def throttled_seconds(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """How long the container's CPU limit has kept it from running so far; None: it has no such accounting."""
    for file, name, per_second in (("cpu.stat", "throttled_usec", 1e6), ("cpu/cpu.stat", "throttled_time", 1e9)):
        try:
            lines = (root / file).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            key, _, value = line.partition(" ")
            if key == name and value.isdecimal():
                return int(value) / per_second
    return None


class Sampler:
    """CPU share, share of throttling, and the longest delay of a heartbeat since the last reset."""

    def __init__(
        self, users: Callable[[], int], limit: float, throttled: Callable[[], float | None] = throttled_seconds
    ) -> None:
        self._users = users
        self._limit = limit
        self._throttled = throttled
        self._held: float | None = None
        self._held_back = throttled()
        self._worst = 0.0
        self._last = 0.0
        self._cpu, self._wall = time.process_time(), time.monotonic()

    def __call__(self, *, reset: bool) -> wire.Health:
        cpu, wall = time.process_time(), time.monotonic()
        if wall - self._wall > _HEARTBEAT_SECONDS:  # shorter spans say nothing, the last value stands
            self._last = (cpu - self._cpu) / (wall - self._wall) / self._limit
            self._held = _share(self._held_back, self._throttled(), wall - self._wall)
        health = wire.Health(self._users(), self._last, self._worst, self._held)
        if reset:
            self._cpu, self._wall, self._worst = cpu, wall, 0.0
            self._held_back = self._throttled()
        return health

    def heartbeat(self, on_beat: Callable[[float], None]) -> None:
        """A greenlet's body: measures lag for ever, and gives the time to whoever closes windows."""
        while True:
            due = time.monotonic() + _HEARTBEAT_SECONDS
            gevent.sleep(_HEARTBEAT_SECONDS)
            now = time.monotonic()
            self._worst = max(self._worst, now - due)
            on_beat(now)


def _share(before: float | None, now: float | None, seconds: float) -> float | None:
    return None if before is None or now is None else min(1.0, max(0.0, now - before) / seconds)
