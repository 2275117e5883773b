"""Start agents and a target as processes on loopback, and watch them until something happens or a deadline passes."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from loadtest_agent.install import install

from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

TOKEN = "a-token"
# Another interpreter tries the agent in an image that is not ours, with an older Python or Locust.
PYTHON = os.environ.get("AGENT_PYTHON", sys.executable)
# Generous: the machine may be busy with a build; no test waits this long when all is well.
PATIENCE = 60.0


def wait_for(what: str, probe: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Ask until the answer is truthy."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s, last answer {answer!r}")
        time.sleep(0.02)


class Process:
    """A child with its stderr in a file, ended by its own id."""

    def __init__(self, arguments: list[str], log: Path, env: Mapping[str, str], cwd: Path, **options: Any) -> None:
        self.log = log
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=dict(env), cwd=cwd, **options
            )

    @property
    def code(self) -> int | None:
        return self._child.poll()

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.text()}") from None

    def end(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()


class Target:
    """The sample shop."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        arguments = [sys.executable, "-m", "loadtest_target", "--port", "0"]
        self.process = Process(arguments, folder / "target.log", {**os.environ, **(env or {})}, folder)
        found = wait_for("the target's port", lambda: re.search(r"http://[^:]+:(\d+)", self.process.text()))
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, Any]:
        return self._ask("GET", "/_stats")

    def control(self, **settings: object) -> None:
        self._ask("POST", "/_control", json.dumps(settings))

    def served(self) -> int:
        return sum(one["requests"] for one in self.stats()["endpoints"].values())

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


class Agents:
    """One run: its folder, a master, workers, and a driver that asks the master."""

    def __init__(self, folder: Path, target_url: str) -> None:
        self.folder = folder
        self.agent_dir = folder / "agent"
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        install(self.agent_dir)
        self.port = free_port()
        self.config: dict[str, Any] = {
            "protocol": 1,
            "run": {"id": "checkout-1-abc", "attempt": 1, "namespace": "shop", "test": "checkout"},
            "tokenSHA256": hashlib.sha256(TOKEN.encode()).hexdigest(),
            "target": {"url": target_url, "version": "1.4.2", "health": {"path": "/healthz", "timeoutSeconds": 20}},
            "scenario": {"kind": "locust", "files": ["locustfile.py"]},
            "load": {"users": 4, "spawnRate": 10, "durationSeconds": 4, "warmupSeconds": 0},
            "windowSeconds": 1,
            "workers": 1,
            "startTimeoutSeconds": 60,
            "holdSeconds": 60,
            "master": {"host": "127.0.0.1", "port": free_port()},
            "listen": {"host": "127.0.0.1", "port": self.port},
        }
        self.processes: list[Process] = []
        self.words: dict[Process, Path] = {}

    def script(self, text: str, name: str = "locustfile.py") -> None:
        (self.run_dir / name).write_text(text)

    def start(self, role: str, *more: str, **options: Any) -> Process:
        path = self.run_dir / "config.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(self.config))
        new.replace(path)  # in one step: a process that was started before may be reading it
        number = len(self.processes)
        word = self.folder / f"{role}-{number}.word"
        env = {"PATH": os.environ["PATH"], "LOADTEST_TERMINATION_LOG": str(word)} | options.pop("env", {})
        arguments = [PYTHON, str(self.agent_dir / "start.py"), "--config", str(path), "--role", role, *more]
        process = Process(arguments, self.folder / f"{role}-{number}.log", env, self.folder, **options)
        self.processes.append(process)
        self.words[process] = word
        return process

    def word(self, process: Process) -> dict[str, Any]:
        return json.loads(self.words[process].read_text())

    def ask(
        self, method: str, path: str, body: object = None, token: str | None = TOKEN, **headers: str
    ) -> tuple[int, Any]:
        status, text, _ = self.raw(method, path, body, token, **headers)
        return status, json.loads(text)

    def raw(
        self, method: str, path: str, body: object = None, token: str | None = TOKEN, **headers: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        if token is not None:
            headers["X-Loadtest-Token"] = token
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        """The state document; empty while nobody listens."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/v1/state")[1]
        return {}

    def until(self, *states: str, seconds: float = PATIENCE) -> dict[str, Any]:
        return self.when(f"state {states}", lambda state: state.get("state") in states, seconds)

    def when(self, what: str, holds: Callable[[dict[str, Any]], object], seconds: float = PATIENCE) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            over = self.processes[0].code
            state = self.state()
            assert state or over is None, f"the master ended with {over}"
            return state if state and holds(state) else None

        try:
            return wait_for(what, probe, seconds)
        except AssertionError as error:
            logs = "\n".join(f"--- {process.log.name} ({process.code})\n{process.text()}" for process in self.processes)
            raise AssertionError(f"{error}\nstate: {self.state()}\n{logs}") from None

    def windows(self, since: int = 0) -> dict[str, Any]:
        """All pages from a cursor on; the last version of every window."""
        last: dict[int, Any] = {}
        while True:
            status, page = self.ask("GET", f"/v1/windows?since={since}")
            assert status == 200, page
            last |= {window["w"]: window for window in page["windows"]}
            since = page["cursor"]
            if not page["more"]:
                return {**page, "windows": [last[w] for w in sorted(last)]}

    def acknowledge(self) -> None:
        status, answer = self.ask("POST", "/v1/acknowledge", {"cursor": self.windows()["cursor"]})
        assert status == 200, answer

    def end(self) -> None:
        for process in self.processes:
            process.end()


def requests_in(windows: dict[str, Any]) -> int:
    return sum(one["n"] for window in windows["windows"] for one in window["endpoints"])
