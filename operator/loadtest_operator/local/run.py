"""One LoadTest on this machine, from files to windows: the operator's work, with processes in place of pods."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from loadtest_operator.build import agent_config
from loadtest_operator.build.agent_config import CONFIG_FILE, Endpoints
from loadtest_operator.build.names import RunRef
from loadtest_operator.io import agent
from loadtest_operator.io.agent import AgentClient
from loadtest_operator.local import inputs
from loadtest_operator.local.driver import Driver, Watch
from loadtest_operator.local.errors import RunError
from loadtest_operator.local.interrupts import interrupts
from loadtest_operator.local.processes import LOOPBACK, Child, Processes, free_ports
from loadtest_operator.model import defaults
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.verdict.windows import WindowLog

# After the acknowledge the master is gone within a second; then it has written its last log line.
RELEASE_SECONDS = 3.0
LAST_WORD = "last-word.json"
STOPPING = "stopping: the load ends, results are collected; Ctrl-C again ends everything at once"
# Of these errors the message says it all; for the others the logs are kept.
SELF_EXPLAINING = {"Stopped", "ScriptError", "TargetUnreachable", "TargetEnded"}


@dataclass(frozen=True)
class Request:
    """What to run. `raw` is the object as written, `--set` applied."""

    raw: Mapping[str, Any]
    test: LoadTest
    config_maps: inputs.ConfigMaps
    target_command: Sequence[str] = ()
    prometheus: str = ""
    """Who is asked for the PromQL of thresholds; empty: nobody."""


@dataclass(frozen=True)
class Measured:
    """What came back: the windows, the master's last state, and what went wrong, if anything did."""

    log: WindowLog
    state: Mapping[str, Any]
    stopped: bool = False
    error: RunError | None = None

    @property
    def has_windows(self) -> bool:
        return len(self.log) > 0


Keep = Callable[[Measured], Awaitable[bool]]
Say = Callable[[str], None]


class Abandoned(Exception):
    """Ctrl-C, twice: nothing was kept."""


async def run(request: Request, ref: RunRef, *, watch: Watch, say: Say, keep: Keep) -> Measured:
    """Run it; when `keep` says that the results are safe, the master may go. On return all processes have ended."""
    directory = Path(tempfile.mkdtemp(prefix=f"loadtest-{ref.test}-"))
    measured: Measured | None = None
    try:
        async with Processes(directory) as processes:
            with interrupts(lambda: say(STOPPING), processes.kill) as signals:
                try:
                    measured = await _measure(request, ref, processes, watch, signals.stop, keep)
                except asyncio.CancelledError:
                    if not signals.twice:
                        raise
                if signals.twice or measured is None:
                    raise Abandoned
        return measured
    finally:
        if measured and measured.error and measured.error.reason not in SELF_EXPLAINING:
            say(f"the logs of all processes are in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


async def _measure(
    request: Request, ref: RunRef, processes: Processes, watch: Watch, stop: asyncio.Event, keep: Keep
) -> Measured:
    spec = request.raw["spec"]
    files = inputs.files(spec, request.config_maps)
    environ = inputs.environment(spec, request.config_maps, os.environ)
    others: tuple[Child, ...] = ()
    if request.target_command:
        others = (await processes.start("target", request.target_command, os.environ, Path.cwd()),)
    token = agent.token(secrets.token_bytes(32), ref.fence)
    master_port, agent_port = free_ports(2)
    at = Endpoints(LOOPBACK, master_port, LOOPBACK, agent_port)
    config = agent_config.agent_config(request.test, spec, ref, agent.token_sha256(token), at)
    _write(processes.directory, files, config)
    master = await _agents(processes, environ, config["workers"])
    async with aiohttp.ClientSession() as session:
        driver = Driver(
            client=AgentClient(session, f"http://{LOOPBACK}:{agent_port}", token),
            master=master,
            last_word=processes.directory / LAST_WORD,
            window_s=defaults.window_seconds(request.test.spec),
            watch=watch,
            stop=stop,
            others=others,
        )
        return await _follow(driver, keep)


async def _follow(driver: Driver, keep: Keep) -> Measured:
    error: RunError | None = None
    try:
        await driver.follow()
    except RunError as broken:
        error = broken
    if error is None and driver.state.get("error"):
        error = RunError(str(driver.state["error"]["reason"]), str(driver.state["error"]["message"]))
    measured = Measured(driver.log, driver.state, driver.stop.is_set(), error)
    if measured.has_windows and await keep(measured):
        await driver.acknowledge()
        with_patience = asyncio.wait_for(driver.master.process.wait(), RELEASE_SECONDS)
        await asyncio.gather(with_patience, return_exceptions=True)
    return measured


async def _agents(processes: Processes, environ: Mapping[str, str], workers: int) -> Child:
    command = [sys.executable, "-m", "loadtest_agent.start", "--config", CONFIG_FILE, "--role"]
    said = {"LOADTEST_TERMINATION_LOG": str(processes.directory / LAST_WORD)}
    unheard = {"LOADTEST_TERMINATION_LOG": os.devnull}
    master = await processes.start("master", [*command, "master"], {**environ, **said}, processes.directory)
    for number in range(1, workers + 1):
        name = f"worker-{number}"
        await processes.start(name, [*command, "worker"], {**environ, **unheard}, processes.directory)
    return master


def _write(directory: Path, files: Mapping[str, str], config: Mapping[str, Any]) -> None:
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    (directory / CONFIG_FILE).write_text(json.dumps(config, indent=2), encoding="utf-8")
