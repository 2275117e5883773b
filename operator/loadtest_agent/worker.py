"""The worker: runs users for the master, measures, and goes when the master has everything."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from typing import TYPE_CHECKING

import gevent
from gevent.event import AsyncResult, Event

from loadtest_agent import engine, health, protocol
from loadtest_agent.errors import AgentError, Terminated
from loadtest_agent.outbox import Outbox
from loadtest_agent.protocol import Exit, Message, Reason
from loadtest_agent.recorder import Recorder

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.rpc.protocol import Message as LocustMessage
    from locust.runners import WorkerRunner

    from loadtest_agent.config import Config
    from loadtest_agent.locustfile import UserCode

log = logging.getLogger("loadtest_agent")

_RESOLVE_RETRY_SECONDS = 0.5
_CLOCK_ROUNDS = 5
_ANSWER_SECONDS = 1.0
# Locust's own 60 s would let workers hammer the target for a minute after the master is gone.
_MASTER_SILENCE_SECONDS = 10
_LAST_WORD_SECONDS = 10.0
_TERMINATE_SECONDS = 1.0
# After SIGTERM the master gets this long to take the last windows.
_FAREWELL_SECONDS = 0.5
_LINGER_MS = 500


class Worker:
    """One worker process, from the loaded script to its exit code."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._environment: Environment = None
        self._sampler = health.Sampler(self._users, health.cpu_limit())
        self._recorder = Recorder(config.window_seconds, self._sampler)
        self.outbox = Outbox(config, self._recorder)
        self.on_iteration = self._recorder.on_iteration
        self._welcome: AsyncResult = AsyncResult()
        self._over = Event()
        self._run_over = False
        self._error: AgentError | None = None

    def run(self, code: UserCode) -> int:
        """Take part in the run; AgentError when there was none to take part in."""
        deadline = time.monotonic() + self._config.start_timeout_seconds
        self._environment = engine.build(self._config, code, "worker")
        self._wait_for_name(deadline)
        runner = self._connect(deadline)
        engine.fire_init(self._environment)
        self._introduce(runner, deadline)
        self._over.wait()
        self._leave(runner)
        if self._error is None and not self._run_over:
            self._error = AgentError(Reason.MASTER_MISSING, "the master is gone")
        if self._error is not None:
            raise self._error
        return Exit.RELEASED

    def terminate(self) -> None:
        """SIGTERM: no new request from here on, then tell what was measured and go."""
        if self._environment is None or self._environment.runner is None:
            raise Terminated
        if not self._run_over:
            self._error = AgentError(Reason.STOPPED, "the worker was told to terminate")
        self._environment.stop_timeout = 0
        with gevent.Timeout(_TERMINATE_SECONDS, False):
            self._stop_load()
        self._over.wait(_FAREWELL_SECONDS)
        self._over.set()

    def took_part(self) -> bool:
        return bool(self.outbox.span())

    def totals(self) -> dict[str, int]:
        return {"requests": self.outbox.requests, "failures": self.outbox.errors}

    def _users(self) -> int:
        return len(self._environment.runner.user_greenlets)

    def _wait_for_name(self, deadline: float) -> None:
        """A headless service's name resolves only some time after its pod is there."""
        host, port = self._config.master.host, self._config.master.port
        while not _resolves(host, port):
            if time.monotonic() > deadline:
                raise AgentError(Reason.MASTER_MISSING, f"the master's name {host} cannot be resolved")
            gevent.sleep(_RESOLVE_RETRY_SECONDS)

    def _connect(self, deadline: float) -> WorkerRunner:
        from locust import runners

        runners.MASTER_HEARTBEAT_TIMEOUT = _MASTER_SILENCE_SECONDS
        left = max(1.0, deadline - time.monotonic())
        runners.CONNECT_RETRY_COUNT = math.ceil(left / runners.CONNECT_TIMEOUT)
        host, port = self._config.master.host, self._config.master.port
        try:
            with gevent.Timeout(left, TimeoutError()):
                runner = self._environment.create_worker_runner(host, port)
        except (OSError, TimeoutError) as error:
            raise AgentError(
                Reason.MASTER_MISSING, f"no master answered at {host} port {port} within {left:.0f} s"
            ) from error
        for name, handler in (
            (Message.WELCOME, self._on_welcome),
            (Message.START, self._on_start),
            (Message.RESEND, self._on_resend),
            (Message.BYE, self._on_bye),
        ):
            runner.register_message(name, handler)
        # Stopping takes as long as the requests in flight: it must not hold up the other messages. Locust 2.43 calls
        # concurrent handlers with positional arguments, so this one's are (environment, msg), in this order.
        runner.register_message(Message.STOP, self._on_stop, concurrent=True)
        events = self._environment.events
        events.request.add_listener(self._recorder.on_request)
        events.report_to_master.add_listener(self._on_report)
        events.test_stop.add_listener(self._on_test_stop)
        gevent.spawn(self._sampler.heartbeat, self._beat)
        gevent.spawn(self._watch, runner)
        return runner

    def _introduce(self, runner: WorkerRunner, deadline: float) -> None:
        """Compare clocks, then say that we are ready."""
        best = math.inf
        offset = 0.0
        rounds = 0
        while rounds < _CLOCK_ROUNDS and not self._over.is_set():
            self._welcome = AsyncResult()
            runner.send_message(Message.HELLO, {"t": time.monotonic()})
            answer = self._welcome.wait(_ANSWER_SECONDS)
            if answer is None:
                if time.monotonic() > deadline:
                    raise AgentError(Reason.MASTER_MISSING, "the master does not answer")
                continue
            sent, master_now, received = answer
            rounds += 1
            if received - sent < best:
                best = received - sent
                self.outbox.clock_shift = master_now - (sent + received) / 2
                offset = time.time() - time.monotonic() - self.outbox.clock_shift
        runner.send_message(Message.READY, {"offset": offset, "slot": f"{socket.gethostname()}/{os.getpid()}"})

    def _beat(self, now: float) -> None:
        self._recorder.roll(now)
        self.outbox.take_closed()

    def _watch(self, runner: WorkerRunner) -> None:
        """Locust ends its runner when the master says quit or falls silent."""
        runner.greenlet.join()
        self._over.set()

    def _leave(self, runner: WorkerRunner) -> None:
        with gevent.Timeout(_TERMINATE_SECONDS, False):
            self._environment.events.quitting.fire(environment=self._environment, reverse=True)
            self._environment.events.quit.fire(exit_code=Exit.RELEASED if self._run_over else Exit.FAILED_LATER)
        runner.greenlet.kill(block=True, timeout=_FAREWELL_SECONDS)
        context = runner.client.socket.context
        runner.client.close(linger=_LINGER_MS)
        context.term()  # waits until what was said last is sent, at most for the linger

    def _on_welcome(self, msg: LocustMessage, **_: object) -> None:
        received = time.monotonic()
        if msg.data.get("over"):
            self._run_over = True
            self._over.set()
        self._welcome.set((msg.data["t"], msg.data["now"], received))

    def _on_start(self, msg: LocustMessage, **_: object) -> None:
        zero = msg.data["startedAt"] - self.outbox.clock_shift
        self._recorder.start(zero, late=bool(msg.data.get("late")))

    def _on_stop(self, environment: Environment, msg: LocustMessage) -> None:
        if msg.data.get("force"):
            environment.stop_timeout = 0
        self._stop_load()

    def _stop_load(self) -> None:
        runner = self._environment.runner
        runner.last_received_spawn_timestamp = math.inf  # a spawn message still on its way must not start users again
        if self._recorder.started:
            runner.stop()

    def _on_report(self, data: dict[str, object], **_: object) -> None:
        data[protocol.REPORT_KEY] = self.outbox.report(time.monotonic())

    def _on_test_stop(self, **_: object) -> None:
        """All users are gone, whoever stopped them: say all that is left, until the master has it."""
        if not self._recorder.started:
            return
        self._recorder.finish()
        self._environment.runner._send_stats()
        gevent.spawn(self._say_done)

    def _say_done(self) -> None:
        runner = self._environment.runner
        deadline = time.monotonic() + _LAST_WORD_SECONDS
        while time.monotonic() < deadline and not self._over.is_set():
            report = self.outbox.report(time.monotonic())
            runner.send_message(Message.DONE, {"span": self.outbox.span(), "report": report})
            self._over.wait(_ANSWER_SECONDS)
        self._over.set()

    def _on_resend(self, msg: LocustMessage, **_: object) -> None:
        report = self.outbox.again(msg.data["windows"])
        self._environment.runner.send_message(Message.DONE, {"span": self.outbox.span(), "report": report})

    def _on_bye(self, **_: object) -> None:
        self._run_over = True
        self._over.set()


def _resolves(host: str, port: int) -> bool:
    try:
        return bool(socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP))
    except OSError:
        return False
