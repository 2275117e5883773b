"""Hooks beside a real API server and its Job controller: what waits for them, also across restarts."""

import pytest

from tests.support.loadtests import condition
from tests.support.played import hook_ended
from tests.support.played_agent import Script
from tests.support.stage import Object, Stage, soon, stays

SEED = {"image": "seed:1", "command": ["seed"]}
CLEAN = {"image": "clean:1"}
CRASH = ("Running", "InternalError", "the agent broke")


def environment(stage: Stage, job: str) -> dict[str, str]:
    (container,) = stage.pod(job)["spec"]["containers"]
    return {item["name"]: item["value"] for item in container["env"]}


def end(stage: Stage, job: str, words: str = "") -> None:
    stage.kubelet.write(stage.pod(job), hook_ended(words))


def at_work(test: Object) -> bool:
    return condition(test, "HooksSucceeded").get("reason") == "HookRunning"


def test_load_pods_come_after_the_hook_and_the_verdict_after_the_other_one(stage: Stage) -> None:
    stage.kubelet.scripts["both"] = Script(hooks={"before": None, "after": None})
    stage.apply("both", hooks={"before": SEED, "after": CLEAN})
    first = stage.pod("both-1-before")
    assert first["spec"]["automountServiceAccountToken"] is False
    assert stays(lambda: stage.jobs() == ["both-1-before"], 1)
    end(stage, "both-1-before")
    stage.until("both", "Judging", where=at_work)
    assert environment(stage, "both-1-after")["VERDICT"] == "Passed"
    assert stays(lambda: "verdict" not in stage.get("both")["status"], 1)
    end(stage, "both-1-after")
    done = stage.until("both", "Completed")
    assert done["status"]["verdict"] == "Passed"
    assert condition(done, "HooksSucceeded")["status"] == "True"
    soon(lambda: not stage.jobs() and not stage.named("configmaps", "both"), "children gone")


def test_a_hook_that_fails_is_the_end_of_the_run_in_its_own_words(stage: Stage) -> None:
    stage.kubelet.scripts["bad"] = Script(hooks={"before": "psql: connection refused\n"})
    stage.apply("bad", hooks={"before": SEED})
    failed = stage.until("bad", "Error")
    assert condition(failed, "Stalled")["reason"] == "HookFailed"
    assert failed["status"]["message"] == "hooks.before ended with exit code 1: psql: connection refused"
    assert stage.jobs() == ["bad-1-before"]


def test_a_hook_that_takes_too_long_is_the_end_of_the_run(stage: Stage) -> None:
    stage.kubelet.scripts["slow"] = Script(hooks={"before": None})
    stage.apply("slow", hooks={"before": {**SEED, "timeout": "2s"}})
    failed = stage.until("slow", "Error", seconds=60)
    assert "hooks.before did not end within 2s (hooks.before.timeout)" in failed["status"]["message"]


def test_a_hook_that_fails_afterwards_is_a_warning_on_the_object_in_the_history_and_in_an_event(stage: Stage) -> None:
    stage.kubelet.scripts["warned"] = Script(hooks={"after": "no such table"})
    stage.apply("warned", hooks={"after": CLEAN})
    done = stage.until("warned", "Completed")
    assert done["status"]["verdict"] == "Warning"
    assert "hooks.after ended with exit code 1: no such table" in done["status"]["message"]
    assert condition(done, "Ready")["status"] == "True"
    soon(lambda: [e for e in stage.events("warned") if e["reason"] == "HookFailed"], "Event")
    soon(lambda: "warned-1-master" not in stage.jobs() or stage.kubelet.agent("warned").state == "Released", "let go")
    limits = [{"metric": "p95", "fail": "9s"}]
    stage.apply("warned", hooks={"after": CLEAN}, thresholds=limits)
    again = stage.until("warned", "Completed", where=lambda test: test["status"]["observedGeneration"] == 2)
    assert again["status"]["verdict"] == "Warning"


@pytest.mark.parametrize("how", ["broken", "stopped", "suspended", "superseded"])
def test_whatever_ended_the_run_its_hook_ends_first_also_when_the_operator_dies_meanwhile(
    stage: Stage, how: str
) -> None:
    name, hooks = how, {"after": CLEAN}
    script = Script(pause_at=frozenset({"Running"}), hooks={"after": None})
    stage.kubelet.scripts[name] = script if how != "broken" else Script(fail=CRASH, hooks={"after": None})
    stage.apply(name, hooks=hooks)
    test = stage.until(name, "Running", "Collecting", "Judging")
    if how == "stopped":
        stage.annotate(name, stop_requested=test["status"]["run"]["id"])
    elif how == "suspended":
        stage.apply(name, hooks=hooks, suspend=True)
    elif how == "superseded":
        stage.apply(name, hooks=hooks, onChange="Replace", load={"users": 5, "duration": "6s"})
    stage.until(name, "Judging", where=at_work)
    stage.operator.kill()
    stage.operator.start().ready()
    word = {"broken": "Error", "stopped": "Cancelled", "suspended": "Suspended", "superseded": "Superseded"}[how]
    assert environment(stage, f"{name}-1-after")["VERDICT"] == word
    assert stays(lambda: stage.get(name)["status"]["phase"] == "Judging", 1)
    stage.kubelet.scripts[name] = Script()
    stage.operator.kill()
    end(stage, f"{name}-1-after")
    stage.operator.start()
    if how == "superseded":
        done = stage.until(name, "Completed", seconds=60, where=lambda test: test["status"]["run"]["number"] == 2)
        assert [line["verdict"] for line in done["status"]["history"]] == ["Passed", "Superseded"]
        return
    done = stage.until(name, word, seconds=60)
    assert [line["verdict"] for line in done["status"]["history"]] == [word]
    assert done["status"]["summary"]["requests"] == 200
    assert condition(done, "HooksSucceeded")["status"] == "True"


def test_another_test_of_the_same_target_waits_until_the_hook_has_cleaned_up(stage: Stage) -> None:
    stage.kubelet.scripts["first"] = Script(hooks={"after": None})
    stage.apply("first", hooks={"after": CLEAN}, queue={"exclusive": ["staging-db"]})
    stage.until("first", "Judging", where=at_work)
    stage.apply("second", queue={"exclusive": ["staging-db"]})
    stage.until("second", "Queued")
    assert stays(lambda: stage.get("second")["status"]["phase"] == "Queued", 1)
    end(stage, "first-1-after")
    stage.until("second", "Completed", seconds=60)
    assert stage.get("first")["status"]["phase"] == "Completed"
