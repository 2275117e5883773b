"""Measures the operator against a real API server: `python -m tests.bench [--all] [rows ...]`."""

import argparse
import asyncio
import importlib
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from tests.bench import operator_rows, queue_rows, verdict_rows
from tests.bench.operator_rows import Ground
from tests.support import crds

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "build" / "bench.json"
FLAGS = ("--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000")

# Row: what it says, and the most that it may be (for `agent_ratio` the least).
ROWS: dict[str, tuple[str, float | None]] = {
    "start_to_watching_s": ("start to watching, s", 1.0),
    "stop_s": ("SIGTERM to exit, s", 5.0),
    "rss_idle_mib": ("operator RSS idle, MiB", 60),
    "rss_100_running_mib": ("operator RSS, 100 running, MiB", 80),
    "rss_100_completed_mib": ("operator RSS, these 100 completed, MiB", None),
    "cpu_100_running": ("operator CPU, 100 running, cores", None),
    "rss_100_mib": ("operator RSS, 100 waiting for pods, MiB", None),
    "rss_1000_mib": ("operator RSS, 1000 LoadTests, MiB", 120),
    "rss_foreign_mib": ("operator RSS, 5000 foreign pods, MiB", 60),
    "cpu_100_s": ("CPU for 100: applied to children and status, s", 1.0),
    "burst_100_p50_s": ("burst of 100: p50, s", 0.6),
    "burst_100_p99_s": ("burst of 100: p99, s", 1.2),
    "cpu_1000_s": ("CPU for 1000, s", None),
    "burst_1000_p50_s": ("burst of 1000: p50, s", None),
    "burst_1000_p99_s": ("burst of 1000: p99, s", 12),
    "terminal_state_s": ("last request to terminal state, s", 3.0),
    "status_writes": ("status writes per run", 8),
    "agent_ratio": ("requests per CPU second, with agent / without", 0.97),
    "queue_1000_ms": ("CPU for everybody's turn, 1000 queued, ms", 10),
    "verdict_s": ("verdict, 50 endpoints x 360 windows, s", 1.0),
    "windows_read_s": ("reading these windows, s", None),
    "loop_lag_s": ("loop lag during a verdict, s", 0.05),
}
AGENT_PAIRS = 20
AT_LEAST = {"agent_ratio"}

Figures = dict[str, float]


def groups(ground: Ground, folder: Path) -> dict[str, Callable[[], Awaitable[Figures]]]:
    return {
        "idle": lambda: operator_rows.idle(ground),
        "one": lambda: operator_rows.one_run(ground),
        "burst": lambda: operator_rows.burst(ground, 100, rounds=3),
        "running": lambda: operator_rows.running(ground, 100),
        "queue": lambda: asyncio.to_thread(queue_rows.measure),
        "verdict": lambda: verdict_rows.measure(folder),
        "agent": agent,
        "thousand": lambda: operator_rows.burst(ground, 1000),
        "foreign": lambda: operator_rows.foreign(ground, 5000),
    }


ONLY_WITH_ALL = {"thousand", "foreign"}


async def agent() -> Figures:
    try:
        measure: Any = importlib.import_module("tests.bench.agent_cost").measure
    except ModuleNotFoundError:
        return {}
    found = await asyncio.to_thread(measure, AGENT_PAIRS)
    return {"agent_ratio": found["ratio"]}


async def measure(wanted: list[str], *, everything: bool) -> Figures:
    found: Figures = {}
    with tempfile.TemporaryDirectory() as place, crds.api_server(extra_flags=FLAGS, env={}) as api:
        folder = Path(place)
        for name, work in groups(Ground(api, folder), folder).items():
            if name in wanted or (not wanted and (everything or name not in ONLY_WITH_ALL)):
                begun = time.monotonic()
                found.update(await work())
                print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
    return found


def table(found: Figures) -> str:
    peers = yaml.safe_load((HERE / "peers.yaml").read_text())
    lines = [f"{'row':<50} {'measured':>9} {'budget':>7}       peers"]
    for row, (says, budget) in ROWS.items():
        if row in found:
            others = "; ".join(f"{peers[who]['name']} {text}" for who, text in peers["rows"].get(row, {}).items())
            shown = "-" if budget is None else f"{budget:g}"
            verdict = "" if kept(row, found[row]) else "OVER"
            lines.append(f"{says:<50} {found[row]:>9.3g} {shown:>7} {verdict:<5} {others}".rstrip())
    when = peers["measured"]
    lines.append(f"peers: {when['date']}, {when['machine']}; versions in tests/bench/peers.yaml")
    return "\n".join(lines)


def kept(row: str, value: float) -> bool:
    budget = ROWS[row][1]
    if budget is None:
        return True
    return value >= budget if row in AT_LEAST else value <= budget


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", help="idle, one, burst, running, queue, verdict, agent, thousand, foreign")
    parser.add_argument("--all", action="store_true", help="also the rows that take minutes: thousand, foreign")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.rows, everything=arguments.all))
    OUT.parent.mkdir(exist_ok=True)
    about = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    budgets = {row: ROWS[row][1] for row in found}
    OUT.write_text(json.dumps({"measured": found, "budgets": budgets, "machine": about}, indent=2))
    print(table(found))


if __name__ == "__main__":
    main()
