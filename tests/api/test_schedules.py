"""A LoadTestSchedule on a real API server: it makes LoadTests, once each, and tells how they came out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.test_process import limited
from tests.support.loadtests import condition, loadtest
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon

API = "/apis/loadtest.dev/v1alpha1/namespaces"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def away(stages) -> Iterator[Stage]:
    """Its operator is not started yet."""
    return stages()


def just_now() -> datetime:
    """Two minutes ago: due, and the operator was not there."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - 2 * MINUTE


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def apply(stage: Stage, name: str, moment: datetime, **spec: Any) -> dict[str, Any]:
    """Every day at this minute; planned already by an operator that then went away."""
    body = {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {"name": name, "namespace": stage.namespace},
        "spec": {
            "schedule": f"{moment.minute} {moment.hour} * * *",
            "template": {"spec": loadtest("any", stage.namespace)["spec"]},
            **spec,
        },
    }
    path = f"{API}/{stage.namespace}/loadtestschedules/{name}"
    query = "?fieldManager=kubectl&force=true"
    status, made = stage.cluster.call("PATCH", path + query, body, "application/apply-patch+yaml")
    assert status < 300, made
    planned = {"status": {"observedGeneration": 1, "nextRun": stamp(moment)}}
    status, made = stage.cluster.call("PATCH", f"{path}/status", planned, "application/merge-patch+json")
    assert status < 300, made
    return made


def schedule(stage: Stage, name: str) -> dict[str, Any]:
    found = stage.cluster.get("loadtestschedules", name, stage.namespace)
    assert found is not None
    return found


