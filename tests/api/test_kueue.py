"""A LoadTest whose workers go through a LocalQueue of Kueue: the real Job controller, and Kueue played by a webhook."""

from collections.abc import Iterator

import pytest
from loadtest_operator.build.names import LABEL_KUEUE

from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.played_kueue import PlayedKueue
from tests.support.stage import Stage, soon, stays

LABELS = {LABEL_KUEUE: "team-a"}


@pytest.fixture
def kueue(stage: Stage) -> Iterator[PlayedKueue]:
    with PlayedKueue(stage.api, stage.namespace) as kueue:
        yield kueue


def test_the_master_comes_when_kueue_lets_the_workers_go(stage: Stage, kueue: PlayedKueue) -> None:
    stage.apply("quiet", labels=LABELS)
    waiting = stage.until("quiet", "Queued")["status"]
    assert waiting["queue"]["waitingFor"] == "Kueue has not admitted the 2 workers yet (LocalQueue team-a)"
    assert kueue.asked == ["quiet-1-workers"]
    assert stays(lambda: stage.jobs() == ["quiet-1-workers"] and not stage.named("pods", "quiet"), 1)
    kueue.let_go("quiet-1-workers")
    done = stage.until("quiet", "Completed")
    assert (done["status"]["verdict"], done["status"]["run"]["number"]) == ("Passed", 1)
    assert condition(done, "Admitted")["status"] == "True"


def test_it_waits_on_while_the_operator_is_replaced(stage: Stage, kueue: PlayedKueue) -> None:
    stage.apply("patient", labels=LABELS)
    stage.until("patient", "Queued")
    stage.operator.kill()
    kueue.let_go("patient-1-workers")
    stage.operator.start()
    assert stage.until("patient", "Completed", seconds=40)["status"]["run"]["attempt"] == 1


def test_workers_that_are_taken_back_in_mid_run_cost_an_attempt(stage: Stage, kueue: PlayedKueue) -> None:
    stage.kubelet.scripts["pushed"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("pushed", labels=LABELS)
    stage.until("pushed", "Queued")
    kueue.let_go("pushed-1-workers")
    stage.until("pushed", "Running")
    kueue.take_back("pushed-1-workers")
    again = stage.until("pushed", "Queued", where=lambda test: test["status"]["run"]["attempt"] == 2)
    assert condition(again, "Admitted")["reason"] == "Kueue"
    soon(lambda: [event for event in stage.events("pushed") if event["reason"] == "Preempted"], "an Event")
    soon(lambda: stage.jobs() == ["pushed-1-2-workers"], "the first attempt gone")
    stage.kubelet.scripts["pushed"] = Script()
    kueue.let_go("pushed-1-2-workers")
    assert stage.until("pushed", "Completed")["status"]["verdict"] == "Passed"


def test_whoever_waits_for_kueue_can_be_deleted(stage: Stage, kueue: PlayedKueue) -> None:
    stage.apply("leaving", labels=LABELS)
    stage.until("leaving", "Queued")
    stage.cluster.delete("loadtests", "leaving", stage.namespace)
    soon(lambda: not stage.jobs() and not stage.named("configmaps", "leaving"), "children gone", 40)
