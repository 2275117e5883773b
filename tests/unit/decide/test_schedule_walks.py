"""Random walks of the clock, with restarts: no minute is started twice, none within its deadline is lost."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.decide.due import COUNTED
from loadtest_operator.model import cron
from loadtest_operator.model.cron import Cron

from tests.unit.decide.schedules import World, at, name, nightly

ZONES = {  # some hours before their clocks change
    "Europe/Berlin": [at("03-28 20:00"), at("10-24 20:00")],
    "America/New_York": [at("03-08 03:00"), at("11-01 02:00")],
}
LINES = ["* * * * *", "*/7 * * * *", "30 2 * * *", "0,30 1-3 * * *", "15 */2 * * *", "59 23 L * *"]
# More starts than can be counted one by one are never left to a single look: that there is a limit is said elsewhere.
COUNTABLE = COUNTED * cron.MINUTE - timedelta(minutes=400, hours=1)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([-90, -61, -10, -1, 0, 1, 1, 1, 2, 5, 14, 29, 31, 60, 65, 400]),  # minutes
        st.integers(0, 59),
        st.sampled_from(["", "", "", "dies", "ends"]),
    ),
    max_size=40,
)


@st.composite
def walks(draw: st.DrawFn) -> tuple[str, str, datetime]:
    zone = draw(st.sampled_from(sorted(ZONES)))
    begin = draw(st.sampled_from(ZONES[zone])) + timedelta(minutes=draw(st.integers(0, 300)))
    return zone, draw(st.sampled_from(LINES)), begin


@given(walks(), STEPS, st.sampled_from(["Allow", "Queue", "Forbid"]), st.sampled_from([None, {"passed": 0}]))
def test_no_minute_is_started_twice(walk, steps, policy, history) -> None:
    zone, line, now = walk
    world = World(nightly(now, line, timeZone=zone, concurrencyPolicy=policy, history=history))
    world.look(now)
    for minutes, seconds, event in steps:
        now = now + timedelta(minutes=minutes, seconds=seconds)
        if event == "ends":
            for made in world.tests:
                world.end(made, now)
        world.look(now, dies=event == "dies")
        if policy != "Allow":
            active = [test for test in world.tests.values() if test["status"]["phase"] == "Running"]
            assert len(active) <= 1
    assert len(world.started) == len(set(world.started))


@given(walks(), STEPS)
def test_none_is_lost_while_the_clock_goes_on(walk, steps) -> None:
    """Each minute that was due is started, or counted; the newest one within its deadline is started."""
    zone, line, begin = walk
    named = Cron(line, cron.zone(zone))
    world = World(nightly(begin, line, timeZone=zone, concurrencyPolicy="Allow", history={"passed": 0}))
    world.look(begin)
    now = told = begin
    for minutes, seconds, event in steps:
        now = now + timedelta(minutes=max(minutes, 0), seconds=seconds)
        dies = event == "dies" and now - told < COUNTABLE
        told = told if dies else now
        world.look(now, dies=dies)
        newest = named.latest(now)
        if newest > begin and now - newest <= timedelta(minutes=30):
            assert name(newest) in world.started
    world.look(now)
    due = [moment for moment in named.between(begin, now) if moment > begin]
    assert len(world.started) + world.status["missed"] == len(due)
    assert {int(made.rpartition("-")[2]) for made in world.started} <= {int(m.timestamp()) // 60 for m in due}