def test_a_schedule_makes_a_loadtest_and_shows_its_verdict(away: Stage) -> None:
    due = just_now()
    made = apply(away, "nightly", due)
    name = f"nightly-{int(due.timestamp()) // 60}"
    away.operator.start()
    soon(lambda: away.named("loadtests", name), "the LoadTest of the start that was missed")
    test = away.until(name, "Completed")
    (owner,) = test["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (made["metadata"]["uid"], True)
    assert test["metadata"]["labels"]["loadtest.dev/schedule"] == "nightly"
    status = soon(lambda: (s := schedule(away, "nightly")["status"]).get("lastVerdict") and s, "verdict", 5)
    assert (status["lastVerdict"], status["lastRun"]) == ("Passed", name)
    assert status["nextRun"] == stamp(due + timedelta(days=1))
    assert condition({"status": status}, "Ready")["reason"] == "Scheduled"
    assert condition({"status": status}, "LastRunPassed")["status"] == "True"
    assert "active" not in status


def test_a_start_takes_place_in_its_minute(away: Stage) -> None:
    away.operator.start().ready()
    due = datetime.now(UTC).replace(second=0, microsecond=0) + MINUTE
    path = f"{API}/{away.namespace}/loadtestschedules"
    body = {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {"name": "soon", "namespace": away.namespace},
        "spec": {"schedule": "* * * * *", "template": {"spec": loadtest("any", away.namespace)["spec"]}},
    }
    assert away.cluster.call("POST", path, body)[0] == 201
    (test,) = soon(lambda: away.all("loadtests"), "the next minute", 65)
    assert test["metadata"]["name"] == f"soon-{int(due.timestamp()) // 60}"
    assert datetime.fromisoformat(test["metadata"]["creationTimestamp"]) - due < timedelta(seconds=5)
    away.until(test["metadata"]["name"], "Completed")


def test_a_restart_between_creation_and_status_adopts_what_is_there(away: Stage) -> None:
    due = just_now()
    uid = apply(away, "nightly", due)["metadata"]["uid"]
    name = f"nightly-{int(due.timestamp()) // 60}"
    body = loadtest(name, away.namespace)
    body["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "loadtest.dev/v1alpha1",
            "kind": "LoadTestSchedule",
            "name": "nightly",
            "uid": uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]
    assert away.cluster.call("POST", f"{API}/{away.namespace}/loadtests", body)[0] == 201
    away.operator.start()
    soon(lambda: schedule(away, "nightly")["status"].get("lastRun") == name, "adopted")
    away.until(name, "Completed")
    assert [item["metadata"]["name"] for item in away.all("loadtests")] == [name]


def test_two_operators_make_one(away: Stage) -> None:
    due = just_now()
    apply(away, "nightly", due)
    other = away.another("other")
    try:
        away.operator.start()
        other.start()
        name = soon(lambda: away.named("loadtests", "nightly-"), "a LoadTest")[0]["metadata"]["name"]
        away.until(name, "Completed")
        assert len(away.all("loadtests")) == 1
    finally:
        other.kill()


def test_a_start_waits_for_the_run_before_and_old_ones_are_pruned(away: Stage) -> None:
    due = just_now()
    first, second = (f"nightly-{int(moment.timestamp()) // 60}" for moment in (due, due + MINUTE))
    away.kubelet.scripts[first] = Script(pause_at=frozenset({"Running"}))
    apply(away, "nightly", due, history={"passed": 0, "failed": 0})
    away.operator.start()
    soon(lambda: away.named("loadtests", first), "the first")
    away.until(first, "Running")
    generation = schedule(away, "nightly")["metadata"]["generation"]
    later = due + MINUTE
    away.cluster.patch(
        "loadtestschedules", "nightly", away.namespace, {"spec": {"schedule": f"{later.minute} {later.hour} * * *"}}
    )
    soon(lambda: schedule(away, "nightly")["status"]["observedGeneration"] > generation, "the edit seen")
    away.operator.kill()
    planned = {"status": {"nextRun": stamp(later)}}
    path = f"{API}/{away.namespace}/loadtestschedules/nightly/status"
    assert away.cluster.call("PATCH", path, planned, "application/merge-patch+json")[0] == 200
    away.operator.start()
    soon(lambda: "waits for the end of" in schedule(away, "nightly")["status"]["message"], "held back")
    assert not away.named("loadtests", second)
    away.kubelet.go_on(first, "Running")
    soon(lambda: away.named("loadtests", second), "the second, after the end of the first")
    soon(lambda: not away.named("loadtests", ""), "both pruned")
    assert schedule(away, "nightly")["status"]["lastRun"] == second


def test_a_name_that_is_taken_is_told_and_used_when_it_is_free(away: Stage) -> None:
    due = just_now()
    name = f"nightly-{int(due.timestamp()) // 60}"
    assert away.cluster.call("POST", f"{API}/{away.namespace}/loadtests", loadtest(name, away.namespace))[0] == 201
    apply(away, "nightly", due)
    away.operator.start()

    def told() -> dict[str, Any] | None:
        ready = condition(schedule(away, "nightly"), "Ready")
        return ready if ready.get("reason") == "NameTaken" else None

    assert f"kubectl delete loadtest {name}" in soon(told, "the name is taken")["message"]
    away.cluster.delete("loadtests", name, away.namespace)
    away.operator.restart()  # else the next look is in half a minute
    soon(lambda: condition(schedule(away, "nightly"), "Ready").get("reason") == "Scheduled", "made after all")
    away.until(name, "Completed")


def test_without_the_right_the_condition_shows_the_command_that_grants_it(away: Stage) -> None:
    apply(away, "barred", just_now())
    operator = away.another("limited", kubeconfig=limited(away, "loadtests"))
    try:
        operator.start()

        def told() -> dict[str, Any] | None:
            ready = condition(schedule(away, "barred"), "Ready")
            return ready if ready.get("reason") == "AccessMissing" else None

        assert "kubectl create rolebinding" in soon(told, "the missing right")["message"]
    finally:
        operator.kill()


def test_what_kubectl_shows_of_a_schedule(away: Stage) -> None:
    due = just_now() + timedelta(hours=3)
    apply(away, "nightly", due, suspend=True)
    away.operator.start()
    soon(lambda: condition(schedule(away, "nightly"), "Ready").get("reason") == "Suspended", "seen")
    head, row = away.kubectl("get", "lts", "-n", away.namespace).strip().splitlines()
    assert head.split() == ["NAME", "SCHEDULE", "STATE", "LAST", "VERDICT", "NEXT", "AGE"]
    assert "Suspended" in row
