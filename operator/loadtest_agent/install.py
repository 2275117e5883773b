"""The init container's command: copy the agent to where any image's Python can run it; imports nothing of Locust."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def install(destination: Path) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        _PACKAGE,
        destination / "loadtest_agent",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        copy_function=shutil.copyfile,
        dirs_exist_ok=True,
    )
    shutil.copyfile(_PACKAGE / "start.py", destination / "start.py")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 -m loadtest_agent.install DEST")
    install(Path(sys.argv[1]))
