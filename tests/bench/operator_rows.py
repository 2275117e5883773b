"""The operator's rows: memory, CPU, bursts, start, one run. Each answers figures by row name."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from tests.bench.cluster import Crowd
from tests.bench.processes import cpu_seconds, rss_mib
from tests.support.kubectl import Kubectl
from tests.support.operator import AS_IN_THE_IMAGE, OperatorProcess
from tests.support.played import PlayedKubelet
from tests.support.played_agent import Script
from tests.testcluster.apiserver import ApiServer

STARTS = 5
SINGLE_RUNS = 5
SETTLE_SECONDS = 3.0  # what starting needed is given back
RUNNING_SECONDS = 12.0  # two rounds of questions to every agent
PHASES = ("Loading", "WaitingForWorkers", "Preflight", "Running", "Collecting")
LONG = {"users": 4, "spawnRate": "10/s", "duration": "6m"}

Figures = dict[str, float]


class Ground:
    """An API server with our CRDs, and new namespaces on it."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api = api
        self._folder = folder
        self._kubectl = Kubectl(api.kubectl, api.kubeconfig)
        self._count = 0

    def namespace(self) -> str:
        self._count += 1
        name = f"bench-{self._count}"
        self._kubectl("create", "namespace", name)
        return name

    def operator(self, namespace: str) -> OperatorProcess:
        settings: dict[str, Any] = {"namespace": namespace, "watch_namespaces": namespace, "agent_access": "direct"}
        return OperatorProcess(
            self.api.kubeconfig,
            self._folder / namespace,
            env=AS_IN_THE_IMAGE,
            image="played",
            lease_seconds=15,
            **settings,
        )

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[tuple[OperatorProcess, Crowd, PlayedKubelet]]:
        namespace = self.namespace()
        with self.kubelet(namespace) as kubelet, self.operator(namespace) as operator:
            async with Crowd(self.api, namespace) as crowd:
                try:
                    yield operator, crowd, kubelet
                except RuntimeError as error:
                    told = [line for line in operator.metrics().splitlines() if line.startswith("loadtest_")]
                    error.add_note("\n".join(line for line in told if "_bucket" not in line))
                    error.add_note(operator.log.read_text()[-2000:])
                    raise

    @contextlib.contextmanager
    def kubelet(self, namespace: str) -> Iterator[PlayedKubelet]:
        with PlayedKubelet(self.api.server, self.api.ca, self.api.token, namespace) as kubelet:
            yield kubelet


def pid(operator: OperatorProcess) -> int:
    assert operator.process is not None
    return operator.process.pid


async def idle(ground: Ground) -> Figures:
    """From the start of the process to the first 200 of /readyz; memory with nothing to do."""
    operator = ground.operator(ground.namespace())
    times = []
    for _ in range(STARTS):
        begun = time.monotonic()
        await asyncio.to_thread(operator.start().ready, 60, every=0.005)
        times.append(time.monotonic() - begun)
        await asyncio.sleep(SETTLE_SECONDS / STARTS)
        rss = rss_mib(pid(operator))
        stopped = operator.stop()
    return {"start_to_watching_s": statistics.median(times), "rss_idle_mib": rss, "stop_s": stopped}


async def one_run(ground: Ground) -> Figures:
    """Single runs after each other, in which every phase is long enough to be seen."""
    late, writes = [], []
    async with ground.working() as (_, crowd, kubelet):
        kubelet.default = Script(seconds=dict.fromkeys(PHASES, 0.7))
        for number in range(SINGLE_RUNS):
            name = f"single-{number}"
            await crowd.create([name])
            await crowd.until_phase("Completed", number + 1, 30)
            over = kubelet.agent(name).load_ended
            late.append(crowd.phases[name]["Completed"] - over)
            writes.append(len(crowd.versions[name]) - 1)  # the first is its creation
    return {"terminal_state_s": statistics.median(late), "status_writes": max(writes)}


async def burst(ground: Ground, count: int, rounds: int = 1) -> Figures:
    """All at once; from each one's creation to its children and status, and what that cost the operator."""
    p50, p99, cpu = [], [], []
    for _ in range(rounds):
        async with ground.working() as (operator, crowd, kubelet):
            kubelet.default = Script(master_status={}, worker_status={})  # no pod ever runs
            before = cpu_seconds(pid(operator))
            await crowd.create([f"burst-{number}" for number in range(count)])
            await crowd.until_complete(count, 120)
            cpu.append(cpu_seconds(pid(operator)) - before)
            waits = sorted(crowd.complete[name] - crowd.asked[name] for name in crowd.asked)
            p50.append(waits[len(waits) // 2])
            p99.append(waits[int(len(waits) * 0.99)])
            rss = rss_mib(pid(operator))
    median = statistics.median
    return {
        f"burst_{count}_p50_s": median(p50),
        f"burst_{count}_p99_s": median(p99),
        f"cpu_{count}_s": median(cpu),
        f"rss_{count}_mib": rss,
    }


async def running(ground: Ground, count: int) -> Figures:
    """Memory and CPU while so many runs are under load, each with 360 windows to pull when it ends."""
    async with ground.working() as (operator, crowd, kubelet):
        kubelet.default = Script(pause_at=frozenset({"Running"}))
        await crowd.create([f"held-{number}" for number in range(count)], load=LONG)
        await crowd.until_phase("Running", count, 60)
        before, begun = cpu_seconds(pid(operator)), time.monotonic()
        await asyncio.sleep(RUNNING_SECONDS)
        cpu = (cpu_seconds(pid(operator)) - before) / (time.monotonic() - begun)
        rss = rss_mib(pid(operator))
        for number in range(count):
            kubelet.go_on(f"held-{number}", "Running")
        await crowd.until_phase("Completed", count, 120)
        after = rss_mib(pid(operator))
    return {f"rss_{count}_running_mib": rss, f"cpu_{count}_running": cpu, f"rss_{count}_completed_mib": after}


async def foreign(ground: Ground, count: int) -> Figures:
    """Pods of others in the namespace, which no decision reads."""
    namespace = ground.namespace()
    container = {"name": "app", "image": "app", "env": [{"name": f"V{n}", "value": "x" * 50} for n in range(20)]}
    async with Crowd(ground.api, namespace) as crowd:
        bodies = (
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"foreign-{n}"},
                "spec": {"containers": [container]},
            }
            for n in range(count)
        )
        await crowd.create_all(bodies, "pods")
    with ground.operator(namespace) as operator:
        await asyncio.sleep(SETTLE_SECONDS)
        return {"rss_foreign_mib": rss_mib(pid(operator))}
