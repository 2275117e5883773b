"""Waiting for something to become true, with a deadline; the only loop that sleeps."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

DEADLINE = 20.0


def until(what: str, found: Callable[[], object], deadline: float = DEADLINE) -> None:
    end = time.monotonic() + deadline
    while not found():
        assert time.monotonic() < end, f"still waiting for {what} after {deadline:.0f} s"
        time.sleep(0.02)


def for_line(log: Path, text: str) -> None:
    until(f"{text!r} in {log.name}", lambda: log.exists() and text in log.read_text())


def until_gone(processes: list[psutil.Process]) -> None:
    """Ended; whether init has collected them already is not our business."""

    def alive() -> list[psutil.Process]:
        return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    def none_alive() -> bool:
        try:
            return not alive()
        except psutil.NoSuchProcess:
            return False  # one went while we looked

    until(f"the end of {len(processes)} processes", none_alive)
