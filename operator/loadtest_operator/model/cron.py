"""Five cron fields in a time zone: which minutes they name. The calendar is cronsim's; the clock changes are ours.

A local time that a clock change leaves out comes at the moment of the change, one that comes twice is taken the first
time. Lines whose hour is `*` have no such time of day: they go on in even steps.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

MINUTE: Final = timedelta(minutes=1)
_EVERY_HOUR: Final = frozenset(range(24))
_WEEKDAYS: Final = {name: str(number) for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
# Any day will do: the question is only whether there is a next time, and cronsim looks 50 years ahead.
_SOME_DAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001  local time, whatever the zone


def wrong(line: str) -> str:
    """What a person has to correct in a line that has the form of five cron fields; '' when it is fine."""
    try:
        comes = next(CronSim(_plain(line), _SOME_DAY), None)
    except CronSimError as error:
        what = str(error).removeprefix("Bad ")
        if what == "day-of-month" and not _bad_day(line):
            comes = None
        else:
            return f"has a {what} that cannot be: a range goes upwards (1-5), a step is at least 1"
    return "" if comes else "never comes: no month that it names has such a day; correct the day or the month"


def _bad_day(line: str) -> bool:
    """Whether the day of the month is wrong in itself, and not only in the months that are named."""
    try:
        CronSim(f"0 0 {line.split()[2]} * *", _SOME_DAY)
    except CronSimError:
        return True
    return False


def zone(name: str) -> ZoneInfo | None:
    """None when there is no such time zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder or a table of the zone data, too
        return None


@dataclass(frozen=True)
class Cron:
    """A line that `wrong` has nothing against, in a zone that exists."""

    line: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than this; None when there is none in 50 years."""
        return next((found for found in self._from(moment) if found > moment), None)

    def between(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """All times from `begin` to `end`, both included, in order."""
        last = begin - MINUTE
        for found in self._from(last):
            if found > end:
                return
            if found >= begin and found != last:
                last = found
                yield found

    def latest(self, moment: datetime) -> datetime | None:
        """The last time that is not later than this."""
        local = moment.replace(second=0, microsecond=0).astimezone(self.zone)
        if self._hourly:
            start = (local.astimezone(UTC) + MINUTE).astimezone(self.zone)
            return next((found.astimezone(UTC) for found in CronSim(self._fields, start, reverse=True)), None)
        # In the hour that comes for the second time, all of its times have been.
        twice = _offset(local.replace(fold=0)) - _offset(local.replace(fold=1)) if local.fold else timedelta()
        before = CronSim(self._fields, local.replace(tzinfo=None, fold=0) + twice + MINUTE, reverse=True)
        return next((found for found in map(self._instant, before) if found <= moment), None)

    def names(self, moment: datetime) -> bool:
        return self.latest(moment) == moment

    def _from(self, moment: datetime) -> Iterator[datetime]:
        local = moment.astimezone(self.zone)
        if self._hourly:
            return (found.astimezone(UTC) for found in CronSim(self._fields, local))
        return map(self._instant, CronSim(self._fields, local.replace(tzinfo=None, fold=0)))

    @cached_property
    def _fields(self) -> str:
        return _plain(self.line)

    @cached_property
    def _hourly(self) -> bool:
        return self._fields.split()[1].startswith("*") and CronSim(self._fields, _SOME_DAY).hours == _EVERY_HOUR

    def _instant(self, local: datetime) -> datetime:
        """Later local times never give earlier instants."""
        late = local.replace(tzinfo=self.zone).astimezone(UTC)
        if late.astimezone(self.zone).replace(tzinfo=None, fold=0) == local:
            return late
        early, changed = local.replace(tzinfo=self.zone, fold=1).astimezone(UTC), _offset(late.astimezone(self.zone))
        while late - early > MINUTE:
            middle = early + (late - early) // MINUTE // 2 * MINUTE
            if _offset(middle.astimezone(self.zone)) == changed:
                late = middle
            else:
                early = middle
        return late


def _plain(line: str) -> str:
    """As cronsim reads it: no names before L, Sunday at the end of a range is 7, all 24 hours are `*`."""
    minute, hour, day, month, weekday = line.upper().split()
    weekday = re.sub(r"-SUN\b", "-7", weekday)
    weekday = re.sub("[A-Z]{3}", lambda found: _WEEKDAYS.get(found[0], found[0]), weekday)
    minute, hour, day, month, weekday = (_one_value(part) for part in (minute, hour, day, month, weekday))
    hour = "*" if hour in {"0-23", "*/1", "0-23/1"} else hour
    return f"{minute} {hour} {day} {month} {weekday}"


def _one_value(field: str) -> str:
    """`5-5/2` is 5; cronsim takes it for `5/2`, which is 5, 7 and so on."""
    return re.sub(r"(\w+)-(\w+)/\d+", lambda found: found[1] if found[1] == found[2] else found[0], field)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()
