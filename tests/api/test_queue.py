"""Who may run when: locks, priority, order, limits and the time-out, also across the ends of operators."""

import pytest

from tests.support.clusterapi import Watch
from tests.support.loadtests import condition, phase
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon, stays

DB = {"exclusive": ["staging-db"]}
HELD = Script(pause_at=frozenset({"Running"}))
UNDER_WAY = {"Preparing", "Starting", "Preflight", "Running", "Collecting", "Judging"}


def waiting_for(found: dict) -> str:
    return str((found["status"].get("queue") or {}).get("waitingFor"))


def hold(stage: Stage, name: str, **queue: object) -> None:
    """It runs until the test lets it go on."""
    stage.kubelet.scripts[name] = HELD
    stage.apply(name, queue={**DB, **queue})
    stage.until(name, "Running")


def queued(stage: Stage, name: str, **queue: object) -> dict:
    stage.apply(name, queue={**DB, **queue})
    return stage.until(name, "Queued")


def order_of_runs(stage: Stage) -> list[str]:
    """By when they began; of those that began in one second, by when they were last written to."""
    tests = [item for item in stage.all("loadtests") if item["status"].get("run")]
    tests.sort(key=lambda item: (item["status"]["run"]["startTime"], int(item["metadata"]["resourceVersion"])))
    return [item["metadata"]["name"] for item in tests]


def overlapping(watch: Watch, names: list[str]) -> list[tuple[str, str]]:
    """Pairs that were under way at the same time, read from every version that the API server told."""
    state: dict[str, str] = {}
    found = []
    for _, item in list(watch.events):
        state[item["metadata"]["name"]] = phase(item)
        busy = [name for name in names if state.get(name) in UNDER_WAY]
        found += [(busy[0], busy[1])] if len(busy) > 1 else []
    return found


def test_the_same_host_is_the_default_lock_whoever_asks_and_however_it_is_written(stage: Stage) -> None:
    stage.kubelet.scripts["first"] = HELD
    stage.apply("first", queue=None)
    stage.until("first", "Running")
    stage.apply("second", queue=None, target={"url": f"http://target.{stage.namespace}.svc:9090/x"})
    found = stage.until("second", "Queued")
    assert f"first holds target.{stage.namespace} since " in waiting_for(found)
    assert found["status"]["queue"]["position"] == 1
    assert condition(found, "Admitted")["reason"] == "Queued"
    assert condition(found, "Ready")["status"] == "Unknown"
    stage.kubelet.go_on("first", "Running")
    assert "queue" not in stage.until("second", "Completed")["status"]


def test_one_that_need_not_wait_is_never_written_as_queued(stage: Stage) -> None:
    with stage.watch("loadtests") as watch:
        stage.apply("alone", queue=DB)
        stage.until("alone", "Completed")
        assert "Queued" not in [phase(found) for found in watch.of("alone")]


def test_many_of_one_lock_run_one_after_the_other_and_those_of_none_at_once(stage: Stage) -> None:
    names = [f"one-{number}" for number in range(4)]
    with stage.watch("loadtests") as watch:
        for name in names:
            stage.apply(name, queue=DB)
        stage.kubelet.scripts["free"] = HELD
        stage.apply("free")
        stage.until("free", "Running")
        for name in names:
            stage.until(name, "Completed", seconds=60)
        assert overlapping(watch, names) == []
    assert phase(stage.get("free")) == "Running"


def test_higher_priority_goes_first_and_the_places_say_so(stage: Stage) -> None:
    hold(stage, "holder")
    queued(stage, "low")
    queued(stage, "high", priority=10)
    stage.until("low", "Queued", where=lambda found: found["status"]["queue"]["position"] == 2)
    assert stage.get("high")["status"]["queue"]["position"] == 1
    stage.kubelet.go_on("holder", "Running")
    stage.until("low", "Completed", seconds=60)
    assert order_of_runs(stage) == ["holder", "high", "low"]


def test_after_starts_only_when_the_others_passed_their_gate(stage: Stage) -> None:
    stage.apply("later", queue={"exclusive": [], "after": ["smoke"]})
    told = stage.until_condition("later", "Admitted", "AfterMissing")["message"]
    assert "smoke is not there: create it" in told
    strict = [{"metric": "p95", "fail": "10ms"}]
    stage.apply("smoke", thresholds=strict)
    assert stage.until("smoke", "Completed")["status"]["verdict"] == "Failed"
    assert "smoke did not pass" in stage.until_condition("later", "Admitted", "AfterFailed")["message"]
    stage.apply("smoke")  # the limits of before: judged again, and it passes
    stage.until("later", "Completed")


def test_a_circle_is_told_and_ends_with_an_edit(stage: Stage) -> None:
    stage.apply("hen", queue={"exclusive": [], "after": ["egg"]})
    stage.apply("egg", queue={"exclusive": [], "after": ["hen"]})
    told = stage.until_condition("hen", "Admitted", "AfterCircle")["message"]
    assert "hen after egg after hen" in told
    stage.apply("egg")
    stage.until("egg", "Completed")
    stage.until("hen", "Completed")


