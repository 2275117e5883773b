"""A driver that comes late, asks twice, stops early, or is somebody else; and processes that die."""

from __future__ import annotations

import gzip
import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.agent.harness import requests_in, wait_for

if TYPE_CHECKING:
    from tests.agent.harness import Agents, Target

SHOPPER = """
from locust import FastHttpUser, constant, task


class Shopper(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def home(self):
        self.client.get("/home")
"""


def running(agents: Agents, seconds: float, workers: int = 1) -> None:
    agents.script(SHOPPER)
    agents.config["load"] |= {"durationSeconds": seconds}
    agents.config["workers"] = workers


def test_a_late_driver_loses_nothing(agents: Agents, target: Target) -> None:
    running(agents, 3)
    master, worker = agents.start("master"), agents.start("worker")
    assert worker.wait() == 0  # nobody has asked anything until here
    first = agents.windows()
    assert first == agents.windows()
    assert requests_in(first) == target.served() > 0
    assert [window["w"] for window in first["windows"]] == list(range(len(first["windows"])))
    seqs = [window["seq"] for window in first["windows"]]
    assert first["cursor"] == max(seqs)
    assert agents.windows(since=first["cursor"])["windows"] == []
    status, page = agents.ask("GET", "/v1/windows?limit=1")
    assert (status, len(page["windows"]), page["more"], page["complete"]) == (200, 1, True, False)
    assert page["cursor"] == page["windows"][0]["seq"]
    status, answer = agents.ask("POST", "/v1/acknowledge", {"cursor": first["cursor"] - 1})
    assert (status, answer["error"]["reason"]) == (409, "CursorMismatch")
    asked = time.monotonic()
    agents.acknowledge()
    assert master.wait() == 0
    assert time.monotonic() - asked < 5  # a second when nothing else runs


