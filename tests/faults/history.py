"""One history from one seed: stories, faults, the operator, and what must hold."""

import asyncio
import logging
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.faults import stories, troubles
from tests.faults.chance import Fault
from tests.faults.loop import Spinning, VirtualLoop
from tests.faults.stories import Person
from tests.faults.world import RESYNC_SECONDS, Complaints, World

# Two attempts with their starts and ends, an environment, two resyncs, and backoffs.
PATIENCE_SECONDS = 2 * (60 + 10 + 12 + 120) + 60 + 3 * RESYNC_SECONDS + 300
LOOK_SECONDS = 5.0


@dataclass
class Outcome:
    seed: int
    told: str
    broken: str = ""
    steps: int = 0
    seconds: float = 0.0  # virtual
    starts: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    looks: list[float] = field(default_factory=list)
    story: list[str] = field(default_factory=list)


def play(seed: int) -> Outcome:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    complaints = Complaints()
    logger = logging.getLogger()
    logger.addHandler(complaints)
    loop.set_exception_handler(lambda _, context: complaints.fault(context))
    draw = random.Random(~seed)
    world = World(loop, seed, operators=2 if draw.random() < 0.35 else 1)
    complaints.watcher = world.watcher
    try:
        person = Person(world)
        told = stories.tell(world, person)
        troubles.plan(world, person.last)
        _until_settled(world, max(person.last, world.chance.until))
        broken = str(world.watcher.broken or "")
    finally:
        complaints.watcher = None
        world.close()
        loop.run_until_complete(_end(world))
        logger.removeHandler(complaints)
        loop.close()
        asyncio.set_event_loop(None)
    return Outcome(
        seed,
        told,
        broken,
        world.watcher.steps,
        loop.now,
        world.starts,
        world.chance.counts,
        world.looks,
        world.watcher.story,
    )


def _until_settled(world: World, busy: float) -> None:
    """Faults end, and from then on there is a time for everything to come to its end."""
    loop = world.loop

    def look() -> None:
        now = loop.now
        if world.watcher.broken:
            loop.stop()
        elif now < busy:
            world.later(busy - now, look)
        elif not (left := world.watcher.unsettled()):
            loop.stop()
        elif now > max(busy, world.chance.last) + PATIENCE_SECONDS:
            world.watcher.wrong(f"nothing is wrong since {world.chance.last:.0f} s, and still: {left}")
            loop.stop()
        else:
            world.later(LOOK_SECONDS, look)

    world.later(min(busy, 1.0), look)
    try:
        loop.run_forever()
    except Spinning as error:
        world.watcher.wrong(str(error))


async def _end(world: World) -> None:
    await asyncio.sleep(0)
    tasks = [task for process in world.started for task in process.tasks if not task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
