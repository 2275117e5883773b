"""What cannot run ends at once, with exit code 3 and a sentence in the termination message."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.agent.test_run import SHOPPER
from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.agent.harness import Agents

USER = "from locust import FastHttpUser, task\n\n\nclass Shopper(FastHttpUser):\n    @task\n    def t(self):\n        "


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("def broken(:\n    pass\n", ["SyntaxError: ", "locustfile.py:1 def broken(:"]),
        ("import nothing_like_it\n", ["ModuleNotFoundError: No module named 'nothing_like_it'", "locustfile.py:1 in"]),
        ("import helper\n", ["NameError: name 'HttpUsr' is not defined", "locustfile.py:1 in", "helper.py:2 in f"]),
        ("raise SystemExit(2)\n", ["SystemExit: the script ended the process with 2"]),
        ("x = 1\n", ["locustfile.py defines no user class"]),
        (
            "from locust import events\n\n\n@events.init.add_listener\ndef f(**_):\n    1 / 0\n\n\n" + USER + "pass\n",
            ["an init listener of the script failed", "ZeroDivisionError"],
        ),
        (
            "from locust import events\n\n\n@events.init_command_line_parser.add_listener\ndef f(parser):\n"
            "    parser.add_argument('--must', required=True)\n\n\n" + USER + "pass\n",
            ["arguments cannot be read"],
        ),
    ],
    ids=["syntax", "import", "helper", "exit", "nothing", "init", "arguments"],
)
@pytest.mark.parametrize("role", ["master"])
def test_a_script_that_does_not_load(agents: Agents, role: str, script: str, expected: list[str]) -> None:
    agents.script(script)
    agents.script("def f():\n    HttpUsr\n\n\nf()\n", "helper.py")
    process = agents.start(role)
    assert process.wait() == 3
    word = agents.word(process)
    assert word["state"] == "Failed"
    assert word["error"]["reason"] == "ScriptError"
    assert word["role"] == role
    assert (word["run"], word["attempt"]) == ("checkout-1-abc", 1)
    for part in expected:
        assert part in word["error"]["message"]
        assert part in process.text()


def test_a_worker_says_the_same(agents: Agents) -> None:
    agents.script("import nothing_like_it\n")
    process = agents.start("worker")
    assert process.wait() == 3
    assert "nothing_like_it" in agents.word(process)["error"]["message"]


def test_an_unknown_user_class(agents: Agents) -> None:
    agents.script(USER + "pass\n")
    agents.config["scenario"]["userClasses"] = [{"name": "Buyer", "weight": 3}]
    process = agents.start("master")
    assert process.wait() == 3
    assert agents.word(process)["error"]["message"] == "locustfile.py has no user class Buyer; it has Shopper"


def test_a_port_that_is_taken(agents: Agents) -> None:
    agents.script(USER + "pass\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        agents.config["listen"]["port"] = taken.getsockname()[1]
        process = agents.start("master")
        assert process.wait() == 3
        assert "cannot listen on 127.0.0.1" in agents.word(process)["error"]["message"]
        agents.config["listen"]["port"] = free_port()
        agents.config["master"]["port"] = taken.getsockname()[1]
        process = agents.start("master")
        assert process.wait() == 3
    error = agents.word(process)["error"]
    assert error["reason"] == "ConfigError"
    assert f"cannot listen on port {agents.config['master']['port']} for workers" in error["message"]


def test_a_protocol_of_the_future(agents: Agents) -> None:
    agents.config["protocol"] = 2
    process = agents.start("master")
    assert process.wait() == 3
    assert agents.word(process)["error"]["reason"] == "ConfigError"


def test_workers_that_do_not_come(agents: Agents) -> None:
    agents.script(SHOPPER)
    agents.script("WAIT = 1", "helper.py")
    agents.config |= {"workers": 2, "startTimeoutSeconds": 3}
    master, worker = agents.start("master"), agents.start("worker")
    assert master.wait() == 3
    assert agents.word(master)["error"] == {
        "reason": "WorkersMissing",
        "message": "1 of 2 workers registered within 3 s",
    }
    assert worker.wait() == 0  # dismissed


def test_a_worker_without_a_master(agents: Agents) -> None:
    agents.script(USER + "pass\n")
    agents.config["startTimeoutSeconds"] = 1
    worker = agents.start("worker")
    assert worker.wait() == 3
    assert agents.word(worker)["error"]["reason"] == "MasterMissing"


def test_a_target_that_refuses(agents: Agents) -> None:
    agents.script(USER + "self.client.get('/')\n")
    url = f"http://127.0.0.1:{free_port()}"
    agents.config["target"] = {"url": url, "health": {"path": "/up", "timeoutSeconds": 1}}
    master, worker = agents.start("master"), agents.start("worker")
    agents.until("Preflight")
    assert master.wait() == 3
    error = agents.word(master)["error"]
    assert error["reason"] == "TargetUnreachable"
    assert error["message"].startswith(f"GET {url}/up refused: connection refused, asked ")
    assert worker.wait() == 0


def test_a_target_that_answers_wrongly(agents: Agents) -> None:
    agents.script(USER + "self.client.get('/')\n")
    agents.config["target"]["health"] = {"path": "/home", "expect": [204], "timeoutSeconds": 1}
    master = agents.start("master")
    agents.start("worker")
    assert master.wait() == 3
    assert "answered 200, expected 204, asked " in agents.word(master)["error"]["message"]
