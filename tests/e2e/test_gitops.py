"""What Flux and Argo CD would have made of every LoadTest and schedule that this session saw, at each change."""

from collections.abc import Callable

import pytest

from tests.e2e.place import Place
from tests.e2e.release import Release
from tests.e2e.saving import load, saved
from tests.support import argocd, gitops, kstatus
from tests.support.kstatus import KStatus, Object
from tests.support.kubectl import eventually
from tests.support.loadtests import SHOPPER, condition, loadtest, locust, phase

LOAD = {"users": 2, "spawnRate": "10/s", "duration": "3s", "warmup": "0s"}
# A busy node may make any run Invalid, which closes the gate unless a test says otherwise.
ONLY_LIMITS = {"failOn": ["Failed"]}


@pytest.fixture(scope="module")
def objects(operator: Release, place_for_module: Callable[..., Place]) -> dict[str, Object]:
    """By file name: those of all tests before this one, and of a few that are made here so that none is missing."""
    here = place_for_module("gitops", operator)
    for name, limit in (("opens", "5%"), ("fails", "1%")):
        if name == "fails":
            here.target.control(errors={"all": "100%"})
        limits = [{"metric": "errorRate", "fail": limit}]
        test = loadtest(name, here.namespace, here.target.url, scenario=locust(SHOPPER), load=LOAD, thresholds=limits)
        here.run({**test, "spec": {**test["spec"], "gate": ONLY_LIMITS}})
    here.kubectl.apply(loadtest("waits", here.namespace, scenario={"locust": {"configMap": {"name": "nowhere"}}}))
    here.kubectl.apply(_suspended(here.namespace))
    told = lambda: condition(here.test("waits"), "Ready").get("reason") == "InputMissing"  # noqa: E731
    eventually(told, "an input is missing", 30)
    words = ("get", "loadtestschedule", "suspended", "-n", here.namespace, "-o", "jsonpath={.status.conditions}")
    eventually(lambda: here.kubectl(*words), "the schedule has a status", 30)
    names = {"opens", "fails", "waits", "suspended"}
    eventually(lambda: names <= {path.name.split(".")[1] for path in saved()}, "they are saved", 10)
    return {path.name: load(path) for path in saved()}


def test_every_state_reads_to_flux_as_the_table_says(objects: dict[str, Object]) -> None:
    found = {name: (kstatus.compute(seen), gitops.expected(seen).kstatus) for name, seen in objects.items()}
    assert {name: pair for name, pair in found.items() if pair[0] is not pair[1]} == {}
    assert {KStatus.CURRENT, KStatus.IN_PROGRESS, KStatus.FAILED} <= {read for read, _ in found.values()}


def test_no_status_ever_breaks_a_rule_of_its_conditions(objects: dict[str, Object]) -> None:
    broken = {name: kstatus.broken_rules(seen) for name, seen in objects.items()}
    assert {name: rules for name, rules in broken.items() if rules} == {}


def test_ready_gives_the_reason_that_the_table_names(objects: dict[str, Object]) -> None:
    wrong = {
        name: ready.get("reason")
        for name, seen in objects.items()
        if (reasons := gitops.expected(seen).reasons)
        and (ready := condition(seen, "Ready")).get("reason") not in reasons
    }
    assert wrong == {}


def test_no_gate_opens_before_a_run_is_over(objects: dict[str, Object]) -> None:
    """The one mistake that nobody would notice; asked without the table."""
    tests = {name: seen for name, seen in objects.items() if seen["kind"] == "LoadTest"}
    early = {name for name, seen in tests.items() if phase(seen) != "Completed"}
    assert {name for name in early if kstatus.compute(tests[name]) is KStatus.CURRENT} == set()
    assert early


def test_every_state_reads_to_argo_cd_as_the_table_says(objects: dict[str, Object]) -> None:
    lua = argocd.interpreter()
    found = {
        name: (argocd.health(lua, _small(seen))[0], gitops.expected(seen).argo)
        for name, seen in objects.items()
        if gitops.expected(seen).argo
    }
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}


def _small(seen: Object) -> Object:
    """The parts that a health script may read."""
    status = {key: (seen.get("status") or {}).get(key) for key in ("observedGeneration", "conditions")}
    return {"kind": seen["kind"], "metadata": {"generation": seen["metadata"]["generation"]}, "status": status}


def _suspended(namespace: str) -> Object:
    spec = loadtest("any", namespace)["spec"]
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {"name": "suspended", "namespace": namespace},
        "spec": {"schedule": "0 2 * * *", "suspend": True, "template": {"spec": spec}},
    }
