"""The table of faults: what a run becomes when something breaks, as the tests that broke it measured it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Any

from tests.support import loadtests
from tests.support.recorder import Version

PROPERTY = "fault"
HEAD = ("fault", "seen after", "outcome", "reason shown", "load left running", "lost requests")
NOTHING = "-"


@dataclass(frozen=True)
class Row:
    fault: str
    seen_after: str
    """From the fault until the status tells of it."""
    outcome: str
    reason: str
    load_left: str
    """For how long load went on that should have ended."""
    lost: str
    """Requests that the target served and the run's result does not have."""

    def tell(self, record_property: Callable[[str, object], None]) -> None:
        record_property(PROPERTY, astuple(self))


def row(
    fault: str,
    final: dict[str, Any],
    told: Version | None,
    broken_at: float,
    *,
    kind: str = "Ready",
    load_left: float | None = None,
    lost: int = 0,
    served: int = 0,
) -> Row:
    """`told`: the first status that tells of it, in the reason of its condition `kind`; None: it tells nothing.

    `broken_at` is on this process's monotonic clock, as the version's time is.
    """
    status = final["status"]
    reason = str(loadtests.condition(told.object, kind).get("reason") or NOTHING) if told else NOTHING
    after = None if told is None else told.at - broken_at
    outcome = ", ".join(dict.fromkeys((status["phase"], status["verdict"])))
    return Row(fault, seconds(after), outcome, reason, seconds(load_left), f"{lost} of {served}" if lost else "0")


def monotonic(wall: float) -> float:
    """A time of day on the clock of Recorder."""
    return wall - time.time() + time.monotonic()


def seconds(value: float | None) -> str:
    """Of what never came: nothing."""
    return NOTHING if value is None else f"{max(0.0, value):.1f} s"


def markdown(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [HEAD, tuple("--" for _ in HEAD), *sorted({tuple(row) for row in rows}, key=lambda row: row[0].lower())]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
