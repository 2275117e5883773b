"""What time it is. The one place that reads the wall clock, so that tests can set it.

All times that ours is compared with were written by others: the API server, the kubelet, the master. So it is the
API server's time that counts, when the clock of our own machine is far from it, or is set while we run.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Clock = Callable[[], datetime]

# Clocks that differ by less are taken as equal: several API servers differ, too, and no decision is so exact.
AGREES = timedelta(seconds=10)
_DATE_STEP = timedelta(seconds=1)


def now() -> datetime:
    return datetime.now(UTC)


class ClusterClock:
    """Our own clock while the API server agrees with it, else the API server's; in between, time just goes on."""

    def __init__(self, wall: Clock | None = None, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall or now
        self._steady = steady
        self._heard = ""
        self._set(self._wall())

    def __call__(self) -> datetime:
        return self._time + timedelta(seconds=self._steady() - self._since)

    def hear(self, date: str, took: float) -> None:
        """Header Date of an answer, and how many seconds passed since the question: it may be as old as that."""
        if date and date == self._heard:
            return
        self._heard = date
        early = _parsed(date)
        wall = self._wall()
        late = early + _DATE_STEP + timedelta(seconds=took) if early else wall
        if early is None or early - AGREES <= wall <= late + AGREES:
            self._set(wall)
        elif not early - AGREES <= self() <= late + AGREES:
            self._set(late)

    def _set(self, to: datetime) -> None:
        self._time, self._since = to, self._steady()


def _parsed(date: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(date)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
