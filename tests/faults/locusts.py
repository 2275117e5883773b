"""The containers of load pods: Locust with our agent as two small state machines on virtual time.

They keep what docs/decisions/0002-agent-protocol.md promises, no more.
"""

import hashlib
import math
from typing import TYPE_CHECKING, Any

from tests.faults.containers import Container, Ended

if TYPE_CHECKING:
    from tests.faults.world import World

RESOLVE_SECONDS = 0.5
MASTER_SILENCE_SECONDS = 10.0  # after which a worker stops by itself
NOTICED_SECONDS = 3.0  # until a master knows that a worker died
REQUESTS_PER_WINDOW = 20
BUCKET = str(math.floor(math.log(0.05 * 1e6) / math.log(1.02)))


class Worker(Container):
    def __init__(self, world: "World", config: dict[str, Any], uid: str, ended: Ended) -> None:
        super().__init__(world, config, uid, ended)
        self.master: Master | None = None
        self.users = 0
        self._until = world.now() + config["startTimeoutSeconds"]
        self._look()

    def _look(self) -> None:
        if self.master is not None:
            return
        master = self.world.masters.get(self.fence)
        if master is not None and master.connect(self):
            self.master = master
        elif self.world.now() > self._until:
            self.exit(1)
        else:
            self.later(RESOLVE_SECONDS, self._look)

    def load(self, users: int) -> None:
        if self.up and users != self.users:
            self.users = users
            self.world.load_changed(self)

    def orphaned(self) -> None:
        """The master fell silent; it may only have died."""
        self.later(MASTER_SILENCE_SECONDS, lambda: self.exit(1))

    def dismissed(self) -> None:
        """The master says that it is over."""
        self.load(0)
        self.later(0.2, lambda: self.exit(0))

    def kill(self) -> None:
        self.load(0)
        super().kill()
        if self.master is not None:
            self.world.later(self.world.chance.seconds(0, NOTICED_SECONDS), lambda: self.master.lost(self))


