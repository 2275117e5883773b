"""An operator that is told to go goes at once, and one that waits beside it takes over; the run notices neither."""

import time
from typing import Any

import pytest

from tests.e2e.place import Place, requests_in
from tests.e2e.release import holder
from tests.support.kubectl import eventually
from tests.support.loadtests import SHOPPER, loadtest, locust, phase

NAME = "steady"
STOP_SECONDS = 5  # the kubelet gives ten
LEASE_SECONDS = 6
LOAD = {"users": 4, "spawnRate": "10/s", "duration": "8s", "warmup": "1s"}


def spec(here: Place) -> dict[str, Any]:
    return loadtest(NAME, here.namespace, here.target.url, scenario=locust(SHOPPER), load=LOAD)


def finished_once(here: Place) -> None:
    eventually(lambda: phase(here.test(NAME)) == "Completed", "the run completed", 60)
    status = here.test(NAME)["status"]
    assert (status["run"]["number"], status["run"]["attempt"]) == (1, 1)
    assert requests_in(here.stored(status["run"]["id"])[1]) == here.target.requests() > 0


def test_sigterm_in_mid_run_ends_the_process_and_a_new_one_continues(here: Place) -> None:
    operator, seen, jobs = here.operator, here.record(), here.record("jobs")
    here.kubectl.apply(spec(here))
    seen.until_phase("Running")

    ended = operator.stop()

    assert ended.seconds < STOP_SECONDS
    assert ended.exit_code == 0
    assert holder(operator) == "", "the Lease was not given back"
    begun = time.monotonic()
    operator.start().ready()
    assert time.monotonic() - begun < 20
    finished_once(here)
    assert {len(uids) for uids in jobs.uids().values()} == {1}


def test_a_process_that_waits_takes_over_when_the_other_one_is_killed(here: Place) -> None:
    # Two pods on one SQLite file are not how it is installed (the chart refuses them), but the second one opens it
    # only after it has taken over.
    operator, seen = here.operator, here.record()
    [first], held = [pod["metadata"]["name"] for pod in operator.pods()], holder(operator)
    assert held.startswith(first)
    operator.start(replicas=2)
    eventually(lambda: "standing by" in operator.log(), "the second process stands by", 40)
    [second] = {pod["metadata"]["name"] for pod in operator.pods()} - {first}
    assert "loadtest_leader 1.0" in operator.metrics(first)
    assert "loadtest_leader 0.0" in operator.metrics(second)
    here.kubectl.apply(spec(here))
    seen.until_phase("Running")
    assert holder(operator) == held

    operator.kill_pod(first)

    eventually(lambda: holder(operator).startswith(second), "the second process holds the Lease", LEASE_SECONDS + 20)
    eventually(lambda: "loadtest_leader 1.0" in operator.metrics(second), "it says so", 20)
    finished_once(here)


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return {"settings": {"lease_seconds": LEASE_SECONDS}}
