"""From apply to a verdict: what a person sees of one run, and what the target saw of it."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.place import CHILDREN, Place, requests_in
from tests.e2e.release import Release
from tests.support.kubectl import eventually
from tests.support.loadtests import condition, loadtest
from tests.support.recorder import Recorder, Version

NAME = "checkout"
PHASES = ["Preparing", "Starting", "Preflight", "Running", "Collecting", "Judging", "Completed"]
PASSING_PHASES = {"Starting", "Preflight"}  # may be over before the operator's next look
LOCUST = """
from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    wait_time = between(0.05, 0.1)

    @task(3)
    def home(self):
        self.client.get("/home")

    @task(1)
    def cart(self):
        self.client.get("/cart")

    @task(1)
    def item(self):
        self.client.get("/item/7", name="item")
"""
REQUESTS = [{"path": "/home", "weight": 3}, {"path": "/cart"}, {"path": "/item/7", "name": "item"}]
SCENARIOS = {
    "locust": {"locust": {"inline": LOCUST}},
    "http": {"http": {"thinkTime": {"min": "50ms", "max": "100ms"}, "requests": REQUESTS}},
}


@dataclass(frozen=True)
class Story:
    here: Place
    seen: Recorder
    final: dict[str, Any]
    served: dict[str, Any]
    jobs: Recorder
    writes: float

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.final["status"]
        return found


@pytest.fixture(scope="module", params=SCENARIOS)
def story(request: pytest.FixtureRequest, operator: Release, place_for_module: Callable[..., Place]) -> Story:
    """One run without anybody's interference, which each of these tests looks at; the same in both languages."""
    here = place_for_module("story", operator)
    seen, jobs = here.record(), here.record("jobs")
    before = _writes(operator.metrics())
    load = {"users": 6, "spawnRate": "10/s", "duration": "6s", "warmup": "1s"}
    scenario = SCENARIOS[request.param]
    final = here.run(loadtest(NAME, here.namespace, here.target.url, scenario=scenario, load=load))
    here.until_no_children()
    return Story(here, seen, final, here.target.stats(), jobs, _writes(operator.metrics()) - before)


def test_the_phases_come_in_order_and_each_once(story: Story) -> None:
    phases = story.seen.phases()
    assert phases == [phase for phase in PHASES if phase in phases]
    assert set(PHASES) - set(phases) <= PASSING_PHASES


def test_the_run_passes_and_says_so_to_a_person(story: Story) -> None:
    assert story.status["verdict"] == "Passed"
    assert story.status["message"].endswith("2 of 2 thresholds passed; baseline: 0 of 3 comparable runs so far")
    assert story.status["run"]["number"] == 1
    assert [line["verdict"] for line in story.status["history"]] == ["Passed"]


def test_the_conditions_open_the_gate(story: Story) -> None:
    found = {item["type"]: item["status"] for item in story.status["conditions"]}
    assert {kind: found.get(kind) for kind in ("Ready", "Completed", "Passed")} == dict.fromkeys(
        ("Ready", "Completed", "Passed"), "True"
    )
    assert {kind: found.get(kind) for kind in ("Admitted", "TargetReachable", "WorkersConnected")} == dict.fromkeys(
        ("Admitted", "TargetReachable", "WorkersConnected"), "True"
    )
    assert not {"Reconciling", "Stalled"} & set(found)
    generation = story.final["metadata"]["generation"]
    assert {item["observedGeneration"] for item in story.status["conditions"]} == {generation}
    assert story.status["observedGeneration"] == generation


def test_until_it_is_over_no_version_reads_as_ready(story: Story) -> None:
    """Neither by Ready, nor, as kstatus reads it, by the absence of anything that says otherwise."""
    under_way = [version for version in story.seen.versions if version.phase != "Completed"]
    assert len(under_way) >= len(PHASES) - len(PASSING_PHASES)
    for version in under_way:
        fresh = version.status == {"observedGeneration": -1}
        working = condition(version.object, "Reconciling").get("status") == "True"
        assert fresh or working, version.status
        assert condition(version.object, "Ready").get("status") != "True"


@pytest.mark.parametrize("kind", ["Passed", "Completed", "Ready"])
def test_kubectl_wait_returns(story: Story, kind: str) -> None:
    story.here.kubectl("wait", f"--for=condition={kind}", f"lt/{NAME}", "-n", story.here.namespace, "--timeout=5s")


