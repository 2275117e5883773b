"""The line of one process: never two in one lock, whatever is slow, lost or restarted; and who is woken by what."""

import asyncio
import contextlib
from copy import deepcopy
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadtest_operator.decide import ticket
from loadtest_operator.decide.observed import Inputs, Observed
from loadtest_operator.decide.queue import Limits, Name, Rules
from loadtest_operator.decide.run import decide
from loadtest_operator.model import loadtest
from loadtest_operator.model.conditions import Reason
from loadtest_operator.runtime.turns import Turns

from tests.unit.decide_run.figures import NOON, SPEC

DB = {"exclusive": ["staging-db"]}


class Cluster:
    """LoadTests and one process that decides about them; a write may be lost, or its answer."""

    def __init__(self, rules=None):
        self.now = NOON
        self.rules = rules or Rules()
        self.raws = {}
        self.woken = []
        self.restart()

    def restart(self):
        self.turns = Turns(self.rules, self.raws.get, self.woken.append, lambda: self.now)
        for of, raw in self.raws.items():
            self.turns.see(of, raw)

    def apply(self, text, queue=None, namespace="shop"):
        of = Name(namespace, text)
        old = self.raws.get(of)
        generation = old["metadata"]["generation"] + 1 if old else 1
        metadata = {"name": text, "namespace": namespace, "uid": f"u-{text}", "generation": generation}
        spec = {**SPEC, "queue": DB if queue is None else queue}
        status = old["status"] if old else {"observedGeneration": -1}
        self.put(
            {
                "apiVersion": "loadtest.dev/v1alpha1",
                "kind": "LoadTest",
                "metadata": metadata,
                "spec": spec,
                "status": status,
            }
        )
        return of

    def put(self, raw):
        of = ticket.name(raw)
        self.raws[of] = raw
        self.turns.see(of, raw)

    def delete(self, of):
        del self.raws[of]
        self.turns.see(of, None)

    def end(self, of, phase="Completed", passed="True"):
        raw = deepcopy(self.raws[of])
        now = ticket.stamp(self.now)
        conditions = [
            {"type": "Passed", "status": passed, "reason": phase, "message": phase, "lastTransitionTime": now}
        ]
        raw["status"] |= {"phase": phase, "observedGeneration": raw["metadata"]["generation"], "conditions": conditions}
        raw["status"]["run"]["endTime"] = now
        self.put(raw)

    def look(self, of, write="works"):
        """One look: `write` may be lost on its way there, or only its answer on its way back."""
        raw = self.raws[of]
        seen = Observed(raw, Inputs(loadtest.parse(raw), run_key="k"))
        if seen.phase is not None and seen.phase in ticket.UNDER_WAY:
            return None
        seen = self.turns.place(seen)
        plan = decide(seen, self.now)
        if plan.status is not None and write != "lost":
            self.raws[of] = {**raw, "status": plan.status}
            if write == "works":
                self.turns.see(of, self.raws[of])
        if write == "works":
            self.turns.done(of)
        return plan

    def under_way(self):
        return [of for of, raw in self.raws.items() if ticket.holds(raw)]


def phase(cluster, of):
    return cluster.raws[of]["status"].get("phase")


async def told(cluster):
    """Who is woken by what has happened until now."""
    cluster.woken.clear()
    task = asyncio.create_task(cluster.turns.run())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return sorted({of.name for of in cluster.woken})


def test_the_first_goes_and_the_second_is_written_as_queued_with_what_it_waits_for():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second")
    assert cluster.look(first).status["phase"] == "Preparing"
    assert cluster.raws[first]["status"]["run"]["locks"] == ["staging-db"]
    status = cluster.look(second).status
    assert status["phase"] == "Queued"
    assert status["queue"] == {
        "since": "2026-12-01T12:00:00.000000Z",
        "waitingFor": "first holds staging-db since 12:00 UTC",
        "position": 1,
    }
    assert len(cluster.turns) == 1
    assert cluster.look(second).status is None


def test_who_was_let_in_counts_before_any_object_says_so():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second")
    cluster.look(first, write="answer lost")
    assert cluster.look(second).status["phase"] == "Queued"
    cluster.restart()
    assert cluster.look(second).status is None


def test_a_write_that_was_lost_is_repeated_before_anybody_else_is_let_in():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second")
    cluster.look(first, write="lost")
    assert cluster.look(second).status["phase"] == "Queued"
    assert cluster.look(first).status["phase"] == "Preparing"
    assert cluster.under_way() == [first]


def test_who_was_let_in_and_is_gone_keeps_nobody_waiting():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second")
    cluster.look(first, write="lost")
    cluster.look(second)
    cluster.delete(first)
    assert cluster.look(second).status["phase"] == "Preparing"


async def test_the_end_of_a_run_wakes_those_who_may_go_or_have_news_and_nobody_else():
    cluster = Cluster()
    first, other = cluster.apply("first"), cluster.apply("other", {"exclusive": ["elsewhere"]})
    for of in (first, other):
        cluster.look(of)
    for text in ("second", "third"):
        cluster.look(cluster.apply(text))
    cluster.look(cluster.apply("aside", {"exclusive": ["elsewhere"]}))
    await told(cluster)
    assert await told(cluster) == []
    cluster.end(first)
    assert await told(cluster) == ["second", "third"]


