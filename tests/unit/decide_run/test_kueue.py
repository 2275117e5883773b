"""A LoadTest with Kueue's label: its workers wait for Kueue, its master for them, and no clock runs meanwhile."""

from datetime import timedelta

import pytest
from loadtest_operator.build.names import LABEL_KUEUE
from loadtest_operator.decide import ticket
from loadtest_operator.model import quantities
from loadtest_operator.model.phases import Phase

from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.world import World

HOUR = 3600
RUNNERS = {**(SPEC.get("runners") or {}), "workers": 2}


def labelled(**changes):
    world = World({**SPEC, "runners": RUNNERS, **changes})
    world.raw["metadata"]["labels"] = {LABEL_KUEUE: "team-a"}
    return world


def status(world):
    return world.raw["status"]


def condition(world, kind):
    return next((item for item in status(world)["conditions"] if item["type"] == kind), None)


def jobs(world):
    return {name: item for (kind, name), item in world.objects.items() if kind == "Job"}


def arguments(job):
    return job["spec"]["template"]["spec"]["containers"][0]["command"]


def running(world):
    world.settle()
    world.suspend_workers(suspend=False)
    world.settle()
    world.start_pods()
    for state in ("WaitingForWorkers", "Preflight", "Running"):
        world.advance(state)
        world.settle()
    assert status(world)["phase"] == "Running"
    return world


def test_the_workers_job_waits_suspended_and_there_is_no_master():
    world = labelled()
    world.settle()
    assert list(jobs(world)) == ["checkout-1-workers"]
    assert jobs(world)["checkout-1-workers"]["metadata"]["labels"][LABEL_KUEUE] == "team-a"
    assert (status(world)["phase"], condition(world, "Admitted")["reason"]) == ("Queued", "Kueue")
    assert status(world)["queue"]["waitingFor"] == "Kueue has not admitted the 2 workers yet (LocalQueue team-a)"
    assert world.look().status is None, "nothing new, nothing written"


def test_it_holds_its_locks_while_it_waits_for_kueue():
    world = labelled()
    world.settle()
    assert ticket.holds(world.raw)
    assert not ticket.waits(world.raw)


def test_what_kueue_lets_go_gets_its_master_and_all_of_its_time():
    world = labelled()
    world.settle()
    admitted = world.now
    world.tick(HOUR)
    world.look()
    assert status(world)["phase"] == "Queued"
    world.suspend_workers(suspend=False)
    world.settle()
    assert status(world)["phase"] == "Starting"
    assert condition(world, "Admitted")["status"] == "True"
    assert status(world)["run"]["waitedSeconds"] == HOUR
    assert status(world)["run"]["startTime"] == quantities.timestamp(admitted)
    given = float(arguments(jobs(world)["checkout-1-master"])[-1])
    assert arguments(jobs(world)["checkout-1-master"])[-2] == "--deadline-at"
    assert given > (admitted + timedelta(seconds=HOUR)).timestamp()
    world.tick(10)
    world.look()
    assert status(world)["phase"] == "Starting", "the time-out for starting counts from the release"


def test_a_run_through_kueue_ends_as_any_other():
    world = running(labelled())
    for state in ("Collecting", "Holding"):
        world.advance(state)
        world.settle()
    assert (status(world)["phase"], status(world)["verdict"]) == ("Completed", "Passed")


def test_a_restarted_operator_goes_on_waiting():
    world = labelled()
    world.settle()
    world.restart()
    assert world.look().status is None
    world.suspend_workers(suspend=False)
    world.settle()
    assert status(world)["phase"] == "Starting"


def test_a_job_that_is_let_go_before_the_status_said_that_it_waits_is_followed():
    world = labelled()
    plan = None
    while plan is None or not any(body["kind"] == "Job" for body in plan.create):
        before = dict(status(world))
        plan = world.look()
    world.raw["status"] = before  # the write was lost with the operator
    world.restart()
    world.suspend_workers(suspend=False)
    world.settle()
    assert status(world)["phase"] == "Starting"
    assert "checkout-1-master" in jobs(world)


def test_kueue_has_the_time_that_the_queue_has():
    world = labelled(queue={"timeout": "30m"})
    world.settle()
    world.tick(HOUR)
    world.settle()
    assert (status(world)["phase"], condition(world, "Stalled")["reason"]) == ("Error", "QueueTimeout")
    assert "whether Kueue is installed" in status(world)["message"]
    assert not world.objects


@pytest.mark.parametrize("how", ["stop", "suspend", "delete"])
def test_whoever_waits_for_kueue_can_be_ended(how):
    world = labelled()
    world.settle()
    if how == "stop":
        world.stop()
    elif how == "suspend":
        world.edit(suspend=True)
    else:
        world.raw["metadata"]["deletionTimestamp"] = quantities.timestamp(world.now)
    world.look()
    assert not world.objects
    assert how == "delete" or Phase(status(world)["phase"]) in {Phase.CANCELLED, Phase.SUSPENDED}


def test_preemption_in_mid_run_costs_an_attempt_that_waits_for_kueue_again():
    world = running(labelled())
    world.tick(5)
    world.suspend_workers(suspend=True)
    world.settle()
    assert [note.reason for note in world.notes].count("Preempted") == 1
    world.settle()
    assert status(world)["run"]["attempt"] == 2
    assert (status(world)["phase"], condition(world, "Admitted")["reason"]) == ("Queued", "Kueue")
    assert list(jobs(world)) == ["checkout-1-2-workers"]


def test_without_another_attempt_preemption_ends_the_run_with_its_reason():
    world = running(labelled(runners={**RUNNERS, "retries": 0}))
    world.tick(5)
    world.suspend_workers(suspend=True)
    world.settle()
    assert (status(world)["phase"], condition(world, "Stalled")["reason"]) == ("Error", "Preempted")
    assert status(world)["summary"]["requests"] > 0


def test_without_the_label_nothing_is_suspended():
    world = World(SPEC)
    world.settle()
    assert "suspend" not in jobs(world)["checkout-1-workers"]["spec"]
    assert "--deadline-at" not in arguments(jobs(world)["checkout-1-master"])