def test_the_record_holds_exactly_the_requests_that_the_target_served(story: Story) -> None:
    stored, record = story.here.stored(story.status["run"]["id"])
    counted = {one.name: sum(cell.n for cell in one.cells) for one in record.endpoints}
    served = {name: count["requests"] for name, count in story.served["endpoints"].items()}
    assert counted == {"/home": served["home"], "/cart": served["cart"], "item": served["item"]}
    assert requests_in(record) == story.served["requests"] > 100
    assert (stored.number, stored.attempt, stored.name) == (1, 1, NAME)


def test_the_summary_is_of_the_time_after_warm_up(story: Story) -> None:
    summary = story.status["summary"]
    assert summary["failures"] == 0
    assert summary["requests"] == sum(item["requests"] for item in story.status["endpoints"])
    # 5 of 6 seconds are judged; a second at the start has few users and one at the end may be half.
    assert 0.6 * story.served["requests"] < summary["requests"] < story.served["requests"]
    assert float(summary["rps"].removesuffix("/s")) == pytest.approx(summary["requests"] / 5, rel=0.05)


def test_weights_are_followed(story: Story) -> None:
    served = {name: count["requests"] for name, count in story.served["endpoints"].items()}
    # 3 of 5; with more than 300 requests that is within 0.1 in all but one of ten thousand runs.
    assert served["home"] / story.served["requests"] == pytest.approx(0.6, abs=0.12)
    assert set(served) == {"home", "cart", "item"}


def test_kubectl_get_shows_the_result_in_columns(story: Story) -> None:
    short = _columns(story, "get", "lt", NAME)
    assert short["PHASE"] == "Completed"
    assert short["VERDICT"] == "Passed"
    assert short["RPS"] == story.status["summary"]["rps"]
    assert short["P95"] == story.status["summary"]["p95"]
    assert short["ERRORS"] == "0%"
    assert set(short) == {"NAME", "PHASE", "VERDICT", "USERS", "RPS", "P95", "ERRORS", "CHANGE", "AGE"}
    wide = _columns(story, "get", "lt", NAME, "-o", "wide")
    assert (wide["RUN"], wide["WORKERS"]) == ("1", "2")
    assert wide["MESSAGE"] == story.status["message"]


def test_events_tell_the_story_once(story: Story) -> None:
    words = ("get", "events", "-n", story.here.namespace, "--field-selector=involvedObject.kind=LoadTest", "-o", "json")
    events = eventually(lambda: json.loads(story.here.kubectl(*words))["items"], "Events of the LoadTest", 5)
    assert [(item["type"], item["reason"]) for item in sorted(events, key=lambda item: item["firstTimestamp"])] == [
        ("Normal", "Running"),
        ("Normal", "Passed"),
    ]


def test_the_status_is_written_seldom_and_stays_small(story: Story) -> None:
    writes = [pair for pair in _pairs(story.seen.versions) if not _only_progress(*pair)]
    assert len(writes) <= 8
    assert story.writes == len(story.seen.versions) - 1, "a write that changes nothing is a write too many"
    assert len(json.dumps(story.status)) < 16 * 1024


def test_one_master_job_and_one_worker_job_are_made_and_nothing_stays(story: Story) -> None:
    assert {name: len(uids) for name, uids in story.jobs.uids().items()} == {
        f"{NAME}-1-master": 1,
        f"{NAME}-1-workers": 1,
    }
    assert story.here.children() == []
    pods = story.here.kubectl.list("pods", story.here.namespace, CHILDREN)
    assert pods == []


def test_the_operator_leaves_no_trace_on_the_object_but_its_status(story: Story) -> None:
    metadata = story.final["metadata"]
    assert "finalizers" not in metadata
    assert not metadata.get("annotations")
    assert metadata["generation"] == 1


def _writes(metrics: str) -> float:
    total = next(line for line in metrics.splitlines() if line.startswith("loadtest_status_writes_total"))
    return float(total.split()[1])


def _columns(story: Story, *words: str) -> dict[str, str]:
    """kubectl pads each column to the widest of its cells, so the header tells where each begins."""
    head, row = story.here.kubectl(*words, "-n", story.here.namespace).splitlines()
    names = head.split()
    starts = [head.index(name) for name in names]
    return {name: row[at:end].strip() for name, at, end in zip(names, starts, [*starts[1:], None], strict=True)}


def _pairs(versions: list[Version]) -> list[tuple[Version, Version]]:
    return list(itertools.pairwise(versions))


def _only_progress(before: Version, after: Version) -> bool:
    return before.phase == after.phase == "Running"
