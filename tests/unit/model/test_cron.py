"""Cron lines against a calendar that is walked minute by minute, and against both clock changes of a year."""

import calendar
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model import cron
from loadtest_operator.model.cron import MINUTE, Cron

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 2 * 365 * 86400).map(lambda seconds: BEGIN + timedelta(seconds=seconds))


def line(text: str, zone: str = "UTC") -> Cron:
    found = cron.zone(zone)
    assert found is not None
    return Cron(text, found)


def times(text: str, zone: str, begin: str, end: str) -> list[str]:
    """From a day to another, as UTC."""
    first, last = (datetime.fromisoformat(f"2026-{day}T00:00:00+00:00") for day in (begin, end))
    return [f"{found:%m-%d %H:%M}" for found in line(text, zone).between(first, last)]


@pytest.mark.parametrize(
    ("text", "zone", "begin", "end", "expected"),
    [
        # Berlin: 02:00 becomes 03:00 on March 29, at 01:00 UTC; 03:00 becomes 02:00 on October 25, at 01:00 UTC.
        ("30 2 * * *", BERLIN, "03-28", "03-31", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", BERLIN, "10-24", "10-27", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        ("0,30 2 * * *", BERLIN, "03-29", "03-30", ["03-29 01:00", "03-30 00:00"]),
        ("0 3 * * *", BERLIN, "03-29", "03-30", ["03-29 01:00"]),
        ("30 1-3 * * *", BERLIN, "03-29", "03-30", ["03-29 00:30", "03-29 01:00", "03-29 01:30", "03-29 23:30"]),
        ("30 1-3 * * *", BERLIN, "10-25", "10-26", ["10-25 00:30", "10-25 02:30"]),
        ("0 */6 * * *", BERLIN, "10-25", "10-26", ["10-25 05:00", "10-25 11:00", "10-25 17:00", "10-25 23:00"]),
        # New York: 02:00 becomes 03:00 on March 8, at 07:00 UTC; 02:00 becomes 01:00 on November 1, at 06:00 UTC.
        ("15 2 * * *", NEW_YORK, "03-07", "03-10", ["03-07 07:15", "03-08 07:00", "03-09 06:15"]),
        ("15 1 * * *", NEW_YORK, "10-31", "11-03", ["10-31 05:15", "11-01 05:15", "11-02 06:15"]),
        ("0 2 * * 5L", "UTC", "11-01", "12-31", ["11-27 02:00", "12-25 02:00"]),
        ("0 2 * * FRIL", "UTC", "11-01", "11-30", ["11-27 02:00"]),
        ("0 2 * * 1#2", "UTC", "11-01", "12-31", ["11-09 02:00", "12-14 02:00"]),
        ("0 2 L * *", "UTC", "02-01", "04-30", ["02-28 02:00", "03-31 02:00"]),
        ("0 2 13 * 5", "UTC", "11-10", "11-21", ["11-13 02:00", "11-20 02:00"]),
        ("0 2 * * SAT-SUN", "UTC", "11-20", "11-24", ["11-21 02:00", "11-22 02:00"]),
    ],
)
def test_when_a_line_comes(text: str, zone: str, begin: str, end: str, expected: list[str]) -> None:
    assert cron.wrong(text) == ""
    assert times(text, zone, begin, end) == expected


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Australia/Lord_Howe", "Africa/Cairo"])
def test_a_line_for_every_hour_goes_on_in_even_steps_all_year(zone: str) -> None:
    found = list(line("0,30 * * * *", zone).between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)))
    steps = {later - earlier for earlier, later in itertools.pairwise(found)}
    if zone != "Australia/Lord_Howe":  # whose clock changes by half an hour
        assert steps == {timedelta(minutes=30)}
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 */8 2 1#5", "never comes"),
        ("5-1 * * * *", "has a minute"),
        ("0 22-4 * * *", "has a hour"),
        ("0 0 9-1 * *", "has a day-of-month"),
        ("0 0 * * */0", "has a day-of-week"),
    ],
)
def test_a_line_that_cannot_be_meant_is_answered(text: str, says: str) -> None:
    assert says in cron.wrong(text)