async def test_one_that_is_admitted_is_no_news_for_those_who_wait_for_something_else():
    cluster = Cluster()
    first = cluster.apply("first")
    cluster.look(first)
    cluster.look(cluster.apply("second"))
    await told(cluster)
    cluster.now += timedelta(seconds=1)
    cluster.look(cluster.apply("other", {"exclusive": []}))
    assert await told(cluster) == []


async def test_who_comes_after_another_is_woken_when_that_passes():
    cluster = Cluster()
    later, smoke = cluster.apply("later", {"exclusive": [], "after": ["smoke"]}), cluster.apply("smoke")
    cluster.look(smoke)
    cluster.look(later)
    await told(cluster)
    cluster.end(smoke)
    assert "later" in await told(cluster)
    assert cluster.look(later).status["phase"] == "Preparing"


def test_a_suspended_one_keeps_no_place():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second")
    cluster.look(first)
    cluster.look(second)
    raw = deepcopy(cluster.raws[second])
    raw["spec"]["suspend"] = True
    cluster.put(raw)
    assert len(cluster.turns) == 0


def test_more_than_a_limit_is_told_at_once_and_takes_no_place():
    cluster = Cluster(Rules(Limits(users=10)))
    big = cluster.apply("big")
    plan = cluster.look(big)
    assert (plan.status["phase"], plan.notes[0].reason) == ("Pending", Reason.LIMIT_EXCEEDED)
    assert len(cluster.turns) == 0


def test_a_wait_that_is_too_long_counts_as_a_run_and_is_not_repeated():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second", {**DB, "timeout": "1m"})
    cluster.look(first)
    cluster.look(second)
    cluster.now += timedelta(seconds=61)
    status = cluster.look(second).status
    assert (status["phase"], status["verdict"], status["run"]["number"]) == ("Error", "Error", 1)
    assert "not its turn within queue.timeout (1m)" in status["message"]
    assert cluster.look(second).status is None


def test_a_request_that_waited_and_was_refused_is_still_owed():
    cluster = Cluster()
    first, second = cluster.apply("first"), cluster.apply("second")
    cluster.look(first)
    cluster.raws[second]["metadata"]["annotations"] = {"loadtest.dev/run-requested": "now"}
    assert cluster.look(second).status["lastHandledRunRequest"] == "now"
    raw = cluster.raws[second]
    refused = decide(Observed(raw, Inputs(invalid="no")), cluster.now)
    assert refused.status["phase"] == "Pending"
    assert "lastHandledRunRequest" not in refused.status


# Random histories

STEPS = st.one_of(
    st.tuples(st.just("apply"), st.integers(0, 5), st.sets(st.sampled_from("xyz"))),
    st.tuples(st.just("look"), st.integers(0, 5), st.sampled_from(["works", "works", "lost", "answer lost"])),
    st.tuples(st.just("end"), st.integers(0, 5), st.just(None)),
    st.tuples(st.just("delete"), st.integers(0, 5), st.just(None)),
    st.tuples(st.just("tick"), st.integers(0, 50), st.just(None)),
    st.tuples(st.just("tell"), st.just(0), st.just(None)),
    st.tuples(st.just("restart"), st.just(0), st.just(None)),
)


def play(cluster, step):
    kind, number, what = step
    of = Name("shop", f"t{number}")
    if kind == "apply":
        cluster.apply(of.name, {"exclusive": sorted(what)})
    elif kind == "tick":
        cluster.now += timedelta(seconds=number)
    elif kind == "tell":
        for known in cluster.raws:
            cluster.turns.see(known, cluster.raws[known])
    elif kind == "restart":
        cluster.restart()
    elif of in cluster.raws:
        if kind == "look":
            cluster.look(of, what)
        elif kind == "delete":
            cluster.delete(of)
        elif ticket.holds(cluster.raws[of]):
            cluster.end(of)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=60))
def test_two_never_hold_one_lock(history):
    cluster = Cluster()
    for step in history:
        play(cluster, step)
        held = [lock for of in cluster.under_way() for lock in cluster.raws[of]["status"]["run"].get("locks", ())]
        assert len(held) == len(set(held)), held


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=40))
def test_a_restart_changes_no_place_and_everybody_gets_a_turn(history):
    cluster = Cluster()
    for step in history:
        play(cluster, step)
    for of in cluster.raws:  # every look is repeated until it works
        cluster.look(of)
    before = dict(cluster.turns._everybody())
    cluster.restart()
    assert dict(cluster.turns._everybody()) == before
    for _ in range(3 * len(cluster.raws) + 1):
        for of in list(cluster.raws):
            cluster.look(of)
        for of in cluster.under_way():
            cluster.end(of)
    assert {phase(cluster, of) for of in cluster.raws} <= {"Completed"}
