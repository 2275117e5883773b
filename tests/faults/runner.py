"""Many histories on all cores, and what came of them as one table.

Each runs in a process whose strings hash alike every time: a seed tells the whole history.
"""

import gc
import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tests.faults import mutations
from tests.faults.chance import Fault
from tests.faults.history import Outcome, play

CHUNK = 20  # histories between two collections of garbage


@dataclass
class Table:
    histories: int = 0
    steps: int = 0
    starts: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    faults: Counter[Fault] = field(default_factory=Counter)
    stories: Counter[str] = field(default_factory=Counter)
    longest: list[float] = field(default_factory=list)  # of each history
    broken: list[Outcome] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome, *, tell: bool = False) -> None:
        self.histories += 1
        self.steps += outcome.steps
        self.starts += outcome.starts
        self.virtual_s += outcome.seconds
        self.faults += outcome.faults
        self.stories.update(outcome.told.split(", "))
        self.longest.append(max(outcome.looks, default=0.0))
        if outcome.broken:
            self.broken.append(outcome)
        if tell:
            self.told += [f"seed {outcome.seed}: {outcome.told}", *outcome.story]

    def merge(self, other: "Table") -> None:
        for name in (
            "histories",
            "steps",
            "starts",
            "virtual_s",
            "cpu_s",
            "faults",
            "stories",
            "longest",
            "broken",
            "told",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def lines(self) -> Iterator[str]:
        yield from self.told
        longest = sorted(self.longest)
        p99 = longest[min(len(longest) - 1, int(0.99 * len(longest)))] if longest else 0.0
        yield f"histories                                {self.histories}"
        yield f"steps                                    {self.steps}"
        yield f"operator starts                          {self.starts}"
        yield f"virtual time                             {self.virtual_s / 3600:.1f} h"
        yield f"time                                     {self.wall_s:.1f} s ({self.cpu_s:.1f} s of CPU)"
        yield f"longest reconcile of a history, p99      {1000 * p99:.1f} ms of real time"
        for name, count in sorted(self.stories.items()):
            yield f"  story {name:<32} {count}"
        for fault in Fault:
            yield f"  fault {fault:<32} {self.faults[fault]}"
        first = min(self.broken, key=lambda outcome: outcome.seed, default=None)
        yield f"histories that broke an invariant        {len(self.broken)}"
        yield f"first failing seed                       {'none' if first is None else first.seed}"


def run(
    seeds: Iterable[int], processes: int = 0, *, stop_after: int = 10, tell: bool = False, breaks: str = ""
) -> Table:
    """`stop_after` so many broken histories nothing new begins. `breaks` names one of `mutations`."""
    begun, table, wanted = time.monotonic(), Table(), list(seeds)
    chunks = [wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK)]
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"  # read by the processes when they start
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes or os.cpu_count() or 1, context, _prepare, (breaks,)) as pool:
            for part in pool.map(partial(_play, tell=tell), chunks):
                table.merge(part)
                if len(table.broken) >= stop_after:
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before
    table.wall_s = time.monotonic() - begun
    return table


def _prepare(breaks: str) -> None:
    if breaks:
        mutations.named(breaks)()
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.ERROR)
    gc.disable()  # between histories only
    gc.freeze()


def _play(seeds: list[int], *, tell: bool) -> Table:
    table, begun = Table(), time.process_time()
    for seed in seeds:
        table.add(play(seed), tell=tell)
    gc.collect()
    table.cpu_s = time.process_time() - begun
    return table