def test_limits_of_the_settings_let_others_wait_and_refuse_what_can_never_be(stages) -> None:
    stage = stages(max_runs=1, max_users_per_namespace=10)
    stage.operator.start().ready()
    stage.kubelet.scripts["first"] = HELD
    stage.apply("first")
    stage.until("first", "Running")
    stage.apply("second")
    assert "at most 1 runs may be under way" in waiting_for(stage.until("second", "Queued"))
    load = {"users": 11, "duration": "6s", "warmup": "1s"}
    stage.apply("huge", load=load)
    found = stage.until("huge", "Pending", where=lambda item: condition(item, "Stalled"))
    assert condition(found, "Stalled")["reason"] == "LimitExceeded"
    assert "max_users_per_namespace is 10" in found["status"]["message"]
    stage.kubelet.go_on("first", "Running")
    stage.until("second", "Completed")


def test_whose_turn_does_not_come_within_the_timeout_ends_as_an_error(stage: Stage) -> None:
    hold(stage, "holder")
    stage.apply("hasty", queue={**DB, "timeout": "2s"})
    found = stage.until("hasty", "Error")
    assert condition(found, "Stalled")["reason"] == "QueueTimeout"
    assert "holder holds staging-db" in found["status"]["message"]
    assert (found["status"]["run"]["number"], found["status"]["verdict"]) == (1, "Error")
    stage.annotate("hasty", run_requested="again")
    stage.until("hasty", "Queued", "Error", where=lambda item: item["status"].get("lastHandledRunRequest") == "again")


def test_an_edit_in_mid_run_moves_no_lock(stage: Stage) -> None:
    hold(stage, "holder")
    stage.apply("holder", queue={"exclusive": ["other"]})
    stage.until_condition("holder", "Ready", "Running")
    assert "holder holds staging-db" in waiting_for(queued(stage, "second"))


def test_a_holder_that_is_deleted_makes_room(stage: Stage) -> None:
    hold(stage, "holder")
    queued(stage, "second")
    stage.cluster.delete("loadtests", "holder", stage.namespace)
    stage.until("second", "Completed")


def test_one_that_leaves_the_line_makes_room_for_those_behind(stage: Stage) -> None:
    hold(stage, "holder")
    stage.apply("both", queue={"exclusive": ["staging-db", "other"]})
    stage.until("both", "Queued")
    stage.apply("behind", queue={"exclusive": ["other"]})
    assert "both is ahead for other" in waiting_for(stage.until("behind", "Queued"))
    stage.cluster.delete("loadtests", "both", stage.namespace)
    stage.until("behind", "Completed")


def test_killed_while_many_wait_the_next_operator_keeps_the_order_and_never_lets_two_in(stage: Stage) -> None:
    names = [f"t{number}" for number in (3, 1, 2)]
    with stage.watch("loadtests") as watch:
        hold(stage, "holder")
        for name in names:
            queued(stage, name)
        before = {name: stage.get(name)["status"]["queue"]["since"] for name in names}
        stage.operator.kill()
        stage.kubelet.go_on("holder", "Running")
        stage.apply("late", queue=DB)
        stage.operator.start().ready()
        for name in (*names, "late"):
            stage.until(name, "Completed", seconds=60)
        assert overlapping(watch, ["holder", *names, "late"]) == []
    assert before == {name: before[name] for name in sorted(names, key=before.__getitem__)}
    assert order_of_runs(stage) == ["holder", *names, "late"]


def test_with_two_operators_the_standby_changes_nothing_and_takes_over_the_line(stage: Stage) -> None:
    hold(stage, "holder")
    queued(stage, "second")
    queued(stage, "third")
    standby = stage.another("standby")
    try:
        standby.start()
        assert stays(lambda: phase(stage.get("second")) == "Queued", 1)
        stage.operator.kill()
        stage.kubelet.go_on("holder", "Running")
        stage.until("third", "Completed", seconds=60)
    finally:
        standby.kill()
    assert order_of_runs(stage) == ["holder", "second", "third"]


def test_the_metric_says_how_many_wait(stage: Stage) -> None:
    hold(stage, "holder")
    queued(stage, "second")
    soon(lambda: "loadtest_queue_depth 1.0" in stage.operator.metrics(), "one waits")


@pytest.mark.parametrize("change", ["place", "holder"])
def test_what_is_told_follows_within_a_second(stage: Stage, change: str) -> None:
    hold(stage, "holder")
    stage.kubelet.scripts["second"] = HELD
    queued(stage, "second")
    queued(stage, "third")
    if change == "place":
        stage.cluster.delete("loadtests", "second", stage.namespace)
    else:
        stage.kubelet.go_on("holder", "Running")
        stage.until("second", "Preparing", "Starting", "Preflight", "Running")
    # A second by design; the bound is for a machine with other work.
    moved = lambda found: found["status"]["queue"]["position"] == 1  # noqa: E731
    stage.until("third", "Queued", seconds=5, where=moved)
    holder = "holder" if change == "place" else "second"
    stage.until("third", "Queued", seconds=5, where=lambda found: f"{holder} holds" in waiting_for(found))
