"""A script's own pacing: iterations that begin late are counted; a run that could not keep it is Invalid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import measured
from loadtest_operator.decide.judge import judge
from loadtest_operator.model import loadtest
from loadtest_operator.verdict.record import Target as RecordedTarget
from loadtest_operator.verdict.validity import assess
from loadtest_operator.verdict.windows import WindowLog

if TYPE_CHECKING:
    from loadtest_operator.decide.judge import Judgement

    from tests.agent.harness import Agents, Target

USERS, SECONDS = 8, 9
SHOPPER = """
from locust import FastHttpUser, {pacing} as paced, task


class Shopper(FastHttpUser):
    wait_time = paced({value})

    def on_start(self):
        self.client.get("/")

    @task
    def search(self):
        self.client.get("/search")
"""
SLOW_START = """
import time
from locust import FastHttpUser, constant, task


class Shopper(FastHttpUser):
    wait_time = constant(0.2)

    def __init__(self, environment):
        super().__init__(environment)
        time.sleep(0.8)  # such as a login: the next user is made after it

    @task
    def home(self):
        self.client.get("/")
"""


def run(agents: Agents, script: str) -> Judgement:
    """One whole run, judged as the operator would, but for what else the machine of the test did meanwhile."""
    agents.script(script)
    agents.config["load"] = {"users": USERS, "spawnRate": USERS, "durationSeconds": SECONDS, "warmupSeconds": 2}
    master, worker = agents.start("master"), agents.start("worker")
    state = agents.until("Holding")
    log = WindowLog()
    log.absorb(agents.windows())
    agents.acknowledge()
    assert (master.wait(), worker.wait()) == (0, 0)
    spec = loadtest.parse(
        {
            "apiVersion": "loadtest.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": {"name": "checkout"},
            "spec": {
                "target": {"url": "http://checkout.shop"},
                "scenario": {"locust": {"inline": script}},
                "load": {"users": USERS, "duration": f"{SECONDS}s", "warmup": "2s", "ramp": "1s"},
                "runners": {"workers": 1},
            },
        }
    ).spec
    ref = RunRef(namespace="shop", test="checkout", uid="u", number=1, attempt=1, id="checkout-1-abc")
    record = measured.run_record(log, state, ref, spec, series="s", config_hash="c", target=RecordedTarget())
    windows = tuple(one._replace(cpu=None, lag=None, throttled=None) for one in record.run_windows)
    record = replace(record, run_windows=windows)
    return judge(spec, record, validity=assess(record, measured.expected(spec, measured.workers_lost(state))))


@pytest.mark.parametrize(("pacing", "value"), [("constant_pacing", 0.5), ("constant_throughput", 2)])
def test_a_target_that_is_slower_than_the_pacing_makes_the_run_invalid(
    agents: Agents, target: Target, pacing: str, value: float
) -> None:
    target.control(latency={"search": "1200ms/0.05"})
    found = run(agents, SHOPPER.format(pacing=pacing, value=value))
    assert found.verdict == "Invalid", found
    assert "of the iterations that have a pacing began late, the latest hundredth by" in found.message
    assert "the script asks for more than its users can do at these response times" in found.message
    assert "users (load.users) with a pacing" in found.message
    assert [reason.partition(":")[0] for reason in found.validity["reasons"]] == ["LoadNotReached"]
    assert float(found.validity["paced"].removesuffix("%")) < 60


def test_the_same_script_passes_when_the_target_is_quick(agents: Agents, target: Target) -> None:
    target.control(latency={"search": "5ms/0.1"})
    found = run(agents, SHOPPER.format(pacing="constant_pacing", value=0.5))
    assert found.verdict == "Passed", found
    assert found.validity["paced"] == "100%"


def test_a_script_without_a_pacing_is_not_asked_for_one(agents: Agents) -> None:
    found = run(agents, SHOPPER.format(pacing="constant", value=0.2))
    assert found.verdict == "Passed", found
    assert "paced" not in found.validity


def test_users_that_come_slower_than_the_ramp_asks_make_the_run_invalid(agents: Agents) -> None:
    found = run(agents, SLOW_START)
    assert found.verdict == "Invalid", found
    assert f"of the wanted {USERS} users were there on average: they came in " in found.message
    assert " instead of 1s; let them come in " in found.message
    assert [reason.partition(":")[0] for reason in found.validity["reasons"]] == ["LoadNotReached"]
