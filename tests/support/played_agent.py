"""A master's agent without Locust: speaks the protocol of docs/decisions/0002-agent-protocol.md, as a script has it."""

import asyncio
import hashlib
import math
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PORT = 9808
STATES = ("Loading", "WaitingForWorkers", "Preflight", "Running", "Collecting", "Holding")
ENDPOINTS = (("GET", "/home"), ("GET", "/cart"))


@dataclass
class Script:
    """How a run is to be played. It goes on from a state in `pause_at` only when the test says `go_on`."""

    seconds: dict[str, float] = field(default_factory=lambda: {"Running": 0.3})  # in states; others pass at once
    pause_at: frozenset[str] = frozenset()
    latency_s: float = 0.05
    requests_per_window: int = 20  # of each endpoint
    error_share: float = 0.0
    cpu: float = 0.3
    endpoints: tuple[tuple[str, str], ...] = ENDPOINTS
    lose_worker: bool = False
    fail: tuple[str, str, str] | None = None  # state, reason, message
    master_status: dict[str, Any] | None = None  # written instead of a running pod
    worker_status: dict[str, Any] | None = None
    hooks: dict[str, str | None] = field(
        default_factory=dict
    )  # by role: last words, None: at work until told; else well


class PlayedAgent:
    """One attempt. States pass on the wall clock; only the load's seconds are told, not waited for."""

    def __init__(self, config: dict[str, Any], script: Script) -> None:
        self.config = config
        self.script = script
        self.state = "Loading"
        self.since = time.time()
        self.started_at: float | None = None
        self.error: dict[str, str] | None = None
        self.asked = 0
        self.asked_target = False
        self.acknowledged_at: float | None = None
        self.stopped: str | None = None
        self.aborted: dict[str, Any] | None = None
        self.load_ended = 0.0  # on the monotonic clock
        self.released = asyncio.Event()
        self._go = {state: asyncio.Event() for state in STATES}
        self.duration = float(config["load"]["durationSeconds"])
        self._windows = [self._window(w) for w in range(math.ceil(self.duration / config["windowSeconds"]))]

    async def play(self) -> None:
        """Until the results are held, or the run failed before any load."""
        for state in STATES:
            self._enter(state)
            if self.script.fail and self.script.fail[0] == state:
                self.error = {"reason": self.script.fail[1], "message": self.script.fail[2]}
                if self.started_at is None:
                    self._enter("Failed")
                    return
            if state in self.script.pause_at:
                await self._go[state].wait()
            elif wait := self.script.seconds.get(state):
                await asyncio.sleep(wait)

    def go_on(self, state: str) -> None:
        self._go[state].set()

    def _enter(self, state: str) -> None:
        self.state, self.since = state, time.time()
        self.asked_target = self.asked_target or state == "Preflight"
        if state == "Collecting":
            self.load_ended = time.monotonic()
        if state == "Running":
            told = 0.0 if state in self.script.pause_at else self.script.seconds.get(state, 0.0)
            self.started_at = self.since - max(0.0, self.duration - told)

    # What it says

    def view(self) -> dict[str, Any]:
        run, workers = self.config["run"], self.config["workers"]
        load_is_over = self.state in {"Collecting", "Holding", "Released"}
        connected = 0 if self.state in {"Loading", "WaitingForWorkers"} else workers
        requests = len(self._visible()) * self.script.requests_per_window * len(self.script.endpoints)
        answer = {
            "protocol": 1,
            "agent": "played",
            "locust": "2.47.0",
            "run": run["id"],
            "attempt": run["attempt"],
            "state": self.state,
            "since": self.since,
            "now": time.time(),
            "startedAt": self.started_at,
            "endsAt": self._ends_at(),
            "endedAt": self.started_at + self.duration if self.started_at and load_is_over else None,
            "workers": {"expected": workers, "connected": connected, "lost": int(self.script.lose_worker)},
            "users": {"target": self.config["load"]["users"], "running": self.config["load"]["users"]},
            "recent": {"seconds": 10, "rps": 40.0, "p95": self.script.latency_s, "errorRate": 0.0, "requests": 400},
            "requests": requests,
            "failures": round(requests * self.script.error_share),
            "cursor": len(self._visible()),
            "validity": {"clockOffsetMax": 0.001, "incomplete": []},
            "error": self.error,
            "aborted": self.aborted,
        }
        if self.asked_target:
            answer["preflight"] = {"ok": self.state != "Preflight", "message": "GET /healthz answered 200 after 0.01 s"}
        return answer

    def page(self, since: int, limit: int) -> dict[str, Any]:
        windows = [one for one in self._visible() if one["seq"] > since]
        more = len(windows) > limit
        return {
            "protocol": 1,
            "run": self.config["run"]["id"],
            "attempt": self.config["run"]["attempt"],
            "startedAt": self.started_at,
            "cursor": windows[limit - 1]["seq"] if more else len(self._visible()),
            "more": more,
            "complete": self.state == "Holding" and not more,
            "windows": windows[:limit],
            "failures": [],
        }

    def last_word(self) -> dict[str, Any]:
        run = self.config["run"]
        totals = {"requests": self.view()["requests"], "failures": 0}
        return {
            "protocol": 1,
            "run": run["id"],
            "attempt": run["attempt"],
            "role": "master",
            "state": self.state,
            "error": self.error,
            "totals": totals,
        }

    def _ends_at(self) -> float | None:
        if self.started_at is None:
            return None
        # Paused, it always ends soon, so that whoever follows it asks often.
        return time.time() + 1 if self.state in self.script.pause_at else self.started_at + self.duration

    def _visible(self) -> list[dict[str, Any]]:
        if self.state not in {"Running", "Collecting", "Holding", "Released"}:
            return []
        return self._windows[:-1] if self.state == "Running" else self._windows

    def _window(self, w: int) -> dict[str, Any]:
        n, errors = self.script.requests_per_window, round(self.script.requests_per_window * self.script.error_share)
        bucket = str(math.floor(math.log(self.script.latency_s * 1e6) / math.log(1.02)))
        rows = [
            {
                "method": method,
                "name": name,
                "n": n,
                "errors": errors,
                "hist": {bucket: n - errors},
                "fail_hist": {bucket: errors} if errors else {},
                "sum": (n - errors) * self.script.latency_s,
                "max": self.script.latency_s,
            }
            for method, name in self.script.endpoints
        ]
        health = {"workers": self.config["workers"], "users": self.config["load"]["users"]}
        return {"w": w, "seq": w + 1, **health, "cpu": self.script.cpu, "lag": 0.001, "endpoints": rows}

    # How it is asked

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._checked])
        app.router.add_get("/healthz", _answer_healthz)
        app.router.add_get("/v1/state", self._answer_state)
        app.router.add_get("/v1/windows", self._answer_windows)
        app.router.add_post("/v1/stop", self._answer_stop)
        app.router.add_post("/v1/acknowledge", self._answer_acknowledge)
        return app

    @web.middleware
    async def _checked(self, request: web.Request, handler: Any) -> web.StreamResponse:
        token = request.headers.get("X-Loadtest-Token", "")
        right = hashlib.sha256(token.encode()).hexdigest() == self.config["tokenSHA256"]
        if request.path.startswith("/v1/") and not right:
            return _refusal(401, "Unauthorized")
        self.asked += 1
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _answer_state(self, _: web.Request) -> web.Response:
        return web.json_response(self.view())

    async def _answer_windows(self, request: web.Request) -> web.Response:
        return web.json_response(self.page(int(request.query.get("since", 0)), int(request.query.get("limit", 120))))

    async def _answer_stop(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.stopped, self.aborted = str(asked.get("reason")), asked.get("aborted")
        self.go_on("Running")
        return web.json_response({}, status=202)

    async def _answer_acknowledge(self, request: web.Request) -> web.Response:
        cursor = (await request.json()).get("cursor")
        if self.state not in {"Holding", "Released"}:
            return _refusal(409, "NotHolding")
        if cursor != len(self._windows):
            return _refusal(409, "CursorMismatch")
        if self.state == "Holding":
            self._enter("Released")
            self.acknowledged_at = time.time()
            self.released.set()
        return web.json_response({})


async def _answer_healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"error": {"reason": reason, "message": reason}}, status=status)
