"""What the agent costs: requests/s of one worker on one core with and without it, FastHttpUser.

Run it: `python tests/bench/agent_cost.py [pairs]`. One Locust process is pinned to a core, and the agent's listener,
heartbeat and reports are switched on and off twice a second, so that neighbours on the machine hit both alike. `ratio`
compares requests per CPU second, which for a worker that is bound by its core is requests/s without the neighbours.
The declarative scenario sends the same request, for comparison.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = 30
BUDGET = 0.97  # of the rate that Locust reaches alone

SERVER = """
import asyncio, sys
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 13\\r\\n\\r\\nHello, world!"

class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""

WORKER = """
import json, sys, time
import locust
from locust import FastHttpUser, task
from locust.env import Environment
import gevent, msgpack
from pathlib import Path
from loadtest_agent import config, health, http_user
from loadtest_agent.outbox import Outbox
from loadtest_agent.recorder import Recorder

raw, pairs, users = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
settings = config.parse(raw, Path())

class Hammer(FastHttpUser):
    @task
    def hello(self):
        self.client.get("/hello")

classes = [Hammer] if settings.scenario.kind == "locust" else list(http_user.classes(settings).values())
environment = Environment(user_classes=classes, events=locust.events, host=settings.target.url)
runner = environment.create_local_runner()
sampler = health.Sampler(lambda: len(runner.user_greenlets), 1.0)
recorder = Recorder(settings.window_seconds, sampler)
outbox = Outbox(settings, recorder)

def beat(now):
    recorder.roll(now)
    outbox.take_closed()

def reports():
    while True:
        gevent.sleep(3)
        msgpack.dumps(outbox.report(time.monotonic()))

def agent(on):
    if on:
        locust.events.request.add_listener(recorder.on_request)
        return [gevent.spawn(sampler.heartbeat, beat), gevent.spawn(reports)]
    for greenlet in greenlets:
        greenlet.kill()
    if greenlets:
        locust.events.request.remove_listener(recorder.on_request)
    return []

runner.start(users, users)
recorder.start(time.monotonic())
greenlets = []
gevent.sleep(2)
slices = []
for number in range(2 * pairs):
    on = number % 4 in (1, 2)  # off on on off: a drift of the machine hits both alike
    greenlets = agent(on) if bool(greenlets) != on else greenlets
    gevent.sleep(0.05)
    count, cpu, wall = runner.stats.total.num_requests, time.process_time(), time.monotonic()
    gevent.sleep(0.5)
    count = runner.stats.total.num_requests - count
    slices.append((on, count / (time.monotonic() - wall), count / (time.process_time() - cpu)))
print(json.dumps(slices))
"""


def measure(pairs: int = 60) -> dict[str, Any]:
    """Medians, and the median of the pairs' ratios."""
    cores = sorted(os.sched_getaffinity(0))
    with _server(cores[0]) as port:
        slices = _worker(port, {"kind": "locust", "files": ["locustfile.py"]}, pairs, cores[-1])
        http = {"thinkTime": "0s", "requests": [{"path": "/hello"}]}
        declared = _worker(port, {"kind": "http", "http": http}, max(2, pairs // 6), cores[-1])
    kinds = {
        "without": [one for one in slices if not one[0]],
        "with": [one for one in slices if one[0]],
        "declarative": [one for one in declared if one[0]],
    }
    document: dict[str, Any] = {
        kind: {
            "requests_per_s": round(statistics.median(one[1] for one in found)),
            "requests_per_cpu_s": round(statistics.median(one[2] for one in found)),
        }
        for kind, found in kinds.items()
    }
    for name, index in (("ratio_requests_per_s", 1), ("ratio", 2)):
        ratios = [one[index] / other[index] for one, other in zip(kinds["with"], kinds["without"], strict=True)]
        document[name] = round(statistics.median(ratios), 3)
    return {**document, "pairs": pairs, "users": USERS, "budget": BUDGET}


def _worker(port: int, scenario: dict[str, Any], pairs: int, core: int) -> list[tuple[bool, float, float]]:
    config = {
        "protocol": 1,
        "run": {"id": "bench", "attempt": 1},
        "tokenSHA256": "",
        "target": {"url": f"http://127.0.0.1:{port}"},
        "scenario": scenario,
        "load": {"users": USERS, "durationSeconds": 60},
    }
    command = [sys.executable, "-c", WORKER, json.dumps(config), str(pairs), str(USERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        os.sched_setaffinity(child.pid, {core})
        out, _ = child.communicate(timeout=60 + 5 * pairs)
    if child.returncode:
        raise RuntimeError(f"the bench's worker ended with {child.returncode}")
    return [(bool(on), float(per_s), float(per_cpu_s)) for on, per_s, per_cpu_s in json.loads(out)]


@contextlib.contextmanager
def _server(core: int) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    child = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    try:
        os.sched_setaffinity(child.pid, {core})
        deadline = time.monotonic() + 30
        while not _answers(port):
            if time.monotonic() > deadline:
                raise RuntimeError("the bench's server does not start")
            time.sleep(0.05)
        yield port
    finally:
        child.kill()
        child.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bool(answer.read())
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 60), indent=2))
