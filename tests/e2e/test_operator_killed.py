"""The operator dies as soon as a phase is written, or a second later: the run's result is the same, once."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from loadtest_operator.model.phases import Phase

from tests.e2e.cases import Cases, beside_each_other, chosen
from tests.e2e.place import Place, requests_in
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import SHOPPER, loadtest, locust

NAME = "survivor"
PHASES = ["Preparing", "Starting", "Preflight", "Running", "Collecting", "Judging", "Completed"]
NOT_PASSED_THROUGH = {"Pending", "Queued", "Suspended", "Cancelled", "Error"}
UNDISTURBED = ("never", 0.0)
CASES = [(phase, delay) for phase in PHASES for delay in (0.0, 1.0)]
MEASURED = {"summary", "endpoints", "validity", "message"}
TIMES = {"startTime", "endTime", "id", "runKey", "p95", "value", "lastTransitionTime", "message"}

LIMITS = [{"metric": "errorRate", "fail": "5%"}]
# Three runs beside each other on two cores: what their generators can keep up with is not the question here.
CROWDED = "GeneratorSaturated"

Case = tuple[str, float]


@dataclass(frozen=True)
class Survived:
    final: dict[str, Any]
    phases: list[str]
    jobs: dict[str, set[str]]
    in_store: int
    recorded: int
    served: int


def tell(here: Place, case: Case) -> Survived:
    phase, delay = case
    seen, jobs = here.record(), here.record("jobs")
    here.target.control(healthy=phase != "Preflight")
    operator = here.started()
    load = {"users": 4, "spawnRate": "10/s", "duration": "5s", "warmup": "1s"}
    spec = {"scenario": locust(SHOPPER), "load": load, "thresholds": LIMITS, "gate": {"failOn": ["Failed"]}}
    here.kubectl.apply(loadtest(NAME, here.namespace, here.target.url, **spec))
    if case != UNDISTURBED:
        written = seen.until_phase(phase)
        eventually(lambda: time.monotonic() >= written.at + delay, "the moment to kill")
        operator.kill()
        operator.start().ready(40)
        here.target.control(healthy=True)
    seen.until_phase("Completed", "Error", seconds=120)
    here.until_no_children(60)
    final = here.test(NAME)
    _, record = here.stored(final["status"]["run"]["id"])
    return Survived(
        final["status"], seen.phases(), jobs.uids(), _rows(here), requests_in(record), here.target.requests()
    )


@pytest.fixture(scope="module")
def stories(kubectl: Kubectl, image: str, request: pytest.FixtureRequest) -> Iterator[Cases[Case, Survived]]:
    with beside_each_other(kubectl, image, tell, [UNDISTURBED, *chosen(request)]) as cases:
        yield cases


def test_every_phase_that_a_run_passes_through_is_a_case() -> None:
    assert {phase.value for phase in Phase} == set(PHASES) | NOT_PASSED_THROUGH
    assert {phase for phase, _ in CASES} == set(PHASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}+{case[1]:g}s")
def test_the_run_ends_as_if_nothing_had_happened(stories: Cases[Case, Survived], case: Case) -> None:
    survived, undisturbed = stories[case], stories[UNDISTURBED]
    assert survived.final["phase"] == "Completed", survived.final
    assert survived.phases == [phase for phase in PHASES if phase in survived.phases], "a phase was lost or came twice"
    assert survived.jobs.keys() == {f"{NAME}-1-master", f"{NAME}-1-workers"}
    assert {len(uids) for uids in survived.jobs.values()} == {1}, "a Job was made twice"
    assert survived.in_store == 1
    assert survived.recorded == survived.served > 0
    assert (survived.final["run"]["number"], survived.final["run"]["attempt"]) == (1, 1)
    assert _comparable(survived.final) == _comparable(undisturbed.final)


def _rows(here: Place) -> int:
    with closing(sqlite3.connect(here.store)) as store:
        [(runs,)] = store.execute("SELECT count(*) FROM runs")
        [(windows,)] = store.execute("SELECT count(*) FROM windows")
    assert runs == windows
    return int(runs)


def _comparable(status: dict[str, Any]) -> dict[str, Any]:
    """Without what is measured and when; which fields there are still counts."""
    kept = {key: value for key, value in status.items() if key not in MEASURED}
    reasons = status["validity"]["reasons"]
    if reasons and all(reason.startswith(CROWDED) for reason in reasons):
        kept = _as_if_there_had_been_room(kept)
    return {"fields": sorted(status), "summary": sorted(status["summary"]), **_without_times(kept)}


def _as_if_there_had_been_room(status: dict[str, Any]) -> dict[str, Any]:
    """Invalid for this one reason reads as Passed."""
    text = json.dumps(status).replace(f'"{CROWDED}"', '"GeneratorHealthy"').replace('"Invalid"', '"Passed"')
    calm: dict[str, Any] = json.loads(text)
    for item in calm["conditions"]:
        item["status"] = "True" if item["type"] == "GeneratorHealthy" else item["status"]
    return calm


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if key not in TIMES}
    return [_without_times(item) for item in value] if isinstance(value, list) else value
