"""How late users with a pacing begin their iterations: Locust's own `constant_pacing`, listened to.

A script that uses it, or `constant_throughput`, which is made of it, gets the same waits, computed by Locust from the
same attributes; only afterwards is it noted how much of a turn the next iteration is late. Other waits are not touched.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

# Who waits is known by its place in memory. Those that are gone are forgotten together with the others, at the price of
# one iteration each.
_MOST_KNOWN = 100_000


class Paced(Protocol):
    """A user or task set of Locust: when it was last asked how long to wait, and what the answer was."""

    _cp_last_run: float
    _cp_last_wait_time: float


Wait: TypeAlias = "Callable[[Paced], float]"
Factory: TypeAlias = "Callable[[float], Wait]"


class Ear:
    """Tells by how many turns each iteration begins late, 0 when it is in time."""

    def __init__(self, note: Callable[[float], None]) -> None:
        self._note = note
        self._last: dict[int, float] = {}

    def hear(self, paced: Paced, turn: float, asked: float, waited: float) -> None:
        """An iteration is over that was to begin `waited` after `asked`, and the next one a turn later."""
        now, known = paced._cp_last_run, self._last.get(id(paced))
        if known is None and len(self._last) >= _MOST_KNOWN:
            self._last.clear()
        self._last[id(paced)] = now
        if known != asked:
            return  # the first turn of this one: it holds the user's on_start
        late = 0.0 if paced._cp_last_wait_time > 0 else max(0.0, now - asked - waited - turn)
        self._note(late / turn)


def heard(original: Factory, note: Callable[[float], None]) -> Factory:
    """Locust's `constant_pacing`, and `note` is called in the user's greenlet between two iterations."""
    ear = Ear(note)

    @functools.wraps(original)
    def constant_pacing(wait_time: float) -> Wait:
        wait = original(wait_time)
        if not isinstance(wait_time, int | float) or not wait_time > 0:
            return wait  # no pacing

        @functools.wraps(wait)
        def wait_time_func(self: Paced) -> float:
            asked, waited = self._cp_last_run, self._cp_last_wait_time
            seconds = wait(self)
            ear.hear(self, wait_time, asked, waited)
            return seconds

        return wait_time_func

    return constant_pacing


def listen(note: Callable[[float], None]) -> None:
    """For scripts that are imported from here on."""
    import locust
    from locust.user import wait_time

    wait_time.constant_pacing = locust.constant_pacing = heard(wait_time.constant_pacing, note)
