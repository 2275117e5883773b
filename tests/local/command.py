"""The `loadtest` command and the sample target as a person would start them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

DEADLINE = 60.0
SHOPPER = """
from locust import FastHttpUser, between, task


class Shopper(FastHttpUser):
    wait_time = between(0.05, 0.1)

    @task
    def home(self):
        self.client.get("/home", name="home")

    @task
    def cart(self):
        self.client.get("/cart", name="cart")
"""


def test_file(folder: Path, url: str, **spec: Any) -> Path:
    """A LoadTest of a few seconds; `spec` replaces parts of it."""
    # The half second: users who leave at the end of the load are then outside of the last judged window.
    load = {"users": 5, "duration": "4500ms", "ramp": "500ms", "warmup": "1s"}
    target = {"url": url, "health": {"path": "/healthz", "timeout": "10s"}}
    limits = [{"metric": "p95", "fail": "2s"}, {"metric": "errorRate", "fail": "1%"}]
    whole = {"target": target, "scenario": {"locust": {"inline": SHOPPER}}, "load": load, "thresholds": limits, **spec}
    test = {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTest", "metadata": {"name": "shop"}, "spec": whole}
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    return path


test_file.__test__ = False  # type: ignore[attr-defined]


@asynccontextmanager
async def target(**environ: str) -> AsyncIterator[str]:
    """The sample target's address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest_target", "--port", "0"), env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        line = await asyncio.wait_for(process.stdout.readline(), DEADLINE)
        yield line.decode().split()[-1]
    finally:
        process.terminate()
        await process.communicate()


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest_operator.cli.main", *arguments),
        env={**os.environ, "XDG_STATE_HOME": str(folder), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def loadtest(folder: Path, *arguments: str) -> tuple[int, str, str]:
    return await ended(await start(folder, *arguments))


async def result(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of `loadtest run`."""
    code, out, err = await loadtest(folder, "run", "-o", "json", *arguments)
    assert out, err
    return code, json.loads(out)
