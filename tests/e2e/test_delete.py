"""A LoadTest can be deleted at any moment, with and without an operator, and nothing of it stays."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from loadtest_operator.model.phases import Phase

from tests.e2e.cases import Cases, beside_each_other, chosen
from tests.e2e.place import Place, place
from tests.e2e.release import Release
from tests.support import faulttable
from tests.support.faulttable import Row
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import SHOPPER, loadtest, locust

NAME = "short-lived"
GONE_SECONDS = 30
LAST_REQUEST_SECONDS = 5  # the promise is 1 s; a busy machine needs more to look
LAST_REQUEST_SECONDS_ALONE = 10  # without an operator the garbage collector does it
LONG = {"users": 4, "spawnRate": "10/s", "duration": "120s", "warmup": "1s"}
SHORT = {"users": 4, "spawnRate": "10/s", "duration": "3s", "warmup": "0s"}
NOT_YET = {"Queued", "Suspended", "Cancelled"}


def spec(here: Place, **changes: Any) -> dict[str, Any]:
    wanted = {"scenario": locust(SHOPPER), "load": LONG, **changes}
    return loadtest(NAME, here.namespace, here.target.url, **wanted)


def runners(**fields: Any) -> dict[str, Any]:
    return {**loadtest("", "")["spec"]["runners"], **fields}


def pending(here: Place) -> None:
    here.kubectl.apply(spec(here, scenario={"locust": {"configMap": {"name": "nowhere"}}}))


def preparing(here: Place) -> None:
    here.kubectl.apply(_quota(here, pods=1))  # the target's
    here.kubectl.apply(spec(here))


def starting(here: Place) -> None:
    here.kubectl.apply(spec(here, runners=runners(nodeSelector={"no.such/node": "yes"})))


def preflight(here: Place) -> None:
    here.target.control(healthy=False)
    here.kubectl.apply(spec(here))


def running(here: Place) -> None:
    here.kubectl.apply(spec(here))
    eventually(lambda: here.target.requests() > 10, "load at the target", 60)


def collecting(here: Place) -> None:
    """Requests in flight are waited for."""
    here.target.control(latency={"all": "20s/0"})
    here.kubectl.apply(spec(here, load=SHORT))


def finished(here: Place) -> None:
    here.kubectl.apply(spec(here, load=SHORT))


def broken(here: Place) -> None:
    here.kubectl.apply(spec(here, scenario=locust("import nothing_of_this_name")))


CASES: dict[str, Callable[[Place], None]] = {
    "Pending": pending,
    "Preparing": preparing,
    "Starting": starting,
    "Preflight": preflight,
    "Running": running,
    "Collecting": collecting,
    "Judging": finished,
    "Completed": finished,
    "Error": broken,
}


def tell(here: Place, phase: str) -> float:
    """Reach the phase, delete, and answer when the last request came, in seconds after that."""
    before = everything(here)
    seen = here.record()
    with here.operator.locked_store() if phase == "Judging" else nullcontext():
        CASES[phase](here)
        seen.until_phase(phase, seconds=90)
        assert phase in {"Pending", "Preparing"} or everything(here) - before, "nothing was made"
        last = delete(here)
    gone(here, before)
    here.operator.assert_sound()
    return last


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return {"settings": {"lease_seconds": 6}}  # what is waited for after a kill


@pytest.fixture(scope="module")
def stories(
    kubectl: Kubectl, image: str, operator: Release, request: pytest.FixtureRequest
) -> Iterator[Cases[str, float]]:
    with beside_each_other(lambda: place(kubectl, image, "case", operator), tell, chosen(request)) as cases:
        yield cases


def test_every_phase_is_a_case() -> None:
    assert {phase.value for phase in Phase} == set(CASES) | NOT_YET


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_left_of_a_test_deleted_in(
    stories: Cases[str, float], case: str, record_property: Callable[[str, object], None]
) -> None:
    if case == "Running":
        deleted_row("the LoadTest is deleted under load", stories[case]).tell(record_property)
    assert stories[case] <= LAST_REQUEST_SECONDS


def deleted_row(fault: str, left: float) -> Row:
    return Row(fault, faulttable.NOTHING, "gone", faulttable.NOTHING, faulttable.seconds(left), faulttable.NOTHING)


@pytest.mark.parametrize("phase", ["Starting", "Running"])
def test_without_an_operator_the_load_ends_and_nothing_is_left(
    here: Place, phase: str, record_property: Callable[[str, object], None]
) -> None:
    before = everything(here)
    seen = here.record()
    CASES[phase](here)
    seen.until_phase(phase)
    here.operator.kill()

    last = delete(here)

    if phase == "Running":
        deleted_row("the LoadTest is deleted under load, without an operator", last).tell(record_property)
    assert last <= LAST_REQUEST_SECONDS_ALONE
    gone(here, before)
    here.operator.start().ready()
    assert everything(here) == before, "the operator that came back made something"


@pytest.mark.parametrize("up", [True, False], ids=["operator-up", "operator-down"])
def test_children_orphaned_by_the_user_are_swept(here: Place, up: bool) -> None:
    before = everything(here)
    running(here)
    if not up:
        here.operator.kill()

    delete(here, "--cascade=orphan", watch=False)

    if not up:
        assert here.children(), "Jobs were to be left behind"
        here.operator.start().ready()
    begun = time.monotonic()
    gone(here, before)
    assert time.monotonic() - begun <= GONE_SECONDS


def everything(here: Place) -> set[tuple[str, str]]:
    """Of all kinds that can be listed in the namespace, except Events."""
    kinds = here.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    wanted = [kind for kind in kinds if not kind.startswith("events") and not kind.endswith("metrics.k8s.io")]
    found = here.kubectl.list(",".join(wanted), here.namespace)
    return {(item["kind"], item["metadata"]["name"]) for item in found}


def delete(here: Place, *words: str, watch: bool = True) -> float:
    """When the target saw its last request, in seconds after the API server had answered the DELETE."""
    here.kubectl("delete", "loadtest", NAME, "-n", here.namespace, "--wait=false", *words)
    answered = time.monotonic()
    last, count = answered, here.target.requests()

    def silent() -> bool:
        nonlocal last, count
        now, newest = time.monotonic(), here.target.requests()
        if newest != count:
            last, count = now, newest
        return now - last > LAST_REQUEST_SECONDS

    if watch:
        eventually(silent, "no request any more", 60)
    return last - answered


def gone(here: Place, before: set[tuple[str, str]]) -> None:
    ours = {("ResourceQuota", "small")}

    def nothing_more() -> bool:
        left = everything(here) - before - ours
        assert not left, f"left: {sorted(left)}"
        return True

    eventually(nothing_more, "everything of the run gone", GONE_SECONDS)


def _quota(here: Place, pods: int) -> dict[str, Any]:
    metadata = {"name": "small", "namespace": here.namespace}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": str(pods)}}}