def test_the_routes_while_load_is_on(agents: Agents) -> None:
    running(agents, 60)
    master, worker = agents.start("master"), agents.start("worker")
    agents.when("load", lambda state: state["requests"] > 0)
    assert agents.ask("GET", "/v1/state", token=None)[0] == 401
    assert agents.ask("GET", "/v1/state", token="another")[1]["error"]["reason"] == "Unauthorized"
    assert agents.ask("GET", "/v1/nothing")[1]["error"]["reason"] == "NotFound"
    status, text, headers = agents.raw("GET", "/v1/stop")
    assert (status, json.loads(text)["error"]["reason"], headers["Allow"]) == (405, "MethodNotAllowed", "POST")
    assert agents.ask("GET", "/v1/windows?since=x")[1]["error"]["reason"] == "BadRequest"
    assert agents.ask("POST", "/v1/acknowledge", {})[0] == 400
    assert agents.ask("POST", "/v1/acknowledge", {"cursor": 1})[1]["error"]["reason"] == "NotHolding"
    assert agents.raw("GET", "/healthz", token=None)[:2] == (200, b"ok")
    status, text, headers = agents.raw("GET", "/metrics", token=None, **{"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert b'loadtest_requests_total{test="checkout",namespace="shop",method="GET"' in gzip.decompress(text)
    assert agents.ask("POST", "/v1/stop", {"reason": "enough"})[0] == 202
    assert agents.ask("POST", "/v1/stop", {"reason": "enough"})[0] == 202
    state = agents.until("Holding")
    assert state["error"] is None
    assert state["endedAt"] < state["endsAt"]
    assert worker.wait() == 0
    agents.acknowledge()
    assert master.wait() == 0


def test_a_limit_that_the_driver_watches_ends_the_load_like_one_of_our_own(agents: Agents) -> None:
    running(agents, 60)
    master, worker = agents.start("master"), agents.start("worker")
    agents.when("load", lambda state: state["requests"] > 0)
    crossed = {"reason": "Aborted", "name": "queue", "value": 101, "message": "queue was 101, over its limit of 100"}
    for wrong in ("queue", {"name": "queue"}, {"value": "101"}):
        status, answer = agents.ask("POST", "/v1/stop", {"aborted": wrong})
        assert (status, answer["error"]["reason"]) == (400, "BadRequest")
    assert agents.ask("POST", "/v1/stop", {"reason": crossed["message"], "aborted": crossed})[0] == 202
    late = {**crossed, "name": "late"}
    assert agents.ask("POST", "/v1/stop", {"reason": "again", "aborted": late})[0] == 202
    state = agents.until("Holding")
    assert (state["error"], state["aborted"]) == (None, crossed)
    assert worker.wait() == 0
    agents.acknowledge()
    assert master.wait() == 0
    assert agents.word(master)["aborted"] == crossed


def test_stopped_before_load(agents: Agents) -> None:
    running(agents, 60, workers=2)
    master, worker = agents.start("master"), agents.start("worker")
    agents.when("one worker", lambda state: state["workers"]["connected"] == 1)
    assert agents.ask("POST", "/v1/stop", {"reason": "changed my mind"})[0] == 202
    assert master.wait() == 3
    assert agents.word(master)["error"] == {"reason": "Stopped", "message": "changed my mind"}
    assert worker.wait() == 0


def test_a_worker_dies_and_another_takes_its_place(agents: Agents) -> None:
    running(agents, 60, workers=2)
    agents.start("master")
    workers = [agents.start("worker") for _ in range(2)]
    agents.when("load", lambda state: state["requests"] > 0)
    workers[0].signal(signal.SIGKILL)
    state = agents.when("the loss", lambda state: state["workers"]["lost"] == 1)
    assert (state["state"], state["workers"]["connected"]) == ("Running", 1)
    workers.append(agents.start("worker"))
    agents.when("the new one", lambda state: state["workers"]["connected"] == 2)
    since = agents.windows()["cursor"]
    wait_for(
        "windows of both", lambda: [w for w in agents.windows(since)["windows"] if w["workers"] == 2 and w["endpoints"]]
    )
    agents.ask("POST", "/v1/stop", {})
    state = agents.until("Holding")
    assert (state["error"], state["workers"]["lost"], len(state["validity"]["incomplete"])) == (None, 1, 1)
    assert [worker.wait() for worker in workers[1:]] == [0, 0]


def test_users_come_back_to_full_count_each_time_a_worker_goes_or_comes(agents: Agents, target: Target) -> None:
    """Twice, because Locust itself redistributes only after the first return."""
    running(agents, 300, workers=2)
    agents.config["load"] |= {"users": 8, "spawnRate": 8}
    agents.start("master")
    workers = [agents.start("worker") for _ in range(2)]
    everybody(agents, workers=2)
    for lost in (1, 2):
        workers.pop(0).signal(signal.SIGKILL)
        agents.when("the loss", lambda state, lost=lost: state["workers"]["lost"] == lost)
        everybody(agents, workers=1)
        served = target.served()
        workers.append(agents.start("worker"))
        everybody(agents, workers=2)
        assert target.served() > served
    agents.ask("POST", "/v1/stop", {})
    state = agents.until("Holding")
    assert (state["error"], state["workers"]["lost"]) == (None, 2)


def test_several_workers_that_come_back_together_are_not_mistaken_for_lost(agents: Agents) -> None:
    running(agents, 300, workers=4)
    agents.config["load"] |= {"users": 8, "spawnRate": 8}
    agents.start("master")
    workers = [agents.start("worker") for _ in range(4)]
    everybody(agents, workers=4)
    for worker in workers[1:]:
        worker.signal(signal.SIGKILL)
    everybody(agents, workers=1)
    for _ in range(3):
        agents.start("worker")
    state = everybody(agents, workers=4)
    assert (state["state"], state["workers"]["lost"]) == ("Running", 3)


def everybody(agents: Agents, workers: int) -> dict[str, object]:
    """All users are at work, on so many workers, as the workers themselves reported for a whole window."""
    state = agents.when(
        f"all users on {workers} workers",
        lambda state: (state["workers"]["connected"], state["users"]["running"]) == (workers, 8),
    )
    since = agents.windows()["cursor"]
    wait_for(
        "a window with all users",
        lambda: [one for one in agents.windows(since)["windows"] if (one["workers"], one["users"]) == (workers, 8)],
    )
    return state


def test_each_side_notices_when_the_other_is_killed(agents: Agents, more_agents: Agents) -> None:
    """Two runs side by side, because both wait for heartbeats: Locust's 4 s for a worker, our 10 s for the master."""
    running(agents, 60)
    running(more_agents, 60)
    master, victim = agents.start("master"), agents.start("worker")
    killed, worker = more_agents.start("master"), more_agents.start("worker")
    for run in (agents, more_agents):
        run.when("load", lambda state: state["requests"] > 0)
    killed.signal(signal.SIGKILL)
    victim.signal(signal.SIGKILL)
    state = agents.until("Holding")
    assert state["error"]["reason"] == "WorkersLost"
    assert requests_in(agents.windows()) == state["requests"] > 0
    agents.acknowledge()
    assert master.wait() == 0
    assert agents.word(master)["error"]["reason"] == "WorkersLost"
    assert worker.wait() == 4
    assert more_agents.word(worker)["error"]["reason"] == "MasterMissing"


def test_sigterm_stops_the_load_of_a_worker(agents: Agents, target: Target) -> None:
    running(agents, 60)
    agents.start("master")
    worker = agents.start("worker")
    agents.when("load", lambda state: state["requests"] > 0)
    asked = time.time()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 4
    assert target.stats()["last"] - asked < 5  # a second when nothing else runs
    assert agents.word(worker)["error"]["reason"] == "Stopped"
    state = agents.until("Holding")
    assert state["error"]["reason"] == "WorkersLost"
    # Requests that were cut off in flight are the target's only.
    assert target.served() - 4 <= requests_in(agents.windows()) <= target.served()


def test_sigterm_at_the_master_ends_all(agents: Agents, target: Target) -> None:
    running(agents, 60)
    master, worker = agents.start("master"), agents.start("worker")
    agents.when("load", lambda state: state["requests"] > 0)
    asked = time.time()
    master.signal(signal.SIGTERM)
    assert master.wait() == 4
    word = agents.word(master)
    assert (word["state"], word["error"]["reason"]) == ("Failed", "Stopped")
    assert worker.wait() == 0
    assert target.stats()["last"] - asked < 5
    assert target.served() - 4 <= word["totals"]["requests"] <= target.served()


def test_a_limit_ends_the_load_without_anybody_who_drives_it(agents: Agents, target: Target) -> None:
    running(agents, 300)
    rule = {"metric": "errorRate", "name": "errors", "limit": 0.5, "forSeconds": 2}
    agents.config |= {"aborts": [rule], "holdSeconds": 1}
    target.control(errors={"home": "100%"})
    master, worker = agents.start("master"), agents.start("worker")
    assert worker.wait() == 0
    assert master.wait() == 0
    word = agents.word(master)
    assert (word["aborted"]["reason"], word["aborted"]["name"], word["aborted"]["value"]) == ("Aborted", "errors", 1.0)
    assert "was 100% over 2 s, over its limit of 50%" in word["aborted"]["message"]
    assert target.served() == word["totals"]["requests"]


def test_held_results_are_given_up_in_the_end(agents: Agents) -> None:
    running(agents, 1)
    agents.config["holdSeconds"] = 1
    master, _ = agents.start("master"), agents.start("worker")
    assert master.wait() == 0
    assert agents.word(master)["state"] == "Holding"


def test_the_deadline_ends_the_load_when_no_driver_does(agents: Agents) -> None:
    running(agents, 600)
    agents.config["deadlineAt"] = time.time() + 15
    agents.start("master"), agents.start("worker")
    held = agents.until("Holding")
    assert held["error"]["reason"] == "DeadlineExceeded"
    assert held["requests"] > 0


@pytest.mark.parametrize("told", ["by the configuration", "when it is started"])
def test_a_deadline_that_is_over_before_the_load_ends_it_before_the_load(agents: Agents, told: str) -> None:
    running(agents, 600)
    soon = time.time() + 0.1
    if told == "by the configuration":
        agents.config["deadlineAt"] = soon
        master = agents.start("master")
    else:
        master = agents.start("master", "--deadline-at", str(soon))
    assert master.wait() == 3
    assert agents.word(master)["error"]["reason"] == "DeadlineExceeded"
