"""People step in while load is on, and tests stand in each other's way: what came to the target is read from it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.cases import Cases, beside_each_other, chosen
from tests.e2e.place import CHILDREN, OVER, Place, place, requests_in
from tests.e2e.release import Release
from tests.support import faulttable
from tests.support.faulttable import Row
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
    """As they were at their end, or at the moment that the key says."""
    last: float = 0.0
    """The last request that the target saw, after the intervention."""
    pods: tuple[str, ...] = ()
    row: Row | None = None


def tell(here: Place, case: str) -> Handled:
    story = {"stop": stop, "suspend": suspend, "replace": replace, "edit": edit, "hooks": hooks, "queue": queue}[case]
    return story(here)


def under_load(here: Place, **changes: Any) -> dict[str, Any]:
    here.kubectl.apply(loadtest(NAME, here.namespace, here.target.url, **{"load": LONG, **changes}))
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


def edit(here: Place) -> Handled:
    """Nobody said that the newer spec may take the older one's place."""
    seen = here.record()
    before = under_load(here, load={**LONG, "duration": "20s"})["status"]["run"]["id"]
    edited = time.monotonic()
    here.kubectl.apply(loadtest(NAME, here.namespace, here.target.url, load={**SHORT, "users": 3}))
    told = seen.until(lambda one: "the edited spec runs next" in str(one.status.get("message")), "the edit is told")
    last = seen.until(
        lambda one: one.at > edited and one.phase in OVER and one.status["run"]["number"] == 2,
        "both runs",
        STARTED_SECONDS,
    )
    served = here.target.requests()
    runs = [here.stored(run)[1] for run in (before, last.status["run"]["id"])]
    lost = served - sum(requests_in(run) for run in runs)
    row = faulttable.row("the spec is edited under load", last.object, told, edited, lost=lost, served=served)
    tests = {"told": told.object, NAME: last.object}
    return Handled(tests, row=row)


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


@pytest.mark.parametrize("case", ["edit"])
def test_an_edit_under_load_is_told_at_once_and_runs_when_the_run_is_over(
    stories: Cases[str, Handled], case: str, record_property: Callable[[str, object], None]
) -> None:
    found = stories[case]
    assert found.row is not None
    found.row.tell(record_property)
    told, final = (found.tests[key]["status"] for key in ("told", NAME))
    assert (told["phase"], told["run"]["number"], told["run"]["users"]) == ("Running", 1, 4)
    assert (final["phase"], final["run"]["number"], final["run"]["users"]) == ("Completed", 2, 3)
    assert [line["number"] for line in final["history"]] == [2, 1]
    assert final["history"][1]["verdict"] in {"Passed", "Invalid"}, "judged; the machine may be busy"
    assert found.row.lost == "0"


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
