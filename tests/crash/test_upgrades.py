"""A newer operator, with a newer CRD, takes over in mid-run: what is there is adopted untouched, and nothing is run
again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import yaml
from loadtest_operator.build.names import LABEL_ROLE
from loadtest_operator.model.phases import Phase

from tests.crash import stories, telling
from tests.crash.newer import LABEL
from tests.crash.nursery import Nursery
from tests.crash.scene import SETTINGS, Heir, Scene, World
from tests.support.crds import CRDS
from tests.support.kubectl import Kubectl
from tests.support.operator import AS_IN_THE_IMAGE

COVERED = (
    Phase.PREPARING,
    Phase.STARTING,
    Phase.PREFLIGHT,
    Phase.RUNNING,
    Phase.COLLECTING,
    Phase.JUDGING,
    Phase.COMPLETED,
)
# Nothing of a run is there in these: places in the queue are in tests/unit/runtime/test_turns.py.
WITHOUT_CHILDREN = {Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED}
# These come from Completed's code (decide/after.py).
LIKE_COMPLETED = {Phase.ERROR, Phase.CANCELLED}
# A hook is at work; a master is there without workers; the run is over but for its last hook.
IN_BETWEEN = ("POST jobs hooked-1-before", "POST jobs hooked-1-master", "POST jobs hooked-1-after")
FROZEN = "POST configmaps hooked-1-run"
NEWER = {"image": "played:newer", "image_pull_policy": "Always", "fence_scrapers": "monitoring,metrics"}


def test_every_phase_of_a_run_is_covered() -> None:
    assert set(Phase) == set(COVERED) | WITHOUT_CHILDREN | LIKE_COMPLETED


@pytest.fixture
async def newer(world: World) -> AsyncIterator[Nursery]:
    async with Nursery(AS_IN_THE_IMAGE, "tests.crash.newer") as nursery:
        yield nursery


async def test_a_newer_operator_goes_on_with_the_run_as_it_finds_it(
    world: World, newer: Nursery, record_property: Callable[[str, str], None]
) -> None:
    heir = Heir(newer, NEWER, NewerCrd(world).is_there)
    how = telling.How("upgrade", _points, deaths=1, heir=heir, beside=_touched)
    result = await telling.tell(world, stories.with_hooks(), how)
    record_property("says", result.line("upgrade in mid-run"))
    assert not result.problems, "\n\n".join(
        "\n".join([f"upgraded after {write}:", *problems]) for write, problems in result.problems.items()
    )


class NewerCrd:
    """Applied once, before the first newer operator comes, and while older ones of other tellings are at work."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turn = asyncio.Lock()
        self._there = False

    async def is_there(self) -> None:
        async with self._turn:
            if not self._there:
                await asyncio.to_thread(self._apply)
            self._there = True

    def _apply(self) -> None:
        crd = yaml.safe_load((CRDS / "loadtests.yaml").read_text())
        crd["metadata"].setdefault("labels", {})["app.kubernetes.io/version"] = "newer"
        for version in crd["spec"]["versions"]:
            fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
            fields["newer"] = {"type": "string"}
        Kubectl(self._world.api.kubectl, self._world.api.kubeconfig).apply(crd)


def _points(writes: list[str]) -> list[str]:
    entering = [next(write for write in writes if f"run 1 {phase} " in write) for phase in COVERED]
    return [*entering, *IN_BETWEEN]


def _touched(scene: Scene, deadly: Sequence[str]) -> list[str]:
    """What the newer operator did that it must not have, or made unlike it should."""
    upgraded = scene.line.writes.index(deadly[0]) + 1
    older, newer = scene.line.writes[:upgraded], scene.line.writes[upgraded:]
    image = str((SETTINGS if FROZEN in older else NEWER)["image"])
    problems = [f"written again: {write}" for write in newer if write.startswith(("PUT ", "PATCH "))]
    for name, raw in scene.world.recorder.born(scene.namespace).items():
        if not name.startswith("Job "):
            continue
        labels, (container,) = raw["metadata"]["labels"], raw["spec"]["template"]["spec"]["containers"]
        if (LABEL in labels) is (f"POST jobs {name.removeprefix('Job ')}" in older):
            problems.append(f"{name} has labels {labels}")
        if labels[LABEL_ROLE] in {"master", "worker"} and container["image"] != image:
            problems.append(f"{name} has image {container['image']}, not {image}")
    return problems
