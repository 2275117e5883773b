"""Which start of a schedule is due: its LoadTests' names are minutes, the status says from which one on to look."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from loadtest_operator.build import scheduled as build
from loadtest_operator.decide.scheduled import Made
from loadtest_operator.model.cron import MINUTE, Cron
from loadtest_operator.model.phases import ConcurrencyPolicy

# After weeks away a line that comes every minute has tens of thousands; more than this are not told apart.
COUNTED: Final = 1000
# A clock that went back further than this was wrong before: what was handled then says nothing about now.
STEP_BACK: Final = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """One answer: at most one start, or one that waits."""

    next: datetime | None  # from here on to look next time: everything before is settled
    start: datetime | None = None
    held: datetime | None = None
    skipped: datetime | None = None  # Forbid, while another one ran
    late: datetime | None = None  # the newest one that came too late
    missed: int = 0


@dataclass(frozen=True)
class Policy:
    concurrency: ConcurrencyPolicy
    deadline: timedelta


def since(
    line: Cron, planned: datetime | None, edited: datetime | None, created: datetime, now: datetime, *, known: bool
) -> datetime:
    """From which minute on starts count. `known`: the status is about this generation of the spec.

    `planned` is the start that was planned last. After an edit it only counts when the new line names it too and it was
    due before; else what the old line meant is over, and the new one holds from the edit on.
    """
    if planned is None:
        return _minute_after(max(created, edited or created))
    if not known:
        changed = edited or now
        return planned if planned <= changed and line.names(planned) else _minute_after(changed)
    settled = line.after(now + STEP_BACK)
    return _minute_after(now) if settled is not None and settled < planned else planned


def due(
    line: Cron, begin: datetime, now: datetime, made: Collection[Made], policy: Policy, vanished: bool = False
) -> Due:
    """Only the newest start that was not made can still be made; older ones are counted.

    `vanished`: the LoadTest for whose end a start waited is not there any more, so that nothing tells when that was.
    """
    following = line.after(max(now, begin - MINUTE))
    newest = line.latest(now)
    if newest is None or newest < begin:
        return Due(following)
    there = {item.minute for item in made}
    starts = islice(line.between(begin, newest), COUNTED)
    older = sum(1 for moment in starts if moment != newest and build.minute(moment) not in there)
    if build.minute(newest) in there:
        return Due(following, missed=older)
    active = any(not item.over for item in made)
    if active and policy.concurrency is ConcurrencyPolicy.FORBID:
        return Due(following, skipped=newest, missed=older + 1)
    if active and policy.concurrency is ConcurrencyPolicy.QUEUE:
        return Due(newest, held=newest, missed=older)
    if not vanished and now - _its_turn(newest, made, policy) > policy.deadline:
        return Due(following, late=newest, missed=older + 1)
    return Due(following, start=newest, missed=older)


def _its_turn(moment: datetime, made: Collection[Made], policy: Policy) -> datetime:
    """One that had to wait for another to end is not late before that ended."""
    if policy.concurrency is not ConcurrencyPolicy.QUEUE:
        return moment
    ends = [item.ended for item in made if item.begun <= moment and item.ended is not None]
    return max([moment, *ends])


def _minute_after(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + MINUTE
