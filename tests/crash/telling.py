"""A story is told once undisturbed, which says what its writes are; then again until each of them was deadly once."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crash import outcome
from tests.crash.scene import Heir, Scene, Story, World

AT_ONCE = 6
# Operators that die in one telling, far from each other: each costs half a second of a CPU, a telling two.
DEATHS = 8
# Nothing more is written for this long: it is over. Longer than anything that an ended run is looked at again for.
SILENCE_SECONDS = 2.5
# A Job's pods: the garbage collector may be quicker, and then there is nothing to delete.
NOT_ALWAYS = "DELETE pods "
# An Event is not posted by who comes after the one that wrote the status.
COMES_LATER_SECONDS = 1.0
END_SECONDS = 180  # of a telling on a busy machine; it takes a few


def _nothing(*_: object) -> list[str]:
    return []


@dataclass(frozen=True)
class How:
    """Which writes are deadly, how many of them in one telling, who comes then, and what else there is to look at."""

    name: str = "crash"
    choose: Callable[[list[str]], list[str]] = list
    deaths: int = DEATHS
    heir: Heir | None = None
    beside: Callable[[Scene, Sequence[str]], list[str]] = _nothing


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
    tellings: int = 0
    left_out: int = 0

    def line(self, story: str) -> str:
        bad = len(self.problems)
        said = f"{story}: {len(self.points)} crash points in {self.tellings} tellings"
        said += f", {f'{bad} NOT equal' if bad else 'all equal'}"
        return f"{said} ({self.left_out} of them left to the garbage collector)" if self.left_out else said


async def tell(world: World, story: Story, how: How | None = None) -> Result:
    how = how or How()
    told = await undisturbed(world, story, how.name)
    result = Result(how.choose(told.writes))
    free = asyncio.Semaphore(AT_ONCE)

    async def one(deadly: Sequence[str]) -> None:
        """Whatever is not as it should be with several deaths is told again for each of them."""
        async with free:
            result.tellings += 1
            scene = Scene(world, story, f"{how.name}-{result.tellings}-{story.name}", deadly, how.heir)
            missed, problems = await _cut(scene, deadly, told, how)
        if len(deadly) > 1:
            again = deadly if problems else missed
            await asyncio.gather(*(one([write]) for write in again))
            if problems and not result.problems.keys() & set(deadly):
                _note(result, " and after ".join(deadly), problems)
        elif problems:
            _note(result, deadly[0], problems)
        else:
            result.left_out += len(missed)

    groups = -(-len(result.points) // how.deaths)
    async with asyncio.TaskGroup() as group:
        for first in range(groups):
            group.create_task(one(result.points[first::groups]))
    return result


def _note(result: Result, writes: str, problems: list[str]) -> None:
    result.problems[writes] = problems
    print(f"killed after {writes}:", *problems, sep="\n", flush=True)  # noqa: T201  shown of a test that fails


async def undisturbed(world: World, story: Story, name: str) -> Told:
    async with Scene(world, story, f"{name}-0-{story.name}") as scene:
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


async def _cut(scene: Scene, deadly: Sequence[str], told: Told, how: How) -> tuple[list[str], list[str]]:
    """Which of the deadly writes did not come, and what is not as in the undisturbed telling."""
    async with scene:
        try:
            missed = await _ends_as_told(scene, told)
            problems = outcome.difference(vars(told), vars(await read(scene, told.writes)))
            problems += how.beside(scene, deadly)
            problems += await _deleted(scene)
        except AssertionError as error:
            return list(scene.line.deadly), [str(error)]
        if len(deadly) == 1 and missed and not missed[0].startswith(NOT_ALWAYS):
            problems.append(f"this write did not come\n{scene.words()}")
        return missed, problems


async def _ends_as_told(scene: Scene, told: Told) -> list[str]:
    """Answers which deadly writes did not come. The end may be there before the last operator has died."""

    def alike() -> bool:
        return bool(scene.story.over(scene)) and outcome.standing(scene) == told.standing

    def unlike() -> str:
        lines = outcome.difference(told.standing, outcome.standing(scene))
        return "\n".join(["another end", *lines, scene.words()])

    await scene.world.recorder.until(alike, unlike, END_SECONDS)
    if scene.line.deadly:
        with contextlib.suppress(AssertionError):
            await scene.world.recorder.until(lambda: not scene.line.deadly, "last death", COMES_LATER_SECONDS)
        await scene.world.recorder.until(alike, unlike, END_SECONDS)
    return sorted(scene.line.deadly)


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

    def left() -> list[str]:
        return [*scene.there("LoadTest"), *outcome.children(scene)]

    await scene.world.recorder.until(lambda: not left(), lambda: f"left after deletion: {left()}", END_SECONDS)
    made = scene.world.recorder.made(scene.namespace)
    again = [name for name, uids in made.items() if len(uids) > 1 and not name.startswith("Lease ")]
    listed = await outcome.listed(scene)
    return [*(f"left after deletion: {name}" for name in listed), *(f"made twice: {name}" for name in again)]
