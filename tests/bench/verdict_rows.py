"""The verdict of a long run with many endpoints: from pulled windows to a stored judgement, on one core."""

import asyncio
import random
import statistics
import time
from pathlib import Path

from loadtest_operator.decide.judge import judge
from loadtest_operator.model import loadtest
from loadtest_operator.store import StoredRun, open_store
from loadtest_operator.verdict import validity
from loadtest_operator.verdict.record import RunRecord, WindowLog, record

from tests.support import loadtests

ENDPOINTS = 50
WINDOWS = 360
BUCKETS = range(480, 620)  # 13 ms to 215 ms
ROUNDS = 3
STEP_SECONDS = 0.002


def pages() -> list[dict[str, object]]:
    random.seed(7)
    about = {"workers": 4, "users": 200, "cpu": 0.4, "lag": 0.002}
    windows = [
        {"w": w, "seq": w + 1, **about, "endpoints": [_cell(number) for number in range(ENDPOINTS)]}
        for w in range(WINDOWS)
    ]
    head = {"protocol": 1, "run": "bench-1-0", "attempt": 1, "startedAt": 1795252001.0, "failures": [], "more": False}
    return [
        {**head, "cursor": start + 60, "complete": start + 60 == WINDOWS, "windows": windows[start : start + 60]}
        for start in range(0, WINDOWS, 60)
    ]


def _cell(number: int) -> dict[str, object]:
    buckets = random.sample(BUCKETS, 30)
    hist = {str(bucket): random.randint(1, 9) for bucket in buckets}
    n = sum(hist.values())
    return {"method": "GET", "name": f"/e{number}", "n": n, "errors": 0, "hist": hist, "sum": n * 0.05, "max": 0.2}


def read(found: list[dict[str, object]]) -> RunRecord:
    log = WindowLog()
    for page in found:
        log.absorb(page)
    about = {"series": "loadtest/bench", "namespace": "bench", "test": "bench", "number": 1, "attempt": 1}
    return record(log, run="bench-1-0", duration_s=WINDOWS, warmup_s=36, window_s=1, config_hash="0", **about)


def verdict(found: RunRecord, folder: Path) -> None:
    test = loadtest.parse(loadtests.loadtest("bench", "bench"))
    judged = judge(test.spec, found, validity=validity.assess(found, validity.Expected(workers=4)))
    store = open_store(folder / "bench.db")
    store.commit_run(StoredRun.of(found, uid="0", judgement=judged, phase="Judging"))
    store.close()


async def measure(folder: Path) -> dict[str, float]:
    sent = pages()
    times = []
    found = await asyncio.to_thread(read, sent)
    for _ in range(ROUNDS):
        begun = time.monotonic()
        await asyncio.to_thread(verdict, found, folder)
        times.append(time.monotonic() - begun)
    begun = time.monotonic()
    await asyncio.to_thread(read, sent)
    reading = time.monotonic() - begun
    return {"verdict_s": statistics.median(times), "windows_read_s": reading, "loop_lag_s": await lag(found, folder)}


async def lag(found: RunRecord, folder: Path) -> float:
    """The longest that the loop stood still while a verdict was computed beside it."""
    work = asyncio.create_task(asyncio.to_thread(verdict, found, folder))
    worst = 0.0
    while not work.done():
        begun = time.monotonic()
        await asyncio.sleep(STEP_SECONDS)
        worst = max(worst, time.monotonic() - begun - STEP_SECONDS)
    await work
    return worst
