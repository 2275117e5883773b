"""The keeper: no child of a run stays, however the run ends."""

import asyncio
import os
import signal
import socket
import sys
import textwrap
from pathlib import Path

import psutil
from loadtest_operator.local.processes import Child, Processes, free_ports

from tests.local import waiting

DEADLINE = 15.0
# A child with a child of its own, both deaf to SIGTERM: the worst that a --target-command can be.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    print("up", flush=True)
time.sleep(600)
"""


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


async def start(processes: Processes, script: str) -> Child:
    return await processes.start("child", [sys.executable, "-c", script], os.environ)


async def test_the_end_of_a_run_ends_children_politely(tmp_path: Path) -> None:
    script = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(600)"
    )
    async with Processes(tmp_path) as processes:
        child = await start(processes, script)
        await asyncio.to_thread(waiting.for_line, child.log, "up")
    assert child.process.returncode == 7


async def test_an_exit_code_and_the_last_words_reach_us(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        child = await start(processes, "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)")
        assert await asyncio.wait_for(child.process.wait(), DEADLINE) == 3
        assert set(child.last_words().splitlines()) == {"one", "two"}
        assert len(child.last_words(lines=1).splitlines()) == 1


async def test_a_command_that_does_not_exist_is_said_in_its_log(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        child = await processes.start("child", ["/no/such/command"], os.environ)
        assert await asyncio.wait_for(child.process.wait(), DEADLINE) == 127
        assert child.last_words() == "/no/such/command: No such file or directory"


async def test_killing_ends_the_whole_family_at_once(tmp_path: Path) -> None:
    async with Processes(tmp_path) as processes:
        child = await start(processes, STUBBORN)
        await asyncio.to_thread(waiting.for_line, child.log, "up")
        family = below(child.process.pid)
        assert len(family) == 2
        processes.kill()
        await asyncio.to_thread(waiting.until_gone, family)


async def test_kill_9_of_the_command_itself_leaves_no_family_behind(tmp_path: Path) -> None:
    parent = textwrap.dedent(f"""
        import asyncio, os, sys
        from pathlib import Path
        from loadtest_operator.local.processes import Processes
        async def main():
            async with Processes(Path({str(tmp_path)!r})) as processes:
                await processes.start("child", [sys.executable, "-c", {STUBBORN!r}], os.environ)
                await asyncio.sleep(600)
        asyncio.run(main())
    """)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
    await asyncio.to_thread(waiting.for_line, tmp_path / "child.log", "up")
    family = below(process.pid)
    assert len(family) == 3
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await asyncio.to_thread(waiting.until_gone, family)


def test_free_ports_differ_and_can_be_used() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
