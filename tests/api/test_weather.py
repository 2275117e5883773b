"""The API server away, slow or busy with others; watches that miss things; operators beside each other."""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from tests.support import crds
from tests.support.kubectl import Kubectl
from tests.support.loadtests import phase
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon, stays


@pytest.fixture
def shaky(tmp_path):
    """A stage on an API server of its own, which may be killed."""
    with crds.api_server() as api:
        Kubectl(api.kubectl, api.kubeconfig)("create", "namespace", "shaky")
        with Stage(api, "shaky", tmp_path, {"resync_seconds": 2}) as stage:
            stage.operator.start().ready()
            yield stage


def test_a_run_survives_the_api_server(shaky: Stage) -> None:
    shaky.kubelet.scripts["calm"] = Script(pause_at=frozenset({"Running"}))
    shaky.apply("calm")
    shaky.until("calm", "Running")
    with shaky.api.away():
        shaky.kubelet.go_on("calm", "Running")
        soon(lambda: shaky.kubelet.agent("calm").state == "Holding", "results held")
    shaky.cluster.close()
    status = shaky.until("calm", "Completed", seconds=40)["status"]
    assert (status["run"]["number"], status["verdict"]) == (1, "Passed")
    soon(lambda: not shaky.jobs(), "children gone", 40)


def test_a_deletion_while_the_api_server_was_away_from_us_is_found_by_listing(shaky: Stage) -> None:
    shaky.kubelet.scripts["lost"] = Script(pause_at=frozenset({"Running"}))
    shaky.apply("lost")
    shaky.until("lost", "Running")
    shaky.operator.process.send_signal(signal.SIGSTOP)
    shaky.cluster.delete("loadtests", "lost", "shaky")
    with shaky.api.away():  # the operator's watches break while it cannot look
        pass
    shaky.cluster.close()
    shaky.operator.process.send_signal(signal.SIGCONT)
    soon(lambda: "loadtest_objects 0.0" in shaky.operator.metrics(), "forgotten", 30)
    soon(lambda: not shaky.jobs(), "Jobs gone", 30)


def test_it_stops_in_time_while_the_api_server_is_away(shaky: Stage) -> None:
    with shaky.api.away():
        assert shaky.operator.stop() < 5
        assert shaky.operator.process.returncode == 0
    shaky.cluster.close()


def test_it_waits_for_an_api_server_that_comes_later(shaky: Stage) -> None:
    """As when a whole cluster starts: it is in good health, not ready, and says what it waits for."""
    shaky.operator.kill()
    told = len(shaky.operator.log.read_text())
    with shaky.api.away():
        shaky.operator.start()
        soon(lambda: "does not answer" in shaky.operator.log.read_text()[told:], "told", 20)
        assert shaky.operator.answers("/healthz")
        assert not shaky.operator.answers("/readyz")
    shaky.cluster.close()
    shaky.operator.ready(20)
    shaky.apply("early")
    shaky.until("early", "Completed", seconds=40)


def test_somebody_elses_writes_lose_nothing_and_repeat_nothing(stage: Stage) -> None:
    """Each version that is seen is followed by a write of somebody else, so that ours meet conflicts."""
    stage.kubelet.scripts["contested"] = Script(seconds=dict.fromkeys(("Loading", "Preflight", "Running"), 0.7))
    stage.apply("contested")
    before, writes = "", 0

    def look() -> bool:
        nonlocal before, writes
        found = stage.get("contested")
        if found.get("status") != before:
            before, writes = found.get("status"), writes + 1
            note = {"metadata": {"annotations": {"example.com/count": str(writes)}}}
            stage.cluster.patch("loadtests", "contested", stage.namespace, note)
            foreign = {"status": {"message": f"written by somebody else, {writes}"}}
            if phase(found) == "Starting":
                stage.cluster.patch("loadtests", "contested", stage.namespace, foreign, "status")
        return phase(found) == "Completed"

    soon(look, "completed")
    status = stage.get("contested")["status"]
    assert (status["verdict"], status["run"]["number"], len(status["history"])) == ("Passed", 1, 1)
    assert writes > 5


