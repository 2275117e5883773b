"""Entry of both roles: configuration, script, role, and in every case a last word and an exit code."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import dataclasses
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loadtest_agent import config as configuration
from loadtest_agent import termination
from loadtest_agent.errors import AgentError, Terminated
from loadtest_agent.protocol import Exit, Reason, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest_agent.config import Config
    from loadtest_agent.locustfile import UserCode

# Exit handlers of user code get this long.
_EXIT_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    parser = argparse.ArgumentParser(prog="start.py", description="Run one pod of a load test.")
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--role", required=True, choices=("master", "worker"))
    parser.add_argument(
        "--deadline-at", type=float, help="on the wall clock; in place of the configuration's deadlineAt"
    )
    options = parser.parse_args(arguments)
    # As the first process of a container we get no default action for SIGTERM: until Locust runs, just end.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(Exit.FAILED_LATER))
    for name in [name for name in os.environ if name.startswith("LOCUST_")]:
        del os.environ[name]
    config: Config | None = None
    try:
        config = configuration.read(options.config)
        if options.deadline_at is not None:
            config = dataclasses.replace(config, deadline_at=options.deadline_at)
        code = _master(config) if options.role == "master" else _worker(config)
    except AgentError as error:
        code = _failed(config, options.role, error)
    except Terminated:
        code = _failed(config, options.role, AgentError(Reason.STOPPED, "the process was told to terminate"))
    except Exception as error:  # noqa: BLE001 - the last word must be said whatever happened
        # What happened comes first: whoever shows this cuts off its end.
        what = "".join(traceback.format_exception_only(error)).strip()
        unexpected = AgentError(Reason.INTERNAL_ERROR, f"{what}\n{traceback.format_exc(limit=-6).strip()}")
        code = _failed(config, options.role, unexpected)
    _end(code)


def _failed(config: Config | None, role: str, error: AgentError) -> int:
    sys.stderr.write(f"{error.reason}: {error.message}\n")
    termination.write(config, role, State.FAILED, error)
    return Exit.FAILED_BEFORE_LOAD


def _end(code: int) -> NoReturn:
    """Leave for certain: neither threads nor exit handlers of user code, nor ZeroMQ, can keep a pod alive."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
    signal.setitimer(signal.ITIMER_REAL, _EXIT_SECONDS)
    with contextlib.suppress(Exception, SystemExit):
        atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not sys.exit: Python takes its signal handlers away before it is done, and the alarm would then be the exit code.
    os._exit(code)


def _patch() -> None:
    """What importing Locust does, but before anything else is imported that would have to be patched."""
    from gevent import monkey

    monkey.patch_all()


def _load(config: Config, role: str) -> UserCode:
    from loadtest_agent import engine

    engine.check_version()
    sys.argv = ["locust", *engine.arguments(config, role)]
    return engine.load(config)


def _master(config: Config) -> int:
    _patch()
    import gevent

    from loadtest_agent.master import Master

    master = Master(config)
    master.serve()
    gevent.sleep(0)
    code = _load(config, "master")
    gevent.signal_handler(signal.SIGTERM, master.terminate)
    exit_code = master.run(code)
    termination.write(config, "master", master.state, master.error, master.totals(), master.aborted)
    return exit_code


def _worker(config: Config) -> int:
    _patch()
    import gevent

    from loadtest_agent import engine, pacing
    from loadtest_agent.worker import Worker

    worker = Worker(config)
    engine.check_version()
    pacing.listen(worker.on_iteration)
    code = _load(config, "worker")
    gevent.signal_handler(signal.SIGTERM, worker.terminate)
    try:
        exit_code = worker.run(code)
    except AgentError as error:
        if not worker.took_part():
            raise
        sys.stderr.write(f"{error.reason}: {error.message}\n")
        termination.write(config, "worker", State.FAILED, error, worker.totals())
        return Exit.FAILED_LATER
    termination.write(config, "worker", State.RELEASED, None, worker.totals())
    return exit_code
