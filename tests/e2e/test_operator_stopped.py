"""An operator that is told to go goes at once, and one that waits beside it takes over; the run notices neither."""

import json
import time
from typing import Any

from tests.e2e.place import Place, requests_in
from tests.support.kubectl import eventually
from tests.support.loadtests import SHOPPER, loadtest, locust, phase

NAME = "steady"
STOP_SECONDS = 5  # the kubelet gives ten
LEASE_SECONDS = 2
LOAD = {"users": 4, "spawnRate": "10/s", "duration": "8s", "warmup": "1s"}


def spec(here: Place) -> dict[str, Any]:
    return loadtest(NAME, here.namespace, here.target.url, scenario=locust(SHOPPER), load=LOAD)


def finished_once(here: Place) -> None:
    eventually(lambda: phase(here.test(NAME)) == "Completed", "the run completed", 60)
    status = here.test(NAME)["status"]
    assert (status["run"]["number"], status["run"]["attempt"]) == (1, 1)
    assert requests_in(here.stored(status["run"]["id"])[1]) == here.target.requests() > 0


def test_sigterm_in_mid_run_ends_the_process_and_a_new_one_continues(here: Place) -> None:
    operator, seen = here.started(), here.record()
    jobs = here.record("jobs")
    here.kubectl.apply(spec(here))
    seen.until_phase("Running")

    took = operator.stop()

    assert took < STOP_SECONDS
    assert operator.process is not None
    assert operator.process.returncode == 0
    assert holder(here) == "", "the Lease was not given back"
    begun = time.monotonic()
    operator.start().ready()
    assert time.monotonic() - begun < 20
    finished_once(here)
    assert {len(uids) for uids in jobs.uids().values()} == {1}


def test_a_process_that_waits_takes_over_when_the_other_one_is_killed(here: Place) -> None:
    # Two processes on one SQLite file are not how it is installed, but the second one opens it only to wait.
    first, seen = here.started(lease_seconds=LEASE_SECONDS), here.record()
    held = holder(here)
    second = here.operator(lease_seconds=LEASE_SECONDS).start()
    eventually(lambda: "standing by" in second.log.read_text(), "the second process stands by", 20)
    assert "loadtest_leader 1.0" in first.metrics()
    assert "loadtest_leader 0.0" in second.metrics()
    here.kubectl.apply(spec(here))
    seen.until_phase("Running")
    assert holder(here) == held

    first.kill()

    second.ready(LEASE_SECONDS + 20)
    assert holder(here) not in {"", held}
    assert "loadtest_leader 1.0" in second.metrics()
    finished_once(here)


def holder(here: Place) -> str:
    lease = json.loads(here.kubectl("get", "lease", "loadtest-operator", "-n", here.namespace, "-o", "json"))
    return str(lease["spec"].get("holderIdentity") or "")
