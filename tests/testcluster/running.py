"""The native node that runs now: its processes, and doing something inside its namespaces."""

import json
from pathlib import Path

from tests.testcluster import paths, procs


def _note() -> Path:
    return paths.node() / "run/pids.json"


def remember(pids: dict[str, int]) -> None:
    new = _note().with_suffix(".new")
    new.write_text(json.dumps(pids))
    new.rename(_note())


def pids() -> dict[str, int]:
    try:
        found: dict[str, int] = json.loads(_note().read_text())
    except (OSError, ValueError):
        return {}
    return found


def is_ours(pid: int) -> bool:
    return bool(pid) and procs.is_ours(pid, mark())


def mark() -> str:
    """The word in the command lines of unshare and INIT by which we know them again."""
    return str(paths.node())


def init_pid() -> int | None:
    """INIT's process id on the host, if the cluster runs."""
    pid = pids().get("init", 0)
    return pid if is_ours(pid) else None


def inside(*argv: str | Path) -> list[str]:
    """The command line that runs something in the node's namespaces."""
    return ["nsenter", "--target", str(init_pid()), "--mount", "--net", "--pid", *map(str, argv)]


def component_pids() -> dict[str, int]:
    """By name, as seen inside: `inside("kill", "-STOP", str(component_pids()["kubelet"]))`."""
    try:
        found: dict[str, int] = json.loads((paths.node() / "run/components.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def hold(component: str) -> Path:
    """While this file exists, INIT does not start the component again after it died."""
    return paths.node() / "run/hold" / component
