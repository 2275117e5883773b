"""A whole run: every number agrees with what the target and Locust counted themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.agent.harness import requests_in

if TYPE_CHECKING:
    from tests.agent.harness import Agents, Target

SHOPPER = """
import json, pathlib
from locust import FastHttpUser, constant, events, task
from helper import WAIT


class Shopper(FastHttpUser):
    wait_time = constant(WAIT)

    @task(3)
    def search(self):
        self.client.get("/search?q=secret", name="/search")

    @task
    def cart(self):
        self.client.post("/cart", json={"item": 1})


@events.quitting.add_listener
def keep(environment, **_):
    total = environment.stats.total
    if type(environment.runner).__name__ == "MasterRunner":
        pathlib.Path(__file__).with_name("locust.json").write_text(
            json.dumps({"requests": total.num_requests, "failures": total.num_failures})
        )
"""


def test_every_request_is_counted_once(agents: Agents, target: Target) -> None:
    target.control(errors={"cart": 0.2})
    agents.script(SHOPPER)
    agents.script("WAIT = 0.02\n", "helper.py")
    agents.config["workers"] = 2
    agents.config["load"] = {"users": 10, "spawnRate": 10, "durationSeconds": 5}
    master = agents.start("master")
    workers = [agents.start("worker") for _ in range(2)]
    running = agents.when("requests are reported", lambda state: state["requests"] > 0)
    assert running["state"] == "Running"
    holding = agents.until("Holding")
    windows = agents.windows()
    assert windows["complete"] is True
    counted = requests_in(windows)
    assert counted == target.served() == holding["requests"] > 100
    failed = sum(one["errors"] for window in windows["windows"] for one in window["endpoints"])
    assert failed == holding["failures"] == sum(one["n"] for one in windows["failures"]) > 0
    assert {one["kind"] for one in windows["failures"]} == {"HTTP 503"}
    assert [worker.wait() for worker in workers] == [0, 0]
    agents.acknowledge()
    assert master.wait() == 0
    locust = json.loads((agents.run_dir / "locust.json").read_text())
    assert locust == {"requests": counted, "failures": failed}
    assert agents.word(master)["totals"] == locust
