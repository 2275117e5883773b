"""A worker that is cut off, from its master alone or from everything: what was not sent is not counted as sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.harness import wait_for
from tests.agent.relay import Relay
from tests.agent.test_driving import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.harness import Agents, Target

# Longer than the master needs to miss a worker (4 s), shorter than a worker without its master goes on (10 s).
CUT_SECONDS = 6.5
USERS = 4
# A master tells its workers the target of all of them; here each has its own way there.
SHOPPER = """
import os

from locust import FastHttpUser, constant, task


class Shopper(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def home(self):
        self.client.get(os.environ["SHOP"] + "/home", name="/home")
"""


@pytest.fixture
def cables(agents: Agents, target: Target) -> Iterator[tuple[Relay, Relay]]:
    """Two workers under load, one of them on these: to its master, and to the target."""
    running(agents, 300, workers=2)
    agents.script(SHOPPER)
    agents.config["load"] |= {"users": USERS}
    agents.start("master")
    agents.start("worker", env={"SHOP": target.url})
    agents.when("its worker", lambda state: state["workers"]["connected"] == 1)
    with Relay(agents.config["master"]["port"]) as to_master, Relay(target.port) as to_target:
        agents.config["master"]["port"] = to_master.port
        agents.start("worker", env={"SHOP": f"http://127.0.0.1:{to_target.port}"})
        agents.when("load", lambda state: state["users"]["running"] == USERS)
        wait_for("a window of both", lambda: [one for one in agents.windows()["windows"] if whole(one)])
        yield to_master, to_target
        agents.end()


def whole(window: dict[str, Any]) -> bool:
    return (window["workers"], window["users"]) == (2, USERS) and window["endpoints"] != []


def while_cut(agents: Agents, *cables: Relay) -> list[dict[str, Any]]:
    """The windows that lie wholly in the time of the cut, when both workers have told of them."""
    for cable in cables:
        cable.cut()
    begun = time.time()
    agents.when("the loss", lambda state: state["workers"]["lost"] == 1)
    wait_for("the time", lambda: time.time() > begun + CUT_SECONDS)
    ended = time.time()
    for cable in cables:
        cable.mend()
    agents.when("it is back", lambda state: state["workers"]["connected"] == 2)
    zero = agents.windows()["startedAt"]
    wait_for(
        "what came later",
        lambda: [one for one in agents.windows()["windows"] if whole(one) and one["w"] > ended - zero],
    )
    # What was under way when it was cut, or is told of the moment it is mended, is on either side.
    found = [
        one for one in agents.windows()["windows"] if begun + 1 <= zero + one["w"] and zero + one["w"] + 1 <= ended
    ]
    assert len(found) >= CUT_SECONDS - 3
    return found


def test_a_worker_that_is_cut_off_from_everything_is_missing_although_it_says_later_that_its_users_were_there(
    agents: Agents, cables: tuple[Relay, Relay]
) -> None:
    found = while_cut(agents, *cables)
    assert [one["workers"] for one in found] == [1] * len(found)
    assert found[0]["users"] == USERS / 2, "nobody had taken its users over yet"
    assert max(one["users"] for one in found) <= USERS


def test_a_worker_that_is_cut_off_from_its_master_alone_was_at_work(
    agents: Agents, cables: tuple[Relay, Relay]
) -> None:
    to_master, _ = cables
    found = while_cut(agents, to_master)
    assert [one["workers"] for one in found] == [2] * len(found)
    assert found[0]["users"] == USERS
