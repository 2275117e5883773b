"""People step in while load is on, and tests stand in each other's way: what came to the target is read from it."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.cases import Cases, beside_each_other, chosen
from tests.e2e.place import CHILDREN, OVER, Place, place
from tests.e2e.release import Release
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import condition, loadtest, phase

NAME = "handled"
LONG = {"users": 4, "spawnRate": "10/s", "duration": "5m", "warmup": "1s"}
SHORT = {"users": 4, "spawnRate": "10/s", "duration": "6s", "warmup": "1s"}
# A master is asked by the operator within a second; a machine that is busy with other tests may take this long.
LOAD_STOPS_SECONDS = 10
STARTED_SECONDS = 120
# A hook that leaves its mark where the target counts: it is run in the target's network, with what it is told.
HOOK = """
import os, urllib.request
urllib.request.urlopen(os.environ["TARGET_URL"] + "/item?" + os.environ.get("VERDICT", "none")).read()
print("done for", os.environ["RUN_ID"])
"""


@dataclass(frozen=True)
class Handled:
    tests: dict[str, dict[str, Any]]
    last: float = 0.0
    """The last request that the target saw, after the intervention."""
    pods: tuple[str, ...] = ()


def tell(here: Place, case: str) -> Handled:
    story = {"stop": stop, "suspend": suspend, "replace": replace, "hooks": hooks, "queue": queue}[case]
    return story(here)


def under_load(here: Place, **changes: Any) -> dict[str, Any]:
    here.kubectl.apply(loadtest(NAME, here.namespace, here.target.url, load=LONG, **changes))
    eventually(lambda: phase(here.test(NAME)) == "Running", "Running", STARTED_SECONDS)
    before = here.target.requests()
    eventually(lambda: here.target.requests() > before + 100, "requests beyond the warm-up", 60)
    return here.test(NAME)


def until(here: Place, name: str, *phases: str) -> dict[str, Any]:
    eventually(lambda: phase(here.test(name)) in phases, f"{name} in {phases}", STARTED_SECONDS)
    return here.test(name)


def load_pods(here: Place) -> list[str]:
    """Those that may send something."""
    pods = here.kubectl.list("pods", here.namespace, CHILDREN)
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in {"Pending", "Running"}]


def stop(here: Place) -> Handled:
    run = under_load(here)["status"]["run"]["id"]
    asked = time.time()
    here.kubectl("annotate", "lt", NAME, "-n", here.namespace, f"loadtest.dev/stop-requested={run}")
    found = until(here, NAME, *OVER)
    eventually(lambda: not load_pods(here), "the load pods at their end", 30)
    return Handled({NAME: found}, here.target.stats()["last"] - asked)


def suspend(here: Place) -> Handled:
    under_load(here)
    asked = time.time()
    here.kubectl("patch", "lt", NAME, "-n", here.namespace, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    held = until(here, NAME, "Suspended")
    last = here.target.stats()["last"] - asked
    change = json.dumps({"spec": {"suspend": False, "load": SHORT}})
    here.kubectl("patch", "lt", NAME, "-n", here.namespace, "--type=merge", "-p", change)
    return Handled({"held": held, NAME: until(here, NAME, *OVER)}, last)


def replace(here: Place) -> Handled:
    under_load(here, onChange="Replace")
    here.kubectl.apply(loadtest(NAME, here.namespace, here.target.url, load=SHORT, onChange="Replace"))
    return Handled({NAME: until(here, NAME, *OVER)})


def hooks(here: Place) -> Handled:
    job = {"image": here.image, "command": ["python3", "-c", HOOK]}
    body = loadtest(NAME, here.namespace, here.target.url, load=SHORT, hooks={"before": job, "after": job})
    found = here.run(body, STARTED_SECONDS)
    pods = [pod["metadata"]["name"] for pod in here.kubectl.list("pods", here.namespace, "")]
    return Handled({NAME: found}, here.target.stats()["endpoints"]["item"]["requests"], tuple(pods))


def queue(here: Place) -> Handled:
    """Two against one host, and one that comes after them."""
    for name, line in (("first", None), ("second", None), ("third", {"after": ["second"]})):
        # A generator that was short of CPU on a busy machine is no reason not to go on.
        gate = {"failOn": ["Failed"]}
        here.kubectl.apply(loadtest(name, here.namespace, here.target.url, load=SHORT, queue=line, gate=gate))
    return Handled({name: until(here, name, *OVER) for name in ("first", "second", "third")})


@pytest.fixture(scope="module")
def stories(
    kubectl: Kubectl, image: str, operator: Release, request: pytest.FixtureRequest
) -> Iterator[Cases[str, Handled]]:
    with beside_each_other(lambda: place(kubectl, image, "case", operator), tell, chosen(request)) as cases:
        yield cases


@pytest.mark.parametrize("case", ["stop"])
def test_a_stopped_run_ends_its_load_at_once_and_keeps_what_it_measured(
    stories: Cases[str, Handled], case: str
) -> None:
    found = stories[case]
    status = found.tests[NAME]["status"]
    assert (status["phase"], status["run"]["stopReason"]) == ("Cancelled", "Cancelled")
    assert status["summary"]["requests"] > 0
    assert "verdict" not in status
    assert found.last < LOAD_STOPS_SECONDS


@pytest.mark.parametrize("case", ["suspend"])
def test_a_suspended_run_ends_its_load_and_runs_anew_when_it_is_let_go(stories: Cases[str, Handled], case: str) -> None:
    found = stories[case]
    assert found.last < LOAD_STOPS_SECONDS
    assert "status" in found.tests["held"]
    assert condition(found.tests["held"], "Stalled") == {}
    status = found.tests[NAME]["status"]
    assert (status["phase"], status["run"]["number"]) == ("Completed", 2)
    assert [line["verdict"] for line in status["history"]] == [status["verdict"], "Suspended"]


@pytest.mark.parametrize("case", ["replace"])
def test_a_newer_spec_takes_the_place_of_a_run_that_may_be_replaced(stories: Cases[str, Handled], case: str) -> None:
    status = stories[case].tests[NAME]["status"]
    assert (status["phase"], status["run"]["number"]) == ("Completed", 2)
    assert [line["verdict"] for line in status["history"]] == [status["verdict"], "Superseded"]


@pytest.mark.parametrize("case", ["hooks"])
def test_jobs_run_before_and_after_the_load_with_what_they_need_to_know(
    stories: Cases[str, Handled], case: str
) -> None:
    found = stories[case]
    assert condition(found.tests[NAME], "HooksSucceeded")["status"] == "True"
    assert found.last == 2, "each asked the target once, and the load asks elsewhere"
    assert sum("-before-" in pod or "-after-" in pod for pod in found.pods) == 2


@pytest.mark.parametrize("case", ["queue"])
def test_tests_against_one_host_take_turns_and_who_names_another_comes_after_it(
    stories: Cases[str, Handled], case: str
) -> None:
    runs = {name: test["status"]["run"] for name, test in stories[case].tests.items()}
    assert {test["status"]["phase"] for test in stories[case].tests.values()} == {"Completed"}
    assert runs["first"]["endTime"] <= runs["second"]["startTime"]
    assert runs["second"]["endTime"] <= runs["third"]["startTime"]
