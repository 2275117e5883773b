"""A LoadTest's whole story, from apply to verdict, and what must not happen beside it."""

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon, stays

SLOWLY = dict.fromkeys(("Loading", "WaitingForWorkers", "Preflight", "Running", "Collecting"), 0.7)


def test_a_load_test_runs_once_and_gets_its_verdict(stage: Stage) -> None:
    stage.apply("checkout")
    status = stage.until("checkout", "Completed")["status"]
    assert status["verdict"] == "Passed"
    assert status["run"]["number"] == 1
    assert status["summary"]["requests"] == 200, "the judged windows: 6 s less 1 s of warm-up, 2 endpoints, 20 each"
    assert {item["name"] for item in status["endpoints"]} == {"GET /home", "GET /cart"}
    assert [item["result"] for item in status["thresholds"]] == ["Passed", "Passed"]
    assert status["history"][0]["id"] == status["run"]["id"]
    for kind, holds in {"Ready": "True", "Completed": "True", "Passed": "True", "GeneratorHealthy": "True"}.items():
        assert condition({"status": status}, kind)["status"] == holds
    assert not condition({"status": status}, "Reconciling")


def test_after_a_passed_run_nothing_of_it_is_left(stage: Stage) -> None:
    stage.apply("checkout")
    stage.until("checkout", "Completed")
    for kind in ("jobs", "pods", "services", "configmaps", "networkpolicies"):
        soon(lambda kind=kind: not stage.named(kind, "checkout"), f"no {kind} any more")
    assert stage.kubelet.agent("checkout").acknowledged_at


def test_a_crossed_limit_fails_the_test(stage: Stage) -> None:
    stage.kubelet.scripts["slow"] = Script(latency_s=3.0)
    stage.apply("slow")
    status = stage.until("slow", "Completed")["status"]
    assert status["verdict"] == "Failed"
    assert "p95" in status["message"]
    assert condition({"status": status}, "Passed")["status"] == "False"
    assert condition({"status": status}, "Stalled")["status"] == "True"


def test_a_saturated_generator_makes_the_run_invalid(stage: Stage) -> None:
    stage.kubelet.scripts["busy"] = Script(cpu=0.99)
    stage.apply("busy")
    status = stage.until("busy", "Completed")["status"]
    assert status["verdict"] == "Invalid"
    assert condition({"status": status}, "GeneratorHealthy")["reason"] == "GeneratorSaturated"


def test_a_run_in_which_every_phase_is_seen_costs_at_most_eight_status_writes(stage: Stage) -> None:
    stage.kubelet.scripts["slowly"] = Script(seconds=SLOWLY)
    with stage.watch("loadtests") as watch:
        stage.apply("slowly")
        stage.until("slowly", "Completed")
        soon(lambda: not stage.jobs(), "children gone")
        versions = {found["metadata"]["resourceVersion"]: found for found in watch.of("slowly")}
    phases = [found.get("status", {}).get("phase", "") for found in versions.values()]
    assert phases[0] == ""
    assert [p for i, p in enumerate(phases) if i and p != phases[i - 1]] == [
        *("Preparing", "Starting", "Preflight", "Running", "Collecting", "Judging", "Completed")
    ]
    assert len(phases) - 1 <= 8, phases


def test_nothing_is_written_while_nothing_happens(stage: Stage) -> None:
    stage.kubelet.scripts["held"] = Script(pause_at=frozenset({"WaitingForWorkers"}))
    stage.apply("held")
    stage.until_condition("held", "WorkersConnected", "WaitingForWorkers")
    before = stage.get("held")["metadata"]["resourceVersion"]
    assert stays(lambda: stage.get("held")["metadata"]["resourceVersion"] == before, 2)


def test_applying_the_same_manifest_again_does_nothing(stage: Stage) -> None:
    stage.apply("same")
    done = stage.until("same", "Completed")
    soon(lambda: not stage.jobs(), "children gone")
    stage.apply("same")
    assert stays(lambda: stage.get("same")["status"] == done["status"] and not stage.jobs(), 1.5)


def test_events_tell_transitions_and_nothing_else(stage: Stage) -> None:
    stage.apply("told")
    stage.until("told", "Completed")
    events = soon(lambda: len(stage.events("told")) >= 2 and stage.events("told"), "Events")
    assert sorted(item["reason"] for item in events) == ["Passed", "Running"]
    assert all(item["count"] == 1 for item in events)
