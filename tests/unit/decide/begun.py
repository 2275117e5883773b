"""A LoadTestSchedule of every night, a moment after it was made."""

from typing import Any

from tests.unit.decide.schedules import World, at, nightly

CREATED = at("12-01 12:00:30")
TWO = at("12-02 02:00")
TOMORROW = at("12-03 02:00")


def begun(line: str = "0 2 * * *", **spec: Any) -> World:
    world = World(nightly(CREATED, line, **spec))
    world.look(CREATED)
    return world
