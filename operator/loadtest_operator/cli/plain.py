"""Progress as plain lines, for logs of pipelines: one every few seconds, and one for each change that matters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from loadtest_operator.local.progress import Progress
from loadtest_operator.model import quantities

EVERY_SECONDS = 5.0
RUNNING = "Running"


def stage(now: Progress) -> str:
    """What is going on, in words."""
    connected, expected = now.workers
    match now.state:
        case "Starting" | "Loading":
            return "starting Locust and the scenario"
        case "WaitingForWorkers":
            return f"waiting for workers: {connected} of {expected} connected"
        case "Preflight":
            return f"asking the target: {now.message or 'no answer yet'}"
        case "Running":
            return "running"
        case "Collecting":
            return "load has ended, collecting the last results"
        case "Holding" | "Released":
            return "all results are here"
        case other:
            return other.lower()


def figures(now: Progress) -> str:
    running, target = now.users
    if not now.requests:
        return f"{running} of {target} users, no answers yet"
    p95 = "-" if now.p95 is None else quantities.latency(now.p95)
    errors = quantities.share(now.error_rate)
    return f"{running} of {target} users, {quantities.rate(now.rps)}, p95 {p95}, errors {errors}"


@dataclass
class PlainLines:
    """Called with every progress; writes when there is news."""

    write: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    begun: float = field(init=False)
    last_at: float = field(default=-1e9, init=False)
    last_stage: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __call__(self, now: Progress) -> None:
        at = self.clock()
        changed = stage(now) != self.last_stage
        due = now.state == RUNNING and at - self.last_at >= EVERY_SECONDS
        if not changed and not due:
            return
        self.last_stage, self.last_at = stage(now), at
        if now.state == RUNNING:
            self.say(f"{now.elapsed:.0f} of {now.duration:.0f} s of load: {figures(now)}")
        else:
            self.say(stage(now))

    def say(self, text: str) -> None:
        self.write(f"{self.clock() - self.begun:5.0f}s  {text}\n")


@dataclass
class Silent:
    """Hears every progress and says nothing of it; a note is passed on."""

    say: Callable[[str], None]

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __call__(self, _: Progress) -> None:
        return
