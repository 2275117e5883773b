"""Whether the load that was asked for was there: users along their ramp, and iterations at their pacing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import Reason
from loadtest_operator.verdict.pacing import Paced
from loadtest_operator.verdict.window import RunWindow

# Users come and go around the wanted number while a locustfile's users stop and start.
MIN_ACHIEVED = 0.95
# Locust hands users out once a second: who comes with the next step is in time.
_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What the run was meant to be, as far as it can be checked."""

    workers: int
    workers_lost: int = 0
    """As the master counted them."""
    users: int | None = None
    """The level after the ramp; None when it changes during the run or is not known."""
    ramp_s: float = 0.0
    tolerate_loss: float = 0.10
    """The share of user-seconds that may be lost with workers."""

    def users_at(self, seconds: float) -> float:
        """How many there have to be so long after the start of the load."""
        ramped = max(0.0, seconds - _STEP_S)
        return (self.users or 0) * (1.0 if ramped >= self.ramp_s else ramped / self.ramp_s)

    def missing(self, window: RunWindow) -> int:
        """Workers that did not report it."""
        return 0 if window.workers is None else max(0, self.workers - window.workers)


@dataclass(frozen=True, slots=True)
class Doubt:
    reason: Reason
    says: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.says}"


def achieved(windows: Sequence[RunWindow], expected: Expected, window_s: float) -> float | None:
    """The share of the wanted load that was there: of user-seconds when the level is known, else of worker-seconds."""
    if expected.users:
        # More than were wanted, for a moment while they move to other workers, do not make up for those that were gone.
        told = [(one.users, expected.users_at((one.w + 1) * window_s)) for one in windows if one.users is not None]
        # They are counted when a window closes, and when the last one does, the stop may have come already.
        told = [*told[:-1], told[-2]] if len(told) > 1 else told
        wanted = sum(want for _, want in told)
        return sum(min(users, want) for users, want in told) / wanted if wanted else None
    workers = [expected.workers - expected.missing(one) for one in windows if one.workers is not None]
    return sum(workers) / (expected.workers * len(workers)) if workers and expected.workers else None


def degraded(window: RunWindow, expected: Expected, window_s: float) -> bool:
    """Workers or users were missing in it."""
    if expected.missing(window) or window.users is None:
        return bool(expected.missing(window))
    return window.users < MIN_ACHIEVED * expected.users_at((window.w + 1) * window_s)


def too_few(share: float, windows: Sequence[RunWindow], expected: Expected, window_s: float) -> Doubt:
    """Users that did not come, or did not stay; `windows` are those of the whole run."""
    says = f"only {quantities.share(share)} of the wanted {expected.users} users were there on average"
    took = _took(windows, expected.users or 0, window_s)
    if took <= expected.ramp_s + _STEP_S + window_s:
        advice = "the logs of the workers say whether users ended by themselves (an exception in on_start, StopUser)"
        return Doubt(Reason.LOAD_NOT_REACHED, f"{says}; {advice}, or add workers (runners.workers)")
    rate = quantities.rate((expected.users or 0) / took)
    slow = f"they came in {_seconds(took)} instead of {_seconds(expected.ramp_s)}"
    advice = f"let them come in {_seconds(took)} (load.ramp, or load.spawnRate {rate})"
    if expected.ramp_s:
        workers = max(expected.workers + 1, math.ceil(expected.workers * took / expected.ramp_s))
        advice += f", or add workers (runners.workers): {workers} or more would do for this ramp"
    return Doubt(Reason.LOAD_NOT_REACHED, f"{says}: {slow}; {advice}")


def _took(windows: Sequence[RunWindow], users: int, window_s: float) -> float:
    """The seconds in which all users came, or would have come at the pace of those that did."""
    most = min(users, max((one.users or 0 for one in windows), default=0))
    there = [one for one in windows if (one.users or 0) >= MIN_ACHIEVED * most]
    if not most or not there:
        return 0.0
    first = there[0]
    return math.ceil((first.w + 1) * window_s * users / min(users, first.users or users))


def _seconds(seconds: float) -> str:
    return quantities.duration(timedelta(seconds=seconds))


def too_late(paced: Paced | None, users: int | None) -> Iterator[Doubt]:
    """A script that asks for more iterations than its users can make."""
    if paced is None or paced.kept():
        return
    tail = f"the latest hundredth by {paced.p99:.2g}" if paced.p99 else f"the latest by {paced.latest:.2g}"
    late = f"{quantities.share(paced.share_late)} of the iterations that have a pacing began late, {tail}"
    made = f"{quantities.share(paced.made)} of those that were asked for were made"
    # As many more users make the same load of longer turns.
    longer = paced.enough()
    more = f"{math.ceil(users * longer - 1e-6)} users (load.users)" if users else f"{longer:g} times as many users"
    why = "the script asks for more than its users can do at these response times"
    advice = f"{more} with a pacing {longer:g} times as long would make that load, a longer pacing alone makes less"
    yield Doubt(Reason.LOAD_NOT_REACHED, f"{late} times that pacing, and only {made}: {why}; {advice}")
