"""What the agent costs: requests/s of one worker on one core with and without it, FastHttpUser, interleaved rounds.

Run it: `python tests/bench/agent_cost.py [rounds]`. Requests/s move with whatever else the machine does; requests per
CPU second of the worker move less, and say the same of a worker that is bound by its core. The declarative scenario
sends the same request, for comparison.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = 30
WARM_SECONDS = 1.5
SECONDS = 4.0
BUDGET = 0.97  # DESIGN section 8
VARIANTS = ("without", "with", "declarative")

SERVER = """
import asyncio, sys
count = 0
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 13\\r\\n\\r\\nHello, world!"

class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        global count
        if data.startswith(b"GET /_count"):
            body = str(count).encode()
            self.transport.write(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
            self.transport.close()
        else:
            count += 1
            self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""

SCRIPT = """
from locust import FastHttpUser, task

class Hammer(FastHttpUser):
    @task
    def hello(self):
        self.client.get("/hello")
"""


def measure(rounds: int = 5) -> dict[str, Any]:
    """Medians per variant, and the median of the rounds' ratios."""
    cores = sorted(os.sched_getaffinity(0))
    results: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as name, _server(cores[0]) as port:
        folder = Path(name)
        _prepare(folder)
        for number in range(rounds):
            # The order changes, so that a drift of the machine hits all alike.
            for variant in VARIANTS if number % 2 == 0 else reversed(VARIANTS):
                results[variant].append(_round(folder, variant, port, cores[-1]))
    document: dict[str, Any] = {
        variant: {key: round(statistics.median(one[key] for one in found)) for key in found[0]}
        for variant, found in results.items()
    }
    for key in ("requests_per_s", "requests_per_cpu_s"):
        pairs = zip(results["with"], results["without"], strict=True)
        document[f"ratio_{key}"] = round(statistics.median(one[key] / other[key] for one, other in pairs), 3)
    document["ratio"] = document["ratio_requests_per_cpu_s"]
    return {**document, "rounds": rounds, "users": USERS, "budget": BUDGET}


def _prepare(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "loadtest_agent.install", str(folder / "agent")], check=True)
    (folder / "locustfile.py").write_text(SCRIPT)


def _round(folder: Path, variant: str, port: int, core: int) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}"
    commands = _plain(folder, url) if variant == "without" else _agent(folder, url, variant)
    env = {"PATH": os.environ["PATH"]}
    with contextlib.ExitStack() as stack:
        pids = []
        for command, pinned in zip(commands, (False, True), strict=True):
            pids.append(stack.enter_context(_process(command, folder, env, core if pinned else None)))
        before = _count(port)
        deadline = time.monotonic() + 60
        while _count(port) - before < USERS:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{variant}: no load within 60 s")
            time.sleep(0.05)
        time.sleep(WARM_SECONDS)
        start, requests, cpu = time.monotonic(), _count(port), _cpu(pids[1])
        time.sleep(SECONDS)
        done, busy, took = _count(port) - requests, _cpu(pids[1]) - cpu, time.monotonic() - start
    return {"requests_per_s": done / took, "requests_per_cpu_s": done / busy}


def _plain(folder: Path, url: str) -> list[list[str]]:
    port = str(_free_port())
    locust = [sys.executable, "-m", "locust", "-f", str(folder / "locustfile.py"), "--headless", "--only-summary"]
    master = [*locust, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "-H", url]
    load = ["-u", str(USERS), "-r", str(USERS), "-t", "60s", "--expect-workers", "1"]
    return [[*master, *load], [*locust[:-2], "--worker", "--master-port", port]]


def _agent(folder: Path, url: str, variant: str) -> list[list[str]]:
    http = {"thinkTime": "0s", "requests": [{"path": "/hello"}]}
    config = {
        "protocol": 1,
        "run": {"id": "bench", "attempt": 1},
        "tokenSHA256": hashlib.sha256(b"bench").hexdigest(),
        "target": {"url": url},
        "scenario": {"kind": "locust", "files": ["locustfile.py"]}
        if variant == "with"
        else {"kind": "http", "http": http},
        "load": {"users": USERS, "spawnRate": USERS, "durationSeconds": 60},
        "windowSeconds": 1,
        "workers": 1,
        "master": {"host": "127.0.0.1", "port": _free_port()},
        "listen": {"host": "127.0.0.1", "port": 0},
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    start = [sys.executable, str(folder / "agent" / "start.py"), "--config", str(path), "--role"]
    return [[*start, "master"], [*start, "worker"]]


@contextlib.contextmanager
def _process(command: list[str], folder: Path, env: dict[str, str], core: int | None) -> Iterator[int]:
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env, cwd=folder)
    try:
        if core is not None:
            os.sched_setaffinity(child.pid, {core})
        yield child.pid
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def _server(core: int) -> Iterator[int]:
    port = _free_port()
    folder = Path(tempfile.mkdtemp())
    try:
        with _process([sys.executable, "-c", SERVER, str(port)], folder, {}, core):
            deadline = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError):
                    _count(port)
                    break
                if time.monotonic() > deadline:
                    raise RuntimeError("the bench's server does not start")
                time.sleep(0.05)
            yield port
    finally:
        shutil.rmtree(folder)


def _count(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_count", timeout=10) as answer:
        return int(answer.read())


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5), indent=2))
