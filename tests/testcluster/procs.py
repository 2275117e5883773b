"""Starting what outlives us and stopping what is ours: by process id, never by name."""

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.testcluster import shell


def command_line(pid: int) -> list[str]:
    """Empty for a process that is gone or a zombie."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in raw.split(b"\0") if word]


def is_ours(pid: int, mark: str) -> bool:
    """Process ids are given again to others: believe one only when its command line bears our mark."""
    return mark in command_line(pid)


def start_detached(argv: Sequence[str], log: Path, env: dict[str, str], cwd: Path) -> int:
    """Start a process that is nobody's child, in a session of its own, and return its id."""
    script = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'
    words = ["setsid", "--wait", "sh", "-c", script, "sh", str(log), *argv]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=20, env=env, cwd=cwd, check=True)
    return int(done.stdout)


def first_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def kill(pids: Sequence[int], mark: str, timeout_s: float = 20) -> None:
    """SIGKILL to those that are ours, and wait until they are gone or zombies."""
    handles = []
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)  # from here on this number cannot become another process
        except OSError:
            continue
        if is_ours(pid, mark):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            handles.append(handle)
        else:
            os.close(handle)
    try:
        for handle in handles:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                raise shell.ClusterUnavailable(f"a process of the cluster is still there {timeout_s:g} s after SIGKILL")
    finally:
        for handle in handles:
            os.close(handle)
