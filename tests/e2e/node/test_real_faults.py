"""Faults of a real node under load: a component dies, a cable is pulled, the disk is full, a clock jumps.

Each run has one result, nothing is started twice, and what the target served is what was measured, or it is said that
it is not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from loadtest_operator.model import quantities

from tests.e2e.cases import Cases, beside_each_other, chosen, in_turn
from tests.e2e.node import faults
from tests.e2e.place import OVER, Place, place, requests_in
from tests.e2e.release import release
from tests.support import faulttable
from tests.support.faulttable import Row
from tests.support.killer import Killer
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import SHOPPER, condition, loadtest, locust, phase
from tests.support.recorder import Recorder, Version

SECONDS = 25
USERS = 4
LOAD = {"users": USERS, "spawnRate": "10/s", "duration": f"{SECONDS}s", "warmup": "1s"}
LOADED = 60  # requests that were answered before anything breaks
PHASES = ["Preparing", "Starting", "Preflight", "Running", "Collecting", "Judging", "Completed"]
# Ours take a few seconds, a worker that hears nothing any more ten; a busy machine may take this long.
LOAD_STOPS_SECONDS = 20
TOLD_SECONDS = 25
FAULTS: dict[str, faults.Fault] = {
    "kubelet": faults.component("kubelet"),
    "containerd": faults.component("containerd"),
    "kube-apiserver": faults.component("kube-apiserver"),
    "api-server away": faults.no_api_server,
    "operator cut off": faults.operator_cut_off,
    "workers cut off": faults.workers_cut_off,
    "worker cut off": faults.worker_cut_off,
    "worker alone": faults.worker_alone,
    "full disk": faults.full_disk,
    "clock steps": faults.clock_steps,
}
BEFORE = {"full disk": faults.small_disk, "clock steps": faults.own_clock}
NAMES = {
    "kubelet": "kubelet killed",
    "containerd": "containerd killed",
    "kube-apiserver": "API server killed",
    "api-server away": f"no API server for {faults.AWAY_SECONDS} s",
    "operator cut off": "operator cut off from the master until the load is over",
    "workers cut off": "all workers cut off from their master",
    "worker cut off": f"one of two workers cut off from its master for {faults.CUT_SECONDS} s",
    "worker alone": f"one of two workers cut off from everything for {faults.CUT_SECONDS} s",
    "full disk": "the store's disk is full",
    "clock steps": "the operator's clock steps by two hours",
}


@dataclass(frozen=True)
class Told:
    case: str
    test: dict[str, Any]
    phases: list[str]
    jobs: dict[str, set[str]]
    events: list[str]
    served: int
    recorded: int
    load_left: float | None
    broken_at: float
    """On this process's monotonic clock."""
    seen: Recorder
    users: list[int]
    """As the result has them, window by window."""

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.test["status"]
        return found

    def tells(self, accept: Callable[[Version], bool]) -> Version | None:
        """The first status after the fault that says so."""
        return next((one for one in self.seen.versions if one.at > self.broken_at and accept(one)), None)

    def row(self, accept: Callable[[Version], bool], kind: str = "Ready") -> Row:
        return faulttable.row(
            NAMES[self.case],
            self.test,
            self.tells(accept),
            self.broken_at,
            kind=kind,
            load_left=self.load_left,
            lost=self.served - self.recorded,
            served=self.served,
        )


def tell(here: Place, case: str) -> Told:
    name = case.replace(" ", "-")
    if case in BEFORE:
        BEFORE[case](here)
    seen, jobs = here.record(), here.record("jobs")
    here.kubectl.apply(loadtest(name, here.namespace, here.target.url, scenario=locust(SHOPPER), load=LOAD))
    seen.until_phase("Running", seconds=90)
    eventually(lambda: here.target.requests() > LOADED, "load", 30)
    broken_at = time.monotonic()
    left = FAULTS[case](here, name)
    eventually(lambda: phase(here.test(name)) in OVER, "the end", 150)
    told = [item["reason"] for item in here.kubectl.list("events", here.namespace) if of_test(item, name)]
    seen.until(lambda version: version.phase in OVER, "the end, as the watch tells it", 30)
    final, served = here.test(name), here.target.requests()
    over = phase(final) == "Completed"
    stored = here.stored(final["status"]["run"]["id"])[1] if over else None
    recorded = requests_in(stored) if stored else 0
    users = [one.users or 0 for one in stored.run_windows] if stored else []
    return Told(case, final, seen.phases(), jobs.uids(), told, served, recorded, left, broken_at, seen, users)


def of_test(event: dict[str, Any], name: str) -> bool:
    about = event["involvedObject"]
    return (about["kind"], about["name"]) == ("LoadTest", name)


@pytest.fixture(scope="module")
def somewhere(
    kubectl: Kubectl, image: str, kill9: Killer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], AbstractContextManager[Place]]]:
    """What is done to one case's operator must not be done to another's: each place has its own."""
    folder = tmp_path_factory.mktemp("operators")
    with ExitStack() as closing:

        def build() -> Place:
            here = closing.enter_context(place(kubectl, image, "case"))
            made = release(kubectl, image, folder, killer=kill9, watchNamespaces=[here.namespace])
            here.operators.append(closing.enter_context(made))
            return here

        yield in_turn(build)


