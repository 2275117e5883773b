"""A story is told once undisturbed, which says what its writes are; then once more for each of them: it is deadly."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.crash import outcome
from tests.crash.scene import Scene, Story, World

AT_ONCE = 6
# Nothing more is written for this long: it is over. Longer than anything that an ended run is looked at again for.
SILENCE_SECONDS = 2.5
# A Job's pods: the garbage collector may be quicker, and then there is nothing to delete.
NOT_ALWAYS = "DELETE pods "
END_SECONDS = 90  # of a telling on a busy machine; it takes a few


@dataclass
class Told:
    standing: dict[str, Any]
    listed: list[str]
    stored: dict[str, Any]
    made: dict[str, int]
    phases: list[str]
    writes: list[str]


@dataclass
class Result:
    points: list[str]
    problems: dict[str, list[str]] = field(default_factory=dict)
    left_out: int = 0

    def line(self, story: str) -> str:
        bad = len(self.problems)
        said = f"{story}: {len(self.points)} crash points, {f'{bad} NOT equal' if bad else 'all equal'}"
        return f"{said} ({self.left_out} of them left to the garbage collector)" if self.left_out else said


async def tell(world: World, story: Story) -> Result:
    told = await undisturbed(world, story)
    result = Result(told.writes)
    free = asyncio.Semaphore(AT_ONCE)

    async def one(index: int, write: str) -> None:
        async with free:
            try:
                problems = await _cut(world, story, f"crash-{index}-{story.name}", write, told, result)
            except AssertionError as error:
                problems = [str(error)]
            if problems:
                result.problems[write] = problems
                print(f"killed after {write}:", *problems, sep="\n", flush=True)  # noqa: T201  shown of a test that fails

    async with asyncio.TaskGroup() as group:
        for index, write in enumerate(told.writes, 1):
            group.create_task(one(index, write))
    return result


async def undisturbed(world: World, story: Story) -> Told:
    async with Scene(world, story, f"crash-0-{story.name}") as scene:
        await world.recorder.until(
            lambda: story.over(scene), lambda: f"end of {story.name}\n{scene.words()}", END_SECONDS
        )
        count = -1
        while count != len(scene.line.writes):
            count = len(scene.line.writes)
            await world.recorder.until(lambda: not scene.going(), lambda: f"ends of {scene.going()}", END_SECONDS)
            await asyncio.sleep(SILENCE_SECONDS)
        told = await read(scene, list(scene.line.writes))
        problems = await _deleted(scene)
        assert not problems, problems
        return told


async def _cut(world: World, story: Story, namespace: str, write: str, told: Told, result: Result) -> list[str]:
    async with Scene(world, story, namespace, write) as scene:
        hit = lambda: scene.crashed or write.startswith(NOT_ALWAYS)  # noqa: E731
        alike = lambda: hit() and outcome.standing(scene) == told.standing  # noqa: E731

        def unlike() -> str:
            if not hit():
                return f"this write did not come\n{scene.words()}"
            lines = outcome.difference(told.standing, outcome.standing(scene))
            return "\n".join(["another end", *lines, scene.words()])

        await world.recorder.until(alike, unlike, END_SECONDS)
        result.left_out += not scene.crashed
        found = await read(scene, told.writes)
        problems = outcome.difference(vars(told), vars(found))
        return [*problems, *await _deleted(scene)]


async def read(scene: Scene, writes: list[str]) -> Told:
    phases = scene.world.recorder.phases(scene.namespace)
    return Told(
        outcome.standing(scene),
        await outcome.listed(scene),
        await asyncio.to_thread(outcome.stored, scene),
        dict(outcome.made(scene)),
        list(phases),
        writes,
    )


async def _deleted(scene: Scene) -> list[str]:
    """Nothing of it is left when a person has deleted what a person had applied."""
    for body in scene.story.begins_with:
        await scene.delete(body["kind"], body["metadata"]["name"])

    left: list[str] = []
    for _ in range(END_SECONDS * 2):
        left = [*scene.there("LoadTest"), *await outcome.listed(scene)]
        if not left:
            break
        await asyncio.sleep(0.5)
    made = scene.world.recorder.made(scene.namespace)
    again = [name for name, uids in made.items() if len(uids) > 1 and not name.startswith("Lease ")]
    return [*(f"left after deletion: {name}" for name in left), *(f"made twice: {name}" for name in again)]
