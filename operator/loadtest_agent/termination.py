"""The last word: a few lines of JSON that the kubelet keeps after the container is gone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest_agent import protocol

if TYPE_CHECKING:
    from loadtest_agent.config import Config
    from loadtest_agent.errors import AgentError

LIMIT_BYTES = 4096  # the kubelet keeps no more
_VARIABLE = "LOADTEST_TERMINATION_LOG"
_KUBELET_FILE = Path("/dev/termination-log")


def write(
    config: Config | None,
    role: str,
    state: str,
    error: AgentError | None = None,
    totals: dict[str, int] | None = None,
    aborted: dict[str, object] | None = None,
) -> None:
    path = _path()
    if path is None:
        return
    try:
        path.write_text(compose(config, role, state, error, totals, aborted), encoding="utf-8")
    except OSError:
        return  # there is nobody left to tell


def compose(
    config: Config | None,
    role: str,
    state: str,
    error: AgentError | None,
    totals: dict[str, int] | None,
    aborted: dict[str, object] | None = None,
) -> str:
    message = error.message if error else ""
    while True:
        document: dict[str, object] = {"protocol": protocol.VERSION}
        if config is not None:
            document |= {"run": config.run.id, "attempt": config.run.attempt}
        document |= {"role": role, "state": state}
        if error is not None:
            document["error"] = {"reason": error.reason, "message": message}
        if aborted is not None:
            document["aborted"] = aborted
        document["totals"] = totals or {"requests": 0, "failures": 0}
        text = json.dumps(document)
        excess = len(text.encode()) - (LIMIT_BYTES - 1)
        if excess <= 0 or not message:
            return text
        kept = len(message) - excess - len("...")  # escaping makes it longer, so this may take a few rounds
        message = f"{message[:kept]}..." if kept > 0 else ""


def _path() -> Path | None:
    # The variable first: on a build machine that is itself a pod, the kubelet's file is somebody else's.
    named = os.environ.get(_VARIABLE)
    if named:
        return Path(named)
    return _KUBELET_FILE if _KUBELET_FILE.exists() else None