def test_a_controller_that_writes_annotations_all_the_time_does_not_stop_a_run(stage: Stage) -> None:
    stage.apply("annotated")

    def look() -> bool:
        note = {"metadata": {"annotations": {"example.com/now": str(time.monotonic())}}}
        return phase(stage.cluster.patch("loadtests", "annotated", stage.namespace, note)) == "Completed"

    assert soon(look, "completed", every=0.0)


def test_pods_of_others_are_not_kept(stage: Stage) -> None:
    container = {"name": "app", "image": "app"}
    for number in range(20):
        metadata = {"name": f"foreign-{number}", "namespace": stage.namespace, "labels": {"loadtest.dev/test": "mine"}}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
        stage.cluster.create("pods", body)
    looks = "loadtest_reconcile_seconds_count 0.0"
    assert stays(lambda: looks in stage.operator.metrics(), 0.5)
    stage.apply("mine")
    stage.until("mine", "Completed")
    assert len(stage.named("pods", "foreign")) == 20


def test_one_of_two_operators_works_and_the_other_takes_over(stages, tmp_path) -> None:
    stage = stages()
    second = stage.another("second")
    stage.operator.start().ready()
    try:
        second.start()
        soon(lambda: "standing by" in second.log.read_text(), "standing by")
        assert second.answers("/healthz")
        assert not second.answers("/readyz")
        assert "loadtest_leader 0.0" in second.metrics()
        stage.apply("handed")
        stage.until("handed", "Completed")
        stage.operator.kill()
        second.ready(15)
        stage.annotate("handed", run_requested="again")
        stage.until("handed", "Completed", where=lambda test: test["status"]["run"]["number"] == 2)
    finally:
        second.kill()


def test_an_operator_that_is_stopped_hands_over_at_once(stages) -> None:
    stage = stages(lease_seconds=30)
    second = stage.another("second")
    stage.operator.start().ready()
    try:
        second.start()
        soon(lambda: "standing by" in second.log.read_text(), "standing by")
        assert stage.operator.stop() < 5
        begun = time.monotonic()
        second.ready(10)
        assert time.monotonic() - begun < 10, "long before the Lease's 30 s"
    finally:
        second.kill()


def test_it_stops_in_time_while_it_stands_by(stages) -> None:
    stage = stages()
    second = stage.another("second")
    stage.operator.start().ready()
    try:
        second.start()
        soon(lambda: "standing by" in second.log.read_text(), "standing by")
        assert second.stop() < 5
        assert second.process.returncode == 0
    finally:
        second.kill()


def test_it_stops_in_time_in_mid_run_and_leaves_the_run_alone(stage: Stage) -> None:
    stage.kubelet.default = Script(pause_at=frozenset({"Running"}))
    for number in range(5):
        stage.apply(f"held-{number}")
    for number in range(5):
        stage.until(f"held-{number}", "Running")
    assert stage.operator.stop() < 5
    assert stage.operator.process.returncode == 0
    assert len(stage.jobs()) == 10


def test_a_frozen_operator_that_lost_its_lease_writes_nothing_when_it_wakes(stages) -> None:
    stage = stages()
    second = stage.another("second")
    stage.operator.start().ready()
    try:
        second.start()
        stage.kubelet.scripts["fenced"] = Script(pause_at=frozenset({"Running"}))
        stage.apply("fenced")
        stage.until("fenced", "Running")
        os.kill(stage.operator.process.pid, signal.SIGSTOP)
        second.ready(15)
        os.kill(stage.operator.process.pid, signal.SIGCONT)
        stage.kubelet.go_on("fenced", "Running")
        assert stage.until("fenced", "Completed")["status"]["run"]["number"] == 1
        with contextlib.suppress(subprocess.TimeoutExpired):
            stage.operator.process.wait(10)
        assert stage.operator.process.poll() is not None, "who lost the Lease ends"
    finally:
        second.kill()
