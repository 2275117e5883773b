"""Thresholds on PromQL: the operator asks a real Prometheus, before a run, during it, and for its verdict."""

import itertools
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import prometheus
from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.prometheus import Prometheus
from tests.support.stage import Object, Stage, soon
from tests.testcluster.apiserver import ApiServer

NUMBERS = itertools.count(1)
HELD = Script(pause_at=frozenset({"Running"}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus.running(tmp_path_factory.mktemp("prometheus"), []) as found:
        yield found


@pytest.fixture(scope="module")
def stage(
    api: ApiServer, namespaces: Callable[[], str], server: Prometheus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """For all tests of this file, each with LoadTests of its own."""
    settings = {"policy": json.dumps([{"prometheus": {"url": server.url}}])}
    with Stage(api, namespaces(), tmp_path_factory.mktemp("promql"), settings) as made:
        made.operator.start().ready()
        yield made


def query(promql: str, **fields: Any) -> dict[str, Any]:
    return {"name": "asked", "promql": promql, **fields}


def told(test: Object) -> dict[str, str]:
    [found] = test["status"]["thresholds"]
    return found


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (query("vector(3)", fail="5"), {"value": "3", "result": "Passed"}),
        (query("vector(7)", warn="5", fail="8"), {"value": "7", "result": "Warning"}),
        (query("vector(7)", worse="lower", fail="8"), {"value": "7", "result": "Failed"}),
        (query("time() - time()", reduce="growth", fail="0.1"), {"result": "Unknown"}),
        (query("no_such_metric", fail="1"), {"result": "Unknown"}),
    ],
)
def test_what_prometheus_says_is_held_against_the_limit(
    stage: Stage, threshold: dict[str, Any], expected: dict[str, str]
) -> None:
    name = f"asked-{next(NUMBERS)}"
    stage.apply(name, thresholds=[threshold])
    test = stage.until(name, "Completed")
    assert told(test).items() >= expected.items()
    verdicts = {"Passed": "Passed", "Warning": "Warning", "Failed": "Failed", "Unknown": "Inconclusive"}
    assert test["status"]["verdict"] == verdicts[expected["result"]]


def test_the_samples_are_kept_so_that_another_limit_needs_no_prometheus(stage: Stage, server: Prometheus) -> None:
    stage.apply("kept", thresholds=[query("vector(7)", fail="8")])
    stage.until("kept", "Completed")
    server.process.send_signal(signal.SIGSTOP)
    try:
        stage.apply("kept", thresholds=[query("vector(7)", reduce="max", fail="6")])
        test = stage.until("kept", "Completed", where=lambda item: item["status"].get("verdict") == "Failed")
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert "asked (its query) is 7, over its limit of 6" in test["status"]["message"]
    assert test["status"]["run"]["number"] == 1


def test_another_query_after_the_run_is_asked_over_the_same_time(stage: Stage) -> None:
    stage.apply("again", thresholds=[query("vector(7)", fail="8")])
    begun = stage.until("again", "Completed")["status"]["run"]
    stage.apply("again", thresholds=[query("time() - 1e9", reduce="last", fail="1")])
    test = stage.until("again", "Completed", where=lambda item: item["status"].get("verdict") == "Failed")
    assert test["status"]["run"]["number"] == begun["number"]


@pytest.mark.parametrize(
    ("promql", "words"),
    [
        ("sum(", "thresholds[0].promql (asked): Prometheus says: "),
        ("vector(1)[5m]", "Prometheus says: "),
        ('vector(1) or label_replace(vector(2), "a", "b", "", "")', "it gives 2 series: make one of them"),
    ],
)
def test_a_query_that_cannot_be_used_is_told_before_any_load(stage: Stage, promql: str, words: str) -> None:
    name = f"wrong-{next(NUMBERS)}"
    stage.apply(name, thresholds=[query(promql, fail="1")])
    test = stage.until(name, "Pending", where=lambda item: condition(item, "Stalled"))
    assert condition(test, "Stalled")["reason"] == "InputInvalid"
    assert words in test["status"]["message"]
    assert not [job for job in stage.jobs() if job.startswith(name)]
    stage.apply(name, thresholds=[query("vector(1)", fail="1")])
    stage.until(name, "Completed")


def test_without_an_address_in_the_policy_a_query_is_refused(stages: Callable[..., Stage]) -> None:
    stage = stages()
    stage.operator.start().ready()
    stage.apply("nobody", thresholds=[query("vector(1)", fail="1")])
    test = stage.until("nobody", "Pending", where=lambda item: condition(item, "Stalled"))
    assert condition(test, "Stalled")["reason"] == "PolicyRefused"
    assert "threshold asked asks Prometheus, and the default policy names none" in test["status"]["message"]


def test_a_prometheus_that_is_away_when_the_run_is_judged_is_asked_again(stage: Stage, server: Prometheus) -> None:
    stage.kubelet.scripts["away"] = HELD
    stage.apply("away", thresholds=[query("vector(3)", fail="5")])
    stage.until("away", "Running")
    server.process.send_signal(signal.SIGSTOP)
    try:
        stage.kubelet.go_on("away", "Running")
        test = stage.until("away", "Judging", where=lambda item: "does not answer" in item["status"]["message"])
        assert condition(test, "Ready")["reason"] == "PrometheusUnavailable"
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert told(stage.until("away", "Completed")) == {"name": "asked", "value": "3", "fail": "5", "result": "Passed"}


def test_an_abort_rule_on_a_query_stops_the_load_and_the_run_failed(stage: Stage) -> None:
    stage.kubelet.scripts["crossed"] = HELD
    rule = query("vector(7)", fail="5", abort={"for": "2s"})
    stage.apply("crossed", thresholds=[rule])
    test = stage.until("crossed", "Completed")
    assert stage.kubelet.agent("crossed").stopped == "asked was 7 over 2s, over its limit of 5"
    assert (test["status"]["verdict"], told(test)["result"]) == ("Failed", "Failed")
    assert "asked was 7 over 2s, over its limit of 5; its abort rule stopped the load" in test["status"]["message"]


def test_a_limit_that_is_kept_stops_nothing(stage: Stage) -> None:
    stage.kubelet.scripts["kept-to"] = HELD
    stage.apply("kept-to", thresholds=[query("vector(3)", fail="5", abort={"for": "1s"})])
    stage.until("kept-to", "Running")
    agent = stage.kubelet.agent("kept-to")
    asked = agent.asked
    soon(lambda: agent.asked > asked + 3, "some looks")
    assert agent.stopped is None
    stage.kubelet.go_on("kept-to", "Running")
    stage.until("kept-to", "Completed")
