"""How many requests per second the sample target answers on one core: `python tests/bench/target_rate.py`."""

import asyncio
import os
import subprocess
import sys
import time

CONNECTIONS = 64
SECONDS = 5.0
REQUEST = b"GET /search?q=thing HTTP/1.1\r\nHost: target\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"


async def one_client(port: int, until: float) -> int:
    """Ask, wait for the whole answer, ask again: what a load generator's user does without think time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = 0
    while time.monotonic() < until:
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        answers += 1
    writer.close()
    return answers


async def load(port: int) -> float:
    begin = time.monotonic()
    answers = await asyncio.gather(*(one_client(port, begin + SECONDS) for _ in range(CONNECTIONS)))
    return sum(answers) / (time.monotonic() - begin)


def measure(name: str, latency: str) -> None:
    environ = {**os.environ, "TARGET_LATENCY": latency}
    command = [sys.executable, "-m", "loadtest_target", "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as target:
        assert target.stdout
        port = int(target.stdout.readline().rsplit(":", 1)[1])
        rate = asyncio.run(load(port))
        target.terminate()
        _, status, usage = os.wait4(target.pid, 0)
        target.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{name:<34} {rate:8.0f} requests/s measured, {rate * SECONDS / cpu:8.0f} per CPU second, "
        f"{usage.ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    print(f"{CONNECTIONS} connections, {SECONDS:.0f} s each; client and target share this machine")
    measure("as fast as it goes (0.1 ms)", "all=0.1ms/0")
    measure("as shipped (search: median 20 ms)", "search=20ms/0.4")