def test_a_line_that_comes_rarely_is_fine() -> None:
    assert cron.wrong("0 0 29 2 *") == ""
    assert cron.wrong("0 0 * 2 MON#5") == ""


@pytest.mark.parametrize("name", ["Europe/Atlantis", "Europe", "zone.tab", "../etc/passwd", ""])
def test_an_unknown_zone_is_none(name: str) -> None:
    assert cron.zone(name) is None


def _field(low: int, high: int) -> st.SearchStrategy[tuple[str, set[int]]]:
    def ranged(pair: tuple[int, int], step: int) -> tuple[str, set[int]]:
        first, last = sorted(pair)
        return f"{first}-{last}/{step}", set(range(first, last + 1, step))

    number = st.integers(low, high)
    return st.one_of(
        st.just(("*", set(range(low, high + 1)))),
        number.map(lambda n: (str(n), {n})),
        st.builds(ranged, st.tuples(number, number), st.integers(1, 9)),
        st.lists(number, min_size=2, max_size=4).map(lambda ns: (",".join(map(str, ns)), set(ns))),
    )


def _day(moment: datetime, day: str, days: set[int], weekday: str, weekdays: set[int]) -> bool:
    last = calendar.monthrange(moment.year, moment.month)[1]
    in_month = moment.day == last if day == "L" else moment.day in days
    today = moment.isoweekday() % 7
    if weekday.endswith("L"):
        in_week = today == int(weekday[:-1]) % 7 and moment.day > last - 7
    elif "#" in weekday:
        number, nth = map(int, weekday.split("#"))
        in_week = today == number % 7 and (moment.day + 6) // 7 == nth
    else:
        in_week = today in {one % 7 for one in weekdays}
    both = day.startswith("*") or weekday.startswith("*")
    return (in_month and in_week) if both else (in_month or in_week)


@given(
    _field(0, 59),
    _field(0, 23),
    st.one_of(_field(1, 31), st.just(("L", set()))),
    st.one_of(
        _field(0, 7),
        st.builds(lambda d, n: (f"{d}#{n}", set()), st.integers(0, 7), st.integers(1, 5)),
        st.integers(0, 7).map(lambda d: (f"{d}L", set())),
    ),
    MOMENTS,
)
def test_a_line_names_the_minutes_that_a_calendar_names(minute, hour, day, weekday, start) -> None:
    """Two days, minute by minute, in a zone without clock changes."""
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(days=2)
    text = f"{minute[0]} {hour[0]} {day[0]} * {weekday[0]}"
    expected = [
        moment
        for moment in (start + n * MINUTE for n in range(2 * 1440 + 1))
        if moment.minute in minute[1] and moment.hour in hour[1] and _day(moment, *day, *weekday)
    ]
    found = line(text)
    assert list(found.between(start, end)) == expected
    assert found.latest(end) == expected[-1] if expected else (found.latest(end) or start) <= start


@given(
    st.sampled_from([BERLIN, NEW_YORK, "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "America/Havana"]),
    st.sampled_from(["* * * * *", "*/5 1-3 * * *", "30 2 * * *", "0 */2 * * *", "0 0 * * *", "10 0,1,2,3 * * 7"]),
    MOMENTS,
)
def test_next_and_latest_agree_around_every_moment(zone, text, moment) -> None:
    """Also in the hours that are left out and those that come twice."""
    found = line(text, zone)
    later = found.after(moment)
    assert later is not None
    assert later > moment
    assert found.latest(later) == later
    before = found.latest(later - timedelta(seconds=1))
    assert before is not None
    assert before <= moment
    assert found.after(before) == later


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK])
@pytest.mark.parametrize("hour", range(24))
def test_a_time_of_day_comes_once_on_every_day_of_the_year(zone: str, hour: int) -> None:
    found = cron.zone(zone)
    begin = datetime(2026, 1, 1, tzinfo=found)
    all_year = line(f"30 {hour} * * *", zone).between(begin, begin.replace(year=2027))
    days = [moment.astimezone(found).date() for moment in all_year]
    assert len(days) == len(set(days)) == 365
