"""Load the user's file as `locust -f` would, and say where it is wrong when it is; starts nothing."""

from __future__ import annotations

import re
import sys
import traceback
from typing import TYPE_CHECKING

from loadtest_agent import protocol
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from locust import LoadTestShape, User

    from loadtest_agent.config import Config

_FRAMES = 6


class UserCode:
    """What Locust found in the file."""

    def __init__(self, path: Path, users: dict[str, type[User]], shapes: dict[str, LoadTestShape]) -> None:
        self.path = path
        self.users = users
        self.shapes = shapes


def load(config: Config) -> UserCode:
    """Import the locustfile; its neighbours can be imported from it, at any time."""
    path = config.folder / config.scenario.files[0]
    if not path.is_file():
        raise AgentError(protocol.Reason.SCRIPT_ERROR, f"the scenario's file {path.name} is not there ({path})")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from locust.main import merge_locustfiles_content

    try:
        users, shapes, *_ = merge_locustfiles_content([str(path.resolve())])
    except (Exception, SystemExit) as error:
        raise AgentError(protocol.Reason.SCRIPT_ERROR, describe(error, config.folder)) from error
    if not users:
        raise AgentError(
            protocol.Reason.SCRIPT_ERROR,
            f"{path.name} defines no user class: it needs a class that inherits from HttpUser, FastHttpUser or User",
        )
    return UserCode(path, users, shapes)


def describe(error: BaseException, folder: Path) -> str:
    """'NameError: name 'x' is not defined', then the user's own lines, the innermost last."""
    lines = [f"{type(error).__name__}: {_text(error)}"]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append(f"  {_short(error.filename, folder)}:{error.lineno} {(error.text or '').strip()}".rstrip())
    lines.extend(_frames(error.__traceback__, folder))
    return "\n".join(lines)


def _text(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)
    if isinstance(error, SystemExit):
        return f"the script ended the process with {error.code!r} while it was loaded"
    return str(error)


def _frames(trace: TracebackType | None, folder: Path) -> list[str]:
    here = str(folder.resolve())
    frames = [
        f"  {_short(frame.filename, folder)}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(trace)
        if frame.filename.startswith((here, str(folder)))
    ]
    return frames[-_FRAMES:]


def _short(filename: str, folder: Path) -> str:
    for prefix in (str(folder.resolve()), str(folder)):
        if filename.startswith(prefix):
            # A mounted ConfigMap is a folder with a date as its name, behind a link.
            return re.sub(r"^\.\.\d[^/]*/", "", filename[len(prefix) :].lstrip("/"))
    return filename
