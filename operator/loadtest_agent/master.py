"""The master: waits for workers and target, starts the load, ends it in time, collects, and holds the results.

Locust's shape starts the users; everything that ends a run is here, in greenlets of our own, because Locust's `start`
blocks its shape until the ramp is done and because its own `quit` may lose the last reports.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from loadtest_agent import aborts, engine, preflight, server
from loadtest_agent.clock import MasterClock
from loadtest_agent.crew import Crew
from loadtest_agent.errors import AgentError, Terminated
from loadtest_agent.metrics import Counters
from loadtest_agent.protocol import Exit, Reason, State
from loadtest_agent.view import View
from loadtest_agent.windows import WindowStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gevent import Greenlet
    from gevent.pywsgi import WSGIServer
    from locust.env import Environment
    from locust.runners import MasterRunner

    from loadtest_agent.config import Config
    from loadtest_agent.locustfile import UserCode

log = logging.getLogger("loadtest_agent")

_POLL_SECONDS = 0.1
_LIMITS_SECONDS = 0.5
_COLLECT_SECONDS = 10.0
# SIGTERM leaves the kubelet's grace period (5 s when the operator deletes); workers get their own SIGTERM.
_TERMINATED_COLLECT_SECONDS = 1.5
# Locust's own quit takes half a second, then come the script's listeners; they had all of Holding for it.
_QUITTING_SECONDS = 0.7
_ANSWER_SECONDS = 0.1  # for the last HTTP answer to leave before the process ends


class Master:
    """One master process, from the open port to the exit code. Implements `server.Driven`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = MasterClock()
        self.store = WindowStore(config.window_seconds)
        self.crew = Crew(config, self.store, self.clock)
        self.preflight = preflight.Preflight()
        self.counters = Counters()
        self.state = State.LOADING
        self.since = self.clock.now()
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.error: AgentError | None = None
        self.aborted: aborts.Aborted | None = None  # what ended the load early, when a limit did
        self._environment: Environment = None
        self._server: WSGIServer = None
        self._history: Greenlet = None
        self._stop = Event()
        self._stop_error: AgentError | None = None
        self._released = Event()
        self._terminated = False
        self._view = View(self)

    # -- the course of a run

    def serve(self) -> None:
        self._server = server.listen(self.config.listen, server.Routes(self, self.config.token_sha256))
        sys.stderr.write(f"agent listening on {self.config.listen.host}:{self._server.server_port}\n")
        sys.stderr.flush()

    def run(self, code: UserCode) -> int:
        """Everything after the script was loaded. AgentError when it ends before load."""
        if self.config.deadline_at < math.inf:
            gevent.spawn_later(max(0.0, self.config.deadline_at - time.time()), self._too_late)
        try:
            runner = self._create(code)
            self._before_load()
        except AgentError as error:
            self._enter(State.FAILED, error)
            self.crew.dismiss()
            gevent.sleep(_ANSWER_SECONDS)
            raise
        self._load(runner)
        self._collect(runner)
        self._hold()
        gevent.sleep(_ANSWER_SECONDS)
        exit_code = Exit.FAILED_LATER if self.error and self.state != State.RELEASED else Exit.RELEASED
        self._environment.events.quit.fire(exit_code=exit_code)
        return exit_code

    def _create(self, code: UserCode) -> MasterRunner:
        self._environment = engine.build(self.config, code, "master")
        runner = engine.master_runner(self._environment, self.config)
        self.crew.attach(self._environment)
        self._environment.events.test_stop.add_listener(self._on_test_stop)
        self._history = engine.start_web_ui(self._environment)
        return runner

    def _before_load(self) -> None:
        """Wait for workers, then for the target; a stop request ends it at any point."""
        work = gevent.spawn(self._prepare)
        gevent.wait([work, self._stop], count=1)
        if not work.ready():
            work.kill()
        if self._stop_error is not None:
            raise self._stop_error
        work.get()

    def _prepare(self) -> None:
        self._enter(State.WAITING)
        deadline = time.monotonic() + self.config.start_timeout_seconds
        while self.crew.connected() < self.config.workers:
            if time.monotonic() > deadline:
                raise AgentError(
                    Reason.WORKERS_MISSING,
                    f"{self.crew.connected()} of {self.config.workers} workers registered "
                    f"within {self.config.start_timeout_seconds:.0f} s",
                )
            gevent.sleep(_POLL_SECONDS)
        self._enter(State.PREFLIGHT)
        preflight.run(self.config.target, self.preflight)

    def _load(self, runner: MasterRunner) -> None:
        from loadtest_agent import balance

        self.started_at = self.clock.now()
        self.crew.start(self.started_at)
        self._enter(State.RUNNING)
        runner.start_shape()
        watches = [gevent.spawn(self._watch), gevent.spawn(balance.watch, runner), gevent.spawn(self._watch_limits)]
        self._stop.wait(self.config.load.duration_seconds)
        gevent.killall(watches)

    def _watch(self) -> None:
        while self.crew.connected():
            gevent.sleep(_POLL_SECONDS)
        self._lost()

    def _watch_limits(self) -> None:
        watches = aborts.Watches(self.config.aborts, self.store)
        while not self._stop.is_set():
            found = watches.look(self.crew.reporting())
            if found is not None:
                self.stop(str(found["message"]), found)
            gevent.sleep(_LIMITS_SECONDS)

    def _lost(self) -> None:
        if self._stop_error is None:
            self._stop_error = AgentError(Reason.WORKERS_LOST, "the last worker went while the load was on")
        self._stop.set()

    def _too_late(self) -> None:
        """Nobody else may be there to end it."""
        if self.state not in {*State.BEFORE_LOAD, State.RUNNING} or self._stop.is_set():
            return
        self._stop_error = AgentError(Reason.DEADLINE_EXCEEDED, "the deadline passed before the load was over")
        self._stop.set()

    def _collect(self, runner: MasterRunner) -> None:
        self.ended_at = self.clock.now()
        self._enter(State.FAILED if self._stop_error else State.COLLECTING, self._stop_error)
        self.crew.stop(force=self._terminated)
        # The script's own listeners may take their time; the results do not wait for them.
        gevent.spawn(runner.stop, send_stop_to_client=False)
        with gevent.Timeout(_TERMINATED_COLLECT_SECONDS if self._terminated else _COLLECT_SECONDS, False):
            self.crew.wait_until_done()
        self.crew.close()

    def _hold(self) -> None:
        if self._terminated:
            return
        self._enter(State.HOLDING)
        self._history.kill(block=False)
        quitting = gevent.spawn(self._quit_locust)
        self._released.wait(self.config.hold_seconds)
        quitting.join(_QUITTING_SECONDS)

    def _quit_locust(self) -> None:
        """As `locust` does at the end of a run; then go on listening, for a worker that is restarted only now."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        self.crew.listen_on()

    def _enter(self, state: str, error: AgentError | None = None) -> None:
        self.state = state
        self.since = self.clock.now()
        self.error = error or self.error
        log.info("state %s%s", state, f": {error.reason}: {error.message}" if error else "")

    def _on_test_stop(self, **_: object) -> None:
        """Somebody else stopped the test: Locust because the last worker is gone, or the script itself."""
        if self.state != State.RUNNING or self._stop.is_set():
            return
        if self.crew.connected() == 0:
            self._lost()
        else:
            self._stop_error = AgentError(Reason.STOPPED, "the script stopped the run")
            self._stop.set()

    def terminate(self) -> None:
        """SIGTERM: the load ends at once, and so do we."""
        if self._environment is None:
            raise Terminated
        self._terminated = True
        if self.state != State.HOLDING:
            self._stop_error = AgentError(Reason.STOPPED, "the master was told to terminate")
        self._stop.set()
        self._released.set()

    # -- what the routes ask for

    def totals(self) -> dict[str, int]:
        return {"requests": self.store.requests, "failures": self.store.errors}

    def state_document(self) -> dict[str, object]:
        return self._view.state_document()

    def windows_head(self) -> dict[str, object]:
        return self._view.windows_head()

    def metrics_text(self) -> str:
        return self._view.metrics_text()

    def windows_since(self, cursor: int) -> Iterator[tuple[int, str]]:
        for item in self.store.since(cursor):
            yield item
            gevent.sleep(0)  # adding workers up costs milliseconds; others may want the loop in between

    def failures(self) -> list[dict[str, object]]:
        return self.store.failures()

    def cursor(self) -> int:
        return self.store.cursor

    def is_complete(self) -> bool:
        return self.state in (State.HOLDING, State.RELEASED)

    def stop(self, reason: str, aborted: aborts.Aborted | None = None) -> None:
        if self.state in State.BEFORE_LOAD:
            self._stop_error = AgentError(Reason.STOPPED, reason)
        elif self.state == State.RUNNING and not self._stop.is_set():
            self.aborted = aborted
            log.info("stopped early: %s", reason)
        self._stop.set()

    def acknowledge(self, cursor: int) -> None:
        if self.state == State.RELEASED:
            return
        if self.state != State.HOLDING:
            raise server.Refusal(
                409, "NotHolding", f"the state is {self.state}, results can be acknowledged in Holding"
            )
        if cursor != self.store.cursor:
            raise server.Refusal(409, "CursorMismatch", f"the last cursor is {self.store.cursor}, not {cursor}")
        self._enter(State.RELEASED)
        self._released.set()
