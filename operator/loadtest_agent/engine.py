"""Build Locust's environment and runner for one pod; the run's course is in master.py and worker.py.

We call Locust's own pieces in the order in which `locust.main.main` calls them, instead of calling `main` itself.
User code sees the same: `locust.events` is the environment's event hub, the argument parser is Locust's with the
script's own arguments, `parsed_options` holds the run's real users, spawn rate, run time, host and tags, and init,
test_start, test_stop, quitting and quit are fired. `main` is left out because it ends the process on its own terms: it
exits 1 without a reason when no user class is found, takes the exit code from request failures, stops gently on
SIGTERM, and reads configuration files of the image and the terminal.
"""

from __future__ import annotations

import logging
import resource
from typing import TYPE_CHECKING

import gevent

from loadtest_agent import locustfile, protocol
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from argparse import Namespace

    from gevent import Greenlet
    from locust import User
    from locust.env import Environment
    from locust.runners import MasterRunner

    from loadtest_agent.config import Config
    from loadtest_agent.locustfile import UserCode

log = logging.getLogger("loadtest_agent")

# In-flight requests may finish for this long when the load stops; Locust kills what still runs then.
STOP_TIMEOUT_SECONDS = 5
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_OPEN_FILES = 10000  # as `locust` raises it: one connection per user, and more than 1024 users per worker


def check_version() -> None:
    try:
        import locust
    except ImportError as error:
        raise AgentError(
            protocol.Reason.CONFIG_ERROR, f"this image has no Locust that works with its python3: {error}"
        ) from error
    version = tuple(int(part) for part in locust.__version__.split(".")[:2] if part.isdecimal())
    if version < protocol.MINIMUM_LOCUST:
        wanted = ".".join(map(str, protocol.MINIMUM_LOCUST))
        raise AgentError(
            protocol.Reason.CONFIG_ERROR, f"this image has Locust {locust.__version__}; {wanted} or later is needed"
        )


def load(config: Config) -> UserCode:
    """The user classes: the script's, or what the declarative scenario says."""
    if config.scenario.kind == "locust":
        return locustfile.load(config)
    from loadtest_agent import http_user

    return locustfile.UserCode(config.folder / "scenario.http", http_user.classes(config), {})


def build(config: Config, code: UserCode, role: str) -> Environment:
    """The environment with the chosen user classes, without a runner."""
    import locust
    from locust.env import Environment
    from locust.log import setup_logging

    from loadtest_agent.balance import Dispatcher
    from loadtest_agent.shape import ConfiguredShape

    options = _options(config, role)
    setup_logging(options.loglevel, None)
    _raise_file_limit()
    if code.shapes:
        log.warning("the script's own load shape is not used: users and duration come from the LoadTest")
    environment = Environment(
        locustfile=code.path.name,
        user_classes=_user_classes(config, code),
        shape_class=ConfiguredShape(config.load.users, config.load.spawn_rate),
        events=locust.events,
        host=config.target.url,
        parsed_options=options,
        parsed_locustfiles=[str(code.path)],
        available_user_classes=code.users,
        available_shape_classes=code.shapes,
        available_user_tasks={name: user.tasks for name, user in code.users.items()},
        stop_timeout=STOP_TIMEOUT_SECONDS,
        dispatcher_class=Dispatcher,
    )
    if not environment.user_classes:
        raise AgentError(protocol.Reason.SCRIPT_ERROR, "all user classes have weight 0")
    return environment


def master_runner(environment: Environment, config: Config) -> MasterRunner:
    """Open the port for workers: on loopback when the agent itself listens there, else on all addresses."""
    from locust.exception import RPCError

    host = config.listen.host if config.listen.host in _LOOPBACK else "*"
    port = config.master.port
    try:
        return environment.create_master_runner(host, port)
    except (RPCError, SystemExit) as error:  # Locust exits when the port is taken
        raise AgentError(
            protocol.Reason.CONFIG_ERROR, f"the master cannot listen on port {port} for workers: {error}"
        ) from error


def start_web_ui(environment: Environment) -> Greenlet:
    """Locust's web UI for this pod alone, with the init listeners before it; returns what writes its charts."""
    from locust.stats import stats_history

    ui = environment.create_web_ui(host="127.0.0.1", port=0, delayed_start=True)
    fire_init(environment)
    ui.start()
    return gevent.spawn(stats_history, environment.runner)


def fire_init(environment: Environment) -> None:
    """The script's init listeners; an exception in one of them is fatal, as under `locust`."""
    from locust import log as locust_log

    errors = _LastError()
    root = logging.getLogger()
    root.addHandler(errors)
    try:
        environment.events.init.fire(environment=environment, runner=environment.runner, web_ui=environment.web_ui)
    finally:
        root.removeHandler(errors)
    if locust_log.unhandled_greenlet_exception:
        raise AgentError(protocol.Reason.SCRIPT_ERROR, f"an init listener of the script failed: {errors.text}")


class _LastError(logging.Handler):
    """Locust logs the traceback of a failing listener and keeps nothing: catch the text as it passes."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.text = record.getMessage().strip()[-1000:]


def arguments(config: Config, role: str) -> list[str]:
    """The command line that would start the same with `locust`; scripts and Locust's web UI read it from sys.argv."""
    load = config.load
    line = ["--locustfile", config.scenario.files[0]] if config.scenario.files else []
    line += ["--host", config.target.url, "--exit-code-on-error", "0", "--stop-timeout", str(STOP_TIMEOUT_SECONDS)]
    line += ["--users", str(load.users), "--spawn-rate", str(load.spawn_rate)]
    line += ["--run-time", f"{max(1, round(load.duration_seconds))}s"]
    if config.scenario.tags:
        line += ["--tags", *config.scenario.tags]
    if config.scenario.exclude_tags:
        line += ["--exclude-tags", *config.scenario.exclude_tags]
    if role == "master":
        line += ["--master", "--expect-workers", str(config.workers), "--web-host", "127.0.0.1"]
        return [*line, "--master-bind-port", str(config.master.port)]
    return [*line, "--worker", "--master-host", config.master.host, "--master-port", str(config.master.port)]


def _options(config: Config, role: str) -> Namespace:
    from locust.argument_parser import get_parser

    try:
        # No configuration files: what the image or the working directory holds must not steer a judged run.
        options: Namespace = get_parser(default_config_files=[]).parse_args(arguments(config, role))
    except SystemExit as error:
        raise AgentError(
            protocol.Reason.SCRIPT_ERROR,
            "the script's own command-line arguments cannot be read: each needs a default (no arguments are given)",
        ) from error
    except Exception as error:
        raise AgentError(protocol.Reason.SCRIPT_ERROR, locustfile.describe(error, config.folder)) from error
    return options


def _user_classes(config: Config, code: UserCode) -> list[type[User]]:
    chosen = config.scenario.user_classes
    if not chosen:
        return list(code.users.values())
    missing = [item.name for item in chosen if item.name not in code.users]
    if missing:
        there = ", ".join(sorted(code.users))
        raise AgentError(
            protocol.Reason.SCRIPT_ERROR, f"{code.path.name} has no user class {', '.join(missing)}; it has {there}"
        )
    for item in chosen:
        if item.weight is not None:
            code.users[item.name].weight = item.weight
    return [code.users[item.name] for item in chosen if item.weight is None or item.weight > 0]


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