class Master(Container):
    def __init__(self, world: "World", config: dict[str, Any], uid: str, ended: Ended, trouble: str = "") -> None:
        super().__init__(world, config, uid, ended)
        self.trouble = trouble
        self.crew: list[Worker] = []
        self.state, self.since = "", 0.0
        self.started: float | None = None
        self.over: float | None = None
        self.lost_workers = 0
        self.error: dict[str, str] | None = None
        self.duration = float(config["load"]["durationSeconds"])
        world.masters[self.fence] = self
        self._enter("Loading")
        self.later(world.chance.seconds(0.1, 1.0), self._loaded)

    # Its life

    def _enter(self, state: str) -> None:
        self.state, self.since = state, self.world.now()

    def _loaded(self) -> None:
        if self.trouble == "script":
            self._fail("ScriptError", "NameError: name 'x' is not defined")
            return
        self._enter("WaitingForWorkers")
        self.later(self.config["startTimeoutSeconds"], self._nobody_came)
        self._count()

    def _nobody_came(self) -> None:
        if self.state == "WaitingForWorkers":
            self._fail("WorkersMissing", f"{len(self.crew)} of {self.config['workers']} workers came")

    def connect(self, worker: Worker) -> bool:
        if self.state in {"Loading", "Collecting", "Holding", "Released", "Failed"} or not self.up:
            return False
        self.crew.append(worker)
        if self.state == "Running":
            self._share()
        self._count()
        return True

    def _count(self) -> None:
        if self.state == "WaitingForWorkers" and len(self.crew) >= self.config["workers"]:
            self._enter("Preflight")
            if self.trouble == "target":
                wait = self.config["target"]["health"]["timeoutSeconds"]
                self.later(wait, lambda: self._fail("TargetUnreachable", "GET /: connection refused"))
            else:
                self.later(self.world.chance.seconds(0.05, 0.5), self._run)

    def _run(self) -> None:
        if self.state != "Preflight":
            return
        self._enter("Running")
        self.started = self.world.now()
        self.world.watcher.load_begins(self)
        self._share()
        self.later(self.duration, self._collect)
        if not self.crew:
            self._broken("WorkersLost", "no worker is left")

    def _share(self) -> None:
        users = self.config["load"]["users"]
        for index, worker in enumerate(self.crew):
            worker.load(users // len(self.crew) + (index < users % len(self.crew)))

    def lost(self, worker: Worker) -> None:
        if worker not in self.crew or not self.up:
            return
        self.crew.remove(worker)
        if self.state == "Running":
            self.lost_workers += 1
            if self.crew:
                self._share()
            else:
                self._broken("WorkersLost", "the last worker is gone")

    def _broken(self, reason: str, message: str) -> None:
        self.error = {"reason": reason, "message": message}
        self._collect()

    def _collect(self) -> None:
        if self.state != "Running":
            return
        self._enter("Collecting")
        self.over = self.world.now()
        for worker in self.crew:
            worker.load(0)
        self.later(self.world.chance.seconds(0.1, 1.0), self._hold)

    def _hold(self) -> None:
        self._enter("Holding")
        self._dismiss()
        self.later(self.config["holdSeconds"], lambda: self.exit(0, self._word()))

    def _dismiss(self) -> None:
        for worker in self.crew:
            worker.dismissed()

    def _fail(self, reason: str, message: str) -> None:
        self.error = {"reason": reason, "message": message}
        self._enter("Failed")
        self._dismiss()
        self.exit(3, self._word())

    def terminate(self) -> None:
        if self.state in {"Loading", "WaitingForWorkers", "Preflight", "Running"}:
            self._fail("Stopped", "SIGTERM")
        else:
            self.exit(0, self._word())

    def kill(self) -> None:
        super().kill()
        if self.world.masters.get(self.fence) is self:
            del self.world.masters[self.fence]
        for worker in self.crew:
            worker.orphaned()

    def _word(self) -> dict[str, Any]:
        run = self.config["run"]
        totals = {"requests": len(self.windows()) * REQUESTS_PER_WINDOW, "failures": 0}
        said = {"protocol": 1, "run": run["id"], "attempt": run["attempt"], "role": "master"}
        return {**said, "state": self.state, "error": self.error, "totals": totals}

    # What it answers

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, token: str) -> tuple[int, Any]:
        if hashlib.sha256(token.encode()).hexdigest() != self.config["tokenSHA256"]:
            return _error(401, "Unauthorized")
        match path:
            case "/v1/state":
                return 200, self.view()
            case "/v1/windows":
                return 200, self.page(int(query["since"]), int(query["limit"]))
            case "/v1/acknowledge":
                return self._acknowledge(body["cursor"])
            case "/v1/stop":
                if self.state == "Running":
                    self._broken("Stopped", str(body.get("reason")))
                elif self.over is None:
                    self._fail("Stopped", str(body.get("reason")))
                return 202, {}
        return _error(404, "NotFound")

    def _acknowledge(self, cursor: int) -> tuple[int, Any]:
        if self.state == "Released":
            return 200, {}
        if self.state != "Holding":
            return _error(409, "NotHolding")
        if cursor != len(self.windows()):
            return _error(409, "CursorMismatch")
        self._enter("Released")
        self.world.released(self)
        self.later(0.5, lambda: self.exit(0, self._word()))
        return 200, {}

    def view(self) -> dict[str, Any]:
        config, run, now = self.config, self.config["run"], self.world.now()
        early = self.state in {"Loading", "WaitingForWorkers"}
        seen = len(self.windows())
        told = {
            "protocol": 1,
            "agent": "modelled",
            "locust": "2.47.0",
            "run": run["id"],
            "attempt": run["attempt"],
            "state": self.state,
            "since": self.world.wall(self.since),
            "now": self.world.wall(now),
            "startedAt": self._wall(self.started),
            "endsAt": self._wall(None if self.started is None else self.started + self.duration),
            "endedAt": self._wall(self.over),
            "workers": {"expected": config["workers"], "connected": len(self.crew), "lost": self.lost_workers},
            "users": {"target": config["load"]["users"], "running": sum(worker.users for worker in self.crew)},
            "recent": {"seconds": 10, "rps": 20.0, "p95": 0.05, "errorRate": 0.0, "requests": 200},
            "requests": seen * REQUESTS_PER_WINDOW,
            "failures": 0,
            "cursor": seen,
            "validity": {"clockOffsetMax": 0.001, "incomplete": []},
            "error": self.error,
        }
        return told if early else {**told, "preflight": {"ok": self.state != "Preflight", "message": "GET / answered"}}

    def _wall(self, moment: float | None) -> float | None:
        return None if moment is None else self.world.wall(moment)

    def windows(self) -> range:
        if self.started is None:
            return range(0)
        size = self.config["windowSeconds"]
        until = self.world.now() if self.over is None else self.over
        whole = (until - self.started) / size
        return range(math.floor(whole) if self.over is None else math.ceil(whole - 1e-9))

    def page(self, since: int, limit: int) -> dict[str, Any]:
        found = [w for w in self.windows() if w + 1 > since]
        more, shown = len(found) > limit, found[:limit]
        return {
            "protocol": 1,
            "run": self.config["run"]["id"],
            "attempt": self.config["run"]["attempt"],
            "startedAt": self._wall(self.started),
            "cursor": shown[-1] + 1 if more else len(self.windows()),
            "more": more,
            "complete": self.state in {"Holding", "Released"} and not more,
            "windows": [self._window(w) for w in shown],
            "failures": [],
        }

    def _window(self, w: int) -> dict[str, Any]:
        n = REQUESTS_PER_WINDOW
        row = {"method": "GET", "name": "/", "n": n, "errors": 0, "hist": {BUCKET: n}, "fail_hist": {}}
        health = {"workers": self.config["workers"], "users": self.config["load"]["users"], "cpu": 0.3, "lag": 0.001}
        return {"w": w, "seq": w + 1, **health, "endpoints": [{**row, "sum": 0.05 * n, "max": 0.05}]}


def _error(status: int, reason: str) -> tuple[int, Any]:
    return status, {"error": {"reason": reason, "message": reason}}