@pytest.fixture(scope="module")
def stories(
    somewhere: Callable[[], AbstractContextManager[Place]], request: pytest.FixtureRequest
) -> Iterator[Cases[str, Told]]:
    wanted = [case for case in chosen(request) if case not in faults.COMPONENTS]
    with beside_each_other(somewhere, tell, wanted) as cases:
        yield cases


@pytest.fixture(scope="module")
def deaths(
    somewhere: Callable[[], AbstractContextManager[Place]], request: pytest.FixtureRequest
) -> Iterator[Cases[str, Told]]:
    """Of what all runs of a node need: one after another, when the tests above have seen their stories end."""
    wanted = [case for case in chosen(request) if case in faults.COMPONENTS]
    with beside_each_other(somewhere, tell, wanted, at_once=1) as cases:
        yield cases


def completed_once(told: Told, attempts: int = 1) -> None:
    """With a verdict about the target, unless the machine was too busy to load it."""
    assert told.status["phase"] == "Completed", told.status["message"]
    assert (told.status["run"]["number"], told.status["run"]["attempt"]) == (1, attempts)
    assert told.phases[-1] == "Completed"
    assert len(told.jobs) == 2 * attempts
    assert {len(uids) for uids in told.jobs.values()} == {1}, "a Job was made twice"
    assert told.events.count("Completed") <= 1
    if told.status["verdict"] != "Passed":
        assert told.status["verdict"] == "Invalid", told.status["message"]
        assert told.status["validity"]["reasons"]


def unimpressed(told: Told) -> None:
    """As if nothing had happened."""
    completed_once(told)
    assert told.phases == [phase for phase in PHASES if phase in told.phases], "a phase was lost or came twice"
    assert told.recorded == told.served > LOADED
    assert not told.status["run"].get("workersLost")
    assert all(one.startswith("GeneratorSaturated") for one in told.status["validity"].get("reasons", []))


def lost_a_worker(version: Version) -> bool:
    return bool(version.status.get("run", {}).get("workersLost"))


@pytest.mark.parametrize("case", ["worker cut off", "worker alone"])
def test_a_worker_that_was_cut_off_is_told_and_the_run_goes_on(
    stories: Cases[str, Told], case: str, record_property: Callable[[str, object], None]
) -> None:
    told = stories[case]
    told.row(lost_a_worker, "WorkersConnected").tell(record_property)
    completed_once(told)
    assert told.status["run"]["workersLost"] >= 1
    assert "lost" in told.status["validity"]["loss"]
    found = told.tells(lost_a_worker)
    assert found is not None
    assert found.at - told.broken_at < TOLD_SECONDS
    # Until it ends itself its users go on, beside those that took their place, and nobody may ever hear of them.
    assert told.served * 0.6 < told.recorded <= told.served


@pytest.mark.parametrize("case", ["worker alone"])
def test_users_that_reached_nothing_count_as_lost_until_others_took_their_place(
    stories: Cases[str, Told], case: str
) -> None:
    told = stories[case]
    # A window each second, and a worker is missed after four; what was under way in the first is in the result.
    assert sum(users <= USERS / 2 for users in told.users[1:-1]) >= 2, told.users
    assert quantities.parse_share(told.status["validity"]["achieved"]) < 0.96, told.status["validity"]


@pytest.mark.parametrize("case", ["workers cut off"])
def test_workers_that_their_master_does_not_hear_are_stopped_and_others_take_their_place(
    stories: Cases[str, Told], case: str, record_property: Callable[[str, object], None]
) -> None:
    told = stories[case]
    told.row(lambda one: one.status["run"]["attempt"] == 2).tell(record_property)
    completed_once(told, attempts=2)
    assert told.events.count("WorkersLost") == 1
    assert told.load_left is not None
    assert told.load_left < LOAD_STOPS_SECONDS
    assert told.served > told.recorded, "those of the lost attempt are not among them"


@pytest.mark.parametrize("case", ["operator cut off", "full disk", "clock steps"])
def test_what_the_operator_suffers_costs_the_run_nothing(
    stories: Cases[str, Told], case: str, record_property: Callable[[str, object], None]
) -> None:
    told = stories[case]
    told.row(lambda one: condition(one.object, "Ready").get("reason") == "StoreUnavailable").tell(record_property)
    unimpressed(told)
    run = told.status["run"]
    took = quantities.parse_timestamp(run["endTime"]) - quantities.parse_timestamp(run["startTime"])
    assert SECONDS < took.total_seconds() < 10 * SECONDS


@pytest.mark.parametrize("case", faults.COMPONENTS)
def test_a_component_that_dies_and_comes_back_costs_the_run_nothing(
    deaths: Cases[str, Told], case: str, record_property: Callable[[str, object], None]
) -> None:
    told = deaths[case]
    told.row(lambda one: condition(one.object, "WorkersConnected").get("status") == "False").tell(record_property)
    unimpressed(told)
