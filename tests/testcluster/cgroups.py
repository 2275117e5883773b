"""One cgroup tree for the whole node, in every hierarchy that this machine has mounted."""

import contextlib
import os
import time
from pathlib import Path

from tests.testcluster import paths, shell

NAME = paths.named("ltc")
ROOT = Path("/sys/fs/cgroup")
# Killed processes leave their cgroups a moment after they are gone.
GONE_WITHIN_S = 5.0
# The node stands for a machine of its own. With the usual weight all of it together would get as much CPU as one single
# busy process beside it, and its pods starve while this machine compiles or runs other tests. By version: 1, 2.
WEIGHTS = {"cpu.shares": "8192", "cpu.weight": "800"}


def hierarchies(mounts: str | None = None) -> list[Path]:
    text = Path("/proc/mounts").read_text() if mounts is None else mounts
    found = [line.split() for line in text.splitlines()]
    return sorted(
        Path(words[1]) for words in found if words[2] in {"cgroup", "cgroup2"} and words[1].startswith(str(ROOT))
    )


def make() -> None:
    for hierarchy in hierarchies():
        group = hierarchy / NAME
        group.mkdir(exist_ok=True)
        # Empty in a new cpuset of version 1, and no process may join it until they are set.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (group / name).exists() and not (hierarchy / "cgroup.controllers").exists():
                (group / name).write_text((hierarchy / name).read_text())
        if hierarchy == ROOT:
            _delegate(hierarchy)
        for name, weight in WEIGHTS.items():
            if (group / name).exists():
                (group / name).write_text(weight)


def _delegate(hierarchy: Path) -> None:
    """Version 2 alone: children have only the controllers that their parent passes on."""
    controllers = (hierarchy / "cgroup.controllers").read_text().split()
    for parent in (hierarchy, hierarchy / NAME):
        (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))


def left() -> list[Path]:
    return [group for hierarchy in hierarchies() if (group := hierarchy / NAME).exists()]


def remove() -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while True:
        for group in left():
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):  # still busy: the next round gets it
                    Path(folder).rmdir()
        if not left():
            return
        if time.monotonic() > deadline:
            raise shell.ClusterUnavailable(f"cgroups are still in use: {', '.join(map(str, left()))}")
        time.sleep(0.02)
