"""The operator dies as soon as a phase is written, or a second later: the run's result is the same, once."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loadtest_operator.model.phases import Phase

from tests.e2e.cases import Cases, beside_each_other, chosen, in_turn
from tests.e2e.place import Place, place, requests_in
from tests.e2e.release import release
from tests.support import faulttable
from tests.support.killer import Killer
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import SHOPPER, loadtest, locust

LEASE_SECONDS = 6  # what is waited for after a kill; a pod that starves on a busy node must renew it in time
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
    name: str
    final: dict[str, Any]
    phases: list[str]
    jobs: dict[str, set[str]]
    in_store: int
    recorded: int
    served: int


def tell(here: Place, case: Case) -> Survived:
    phase, delay = case
    name = f"survivor-{phase.lower()}-{delay:g}"
    seen, jobs, operator = here.record(), here.record("jobs"), here.operator
    here.target.control(healthy=phase != "Preflight")
    load = {"users": 4, "spawnRate": "10/s", "duration": "5s", "warmup": "1s"}
    spec = {"scenario": locust(SHOPPER), "load": load, "thresholds": LIMITS, "gate": {"failOn": ["Failed"]}}
    here.kubectl.apply(loadtest(name, here.namespace, here.target.url, **spec))
    if case != UNDISTURBED:
        written = seen.until_phase(phase, seconds=90)
        eventually(lambda: time.monotonic() >= written.at + delay, "the moment to kill")
        operator.kill()
        operator.start().ready()
        here.target.control(healthy=True)
    seen.until_phase("Completed", "Error", seconds=120)
    here.until_no_children(60)
    final, served = here.test(name), here.target.requests()
    _, record = here.stored(final["status"]["run"]["id"])
    rows = _rows(operator.store(), final["metadata"]["uid"])
    return Survived(name, final["status"], seen.phases(), jobs.uids(), rows, requests_in(record), served)


@pytest.fixture(scope="module")
def stories(
    kubectl: Kubectl,
    image: str,
    kill9: Killer,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Cases[Case, Survived]]:
    """An operator that is killed must not be that of another case: each of those at once has its own namespace."""
    folder = tmp_path_factory.mktemp("operators")
    with ExitStack() as closing:

        def build() -> Place:
            here = closing.enter_context(place(kubectl, image, "case"))
            values = {"watchNamespaces": [here.namespace], "settings": {"lease_seconds": LEASE_SECONDS}}
            here.operators.append(closing.enter_context(release(kubectl, image, folder, killer=kill9, **values)))
            return here

        with beside_each_other(in_turn(build), tell, [UNDISTURBED, *chosen(request)]) as cases:
            yield cases


def test_every_phase_that_a_run_passes_through_is_a_case() -> None:
    assert {phase.value for phase in Phase} == set(PHASES) | NOT_PASSED_THROUGH
    assert {phase for phase, _ in CASES} == set(PHASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}+{case[1]:g}s")
def test_the_run_ends_as_if_nothing_had_happened(
    stories: Cases[Case, Survived], case: Case, record_property: Callable[[str, object], None]
) -> None:
    survived, undisturbed = stories[case], stories[UNDISTURBED]
    if case == ("Running", 1.0):
        lost = survived.served - survived.recorded
        fault, final = "the operator is killed under load", {"status": survived.final}
        faulttable.row(fault, final, None, 0, lost=lost, served=survived.served).tell(record_property)
    assert survived.final["phase"] == "Completed", survived.final
    assert survived.phases == [phase for phase in PHASES if phase in survived.phases], "a phase was lost or came twice"
    assert survived.jobs.keys() == {f"{survived.name}-1-master", f"{survived.name}-1-workers"}
    assert {len(uids) for uids in survived.jobs.values()} == {1}, "a Job was made twice"
    assert survived.in_store == 1
    assert survived.recorded == survived.served > 0
    assert (survived.final["run"]["number"], survived.final["run"]["attempt"]) == (1, 1)
    assert _comparable(survived) == _comparable(undisturbed)


def _rows(copy: Path, uid: str) -> int:
    with closing(sqlite3.connect(copy)) as store:
        [(runs,)] = store.execute("SELECT count(*) FROM runs WHERE uid = ?", [uid])
        windows_of = "SELECT count(*) FROM windows JOIN runs ON windows.run = runs.id WHERE uid = ?"
        [(windows,)] = store.execute(windows_of, [uid])
    assert runs == windows
    return int(runs)


def _comparable(survived: Survived) -> dict[str, Any]:
    """Without its name, and what is measured and when; which fields there are still counts."""
    status = json.loads(json.dumps(survived.final).replace(survived.name, "survivor"))
    status["conditions"].sort(key=lambda item: item["type"])  # a map by type: which was told first says nothing
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
