"""Many short LoadTests, one after another and then at once through the queue: nothing of the operator may grow.

`make soak`, or `python -m tests.bench.soak --runs 50 --at-once 10`. A real API server, the operator as a process; the
pods' part is played. It prints a table and ends with 1 when something grew.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.bench.cluster import Crowd
from tests.bench.operator_rows import Ground, pid
from tests.bench.processes import cpu_seconds, rss_mib
from tests.support import crds, loops
from tests.support.clusterapi import ClusterApi, path
from tests.support.operator import OperatorProcess

WARM_UP = 20  # runs of both ways: caches fill, and allocator and connection pools take what they will need
EVERY = 20
RUN_SECONDS = 60.0
# Allocators give back in steps.
GROWTH_MIB = 3.0
# The loop's, and those of its pool, which come with what is asked at once.
THREADS = 1 + min(32, (os.cpu_count() or 1) + 4)
KINDS = ("jobs", "pods", "services", "configmaps", "networkpolicies")
HOST = {"target": {"url": "http://target:8080"}, "queue": None}  # its host is its lock
TASKS_ARE_COUNTED_SECONDS = 21  # twice the period in which the operator counts them
LABEL = "app.kubernetes.io/managed-by=loadtest-operator"


@dataclass(frozen=True)
class Sample:
    runs: int
    rss_mib: float
    files: int
    threads: int
    tasks: int
    objects: int
    lag_ms: float

    def line(self) -> str:
        return (
            f"{self.runs:>6} {self.rss_mib:>9.1f} {self.files:>6} {self.threads:>8} {self.tasks:>6} {self.objects:>8}"
            f" {self.lag_ms:>11.1f}"
        )


class Soak:
    def __init__(self, ground: Ground, operator: OperatorProcess, crowd: Crowd) -> None:
        self._operator = operator
        self._crowd = crowd
        self._cluster = ClusterApi(ground.api.server, ground.api.ca, ground.api.token)
        self._done = 0
        self.samples: list[Sample] = []
        self.lags: list[float] = []

    async def one_after_another(self, count: int) -> None:
        for number in range(1, count + 1):
            name = f"soak-{self._done + 1}"
            await self._crowd.create([name])
            await self._over(1)
            await self._delete([name])
            if number % EVERY == 0:
                await self._sample()

    async def at_once(self, count: int) -> None:
        names = [f"queued-{self._done + number}" for number in range(1, count + 1)]
        await self._crowd.create(names, **HOST)
        await self._over(count)
        await self._delete(names)
        await self._sample()

    async def _over(self, count: int) -> None:
        self._done += count
        await self._crowd.until_phase("Completed", self._done, RUN_SECONDS * count)

    async def _delete(self, names: list[str]) -> None:
        for name in names:
            await asyncio.to_thread(self._cluster.delete, "loadtests", name, self._crowd.namespace)

    async def _sample(self) -> None:
        """Once nothing is under way any more: objects gone, and the tasks counted since."""
        until = time.monotonic() + RUN_SECONDS
        while (left := await asyncio.to_thread(self._objects)) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        await asyncio.sleep(TASKS_ARE_COUNTED_SECONDS)
        told = dict(_gauges(await asyncio.to_thread(self._operator.metrics)))
        process = Path(f"/proc/{pid(self._operator)}")
        self.samples.append(
            Sample(
                self._done,
                rss_mib(pid(self._operator)),
                len(list((process / "fd").iterdir())),
                len(list((process / "task").iterdir())),
                int(told["loadtest_asyncio_tasks"]),
                left,
                1000 * max(self.lags, default=0.0),
            )
        )
        self.lags.clear()
        print(self.samples[-1].line(), flush=True)

    async def watch_lag(self) -> None:
        while True:
            told = dict(_gauges(await asyncio.to_thread(self._operator.metrics)))
            self.lags.append(told["loadtest_loop_lag_max_seconds"])
            await asyncio.sleep(5)

    def _objects(self) -> int:
        ours = f"?labelSelector={LABEL.replace('=', '%3D')}"
        found = 0
        for kind in KINDS:
            _, answer = self._cluster.call("GET", path(kind, self._crowd.namespace) + ours)
            found += len(answer["items"])
        return found

    def close(self) -> None:
        self._cluster.close()


def _gauges(text: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(text):
        yield from ((one.name, one.value) for one in family.samples if not one.labels)


def grown(samples: list[Sample]) -> list[str]:
    """What is more at the end than after the warm-up, which ended in the same way."""
    first, last = samples[0], samples[-1]
    lines = []
    if last.rss_mib > first.rss_mib + GROWTH_MIB:
        lines.append(f"memory grew from {first.rss_mib:.1f} to {last.rss_mib:.1f} MiB")
    if last.threads > THREADS:
        lines.append(f"there are {last.threads} threads, and the pool has at most {THREADS - 1}")
    for field in ("files", "tasks"):
        before, after = getattr(first, field), getattr(last, field)
        if after > before:
            lines.append(f"{field} grew from {before} to {after}")
    if last.objects:
        lines.append(f"{last.objects} objects are left")
    return lines


async def soak(runs: int, at_once: int) -> list[str]:
    with tempfile.TemporaryDirectory() as place, crds.api_server(env={}) as api:
        ground = Ground(api, Path(place))
        async with ground.working() as (operator, crowd, _):
            begun, told = time.monotonic(), Soak(ground, operator, crowd)
            watching = asyncio.create_task(told.watch_lag())
            print("  runs   RSS MiB  files  threads  tasks  objects  loop lag ms")
            await told.one_after_another(WARM_UP - 1)
            await told.at_once(at_once)
            print("warm; now one after another:")
            await told.one_after_another(runs)
            print(f"{at_once} at once, of which one at a time has its turn:")
            await told.at_once(at_once)
            watching.cancel()
            cpu = cpu_seconds(pid(operator))
            text = await asyncio.to_thread(operator.metrics)
            took, count = time.monotonic() - begun, told.samples[-1].runs
            print(f"{count} runs in {took:.0f} s, {cpu:.1f} s of CPU")
            figures = loops.Figures()
            figures.add(text)
            print("\n".join(figures.lines()))
            told.close()
            return grown(told.samples)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    arguments = parser.parse_args()
    lines = asyncio.run(soak(arguments.runs, arguments.at_once))
    print("\n".join(lines) or "nothing grew")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
