"""The store of results, shared by all processes: in memory, with the meaning of store/base.py, and it can be away."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from loadtest_operator.decide.series import Wanted
from loadtest_operator.store import StoreUnavailable
from loadtest_operator.store.base import Baseline, StoredRun
from loadtest_operator.verdict.record import RunRecord

from tests.faults.chance import Fault

if TYPE_CHECKING:
    from tests.faults.process import Process
    from tests.faults.world import World


class Shelf:
    """What is on the disk."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.runs: dict[str, StoredRun] = {}
        self.windows: dict[str, RunRecord] = {}
        self.away: list[tuple[float, float]] = []
        self.full: list[tuple[float, float]] = []

    def commit(self, run: StoredRun) -> None:
        there = self.runs.get(run.id)
        if there is not None and there.attempt > run.attempt:
            return
        self.world.watcher.committed(run, there)
        self.runs[run.id] = replace(run, record=None, fingerprint=None)
        if run.record is not None:
            self.windows[run.id] = run.record


class PlayedStore:
    """The shelf as one process reaches it."""

    def __init__(self, process: "Process", shelf: Shelf) -> None:
        self._process = process
        self._shelf = shelf

    def commit_run(self, run: StoredRun) -> None:
        self._check(write=True)
        self._shelf.commit(run)
        if self._shelf.world.chance.on and self._shelf.world.chance.maybe(0.02):
            self._shelf.world.chance.happens(Fault.STORE_AWAY)
            raise StoreUnavailable("the connection broke while the commit was on its way")

    def run(self, run_id: str) -> StoredRun | None:
        self._check()
        return self._shelf.runs.get(run_id)

    def runs(self, namespace: str, series: str, limit: int) -> list[StoredRun]:
        self._check()
        found = [run for run in self._shelf.runs.values() if (run.namespace, run.series) == (namespace, series)]
        return sorted(found, key=lambda run: run.start, reverse=True)[:limit]

    def baseline(self, wanted: Wanted) -> Baseline:
        self._check()
        return Baseline(wanted.series[0])

    def windows(self, run_id: str) -> RunRecord | None:
        self._check()
        return self._shelf.windows.get(run_id)

    def close(self) -> None:
        pass

    def _check(self, *, write: bool = False) -> None:
        if self._process.dead:
            raise asyncio.CancelledError
        shelf = self._shelf
        now, chance = shelf.world.now(), shelf.world.chance
        for spans, fault in ((shelf.away, Fault.STORE_AWAY), (shelf.full if write else (), Fault.STORE_FULL)):
            for begin, end in spans:
                if begin <= now < end:
                    chance.happens(fault, end - now)
                    raise StoreUnavailable(f"{fault}: the store cannot be used")
