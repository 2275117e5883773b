"""Operators as processes that need no second to start: forked from one that has imported everything already.

Each is a process of its own with its own environment, log and sockets, and dies by SIGKILL as any other.
"""

import asyncio
import ctypes
import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any, Self

PR_SET_PDEATHSIG = 1
END_SECONDS = 10


class Nursery:
    """The test's end. `build`: a module that makes another build of the package, by its function `change`."""

    def __init__(self, env: dict[str, str] | None = None, build: str = "") -> None:
        self._env = env or {}
        self._build = build
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        env = {**os.environ, **self._env}
        command = [sys.executable, "-m", "tests.crash.nursery", *filter(None, [self._build])]
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=env)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()  # and with it its children: they asked for that
        await self._process.wait()

    async def fork(self, argv: list[str], settings: dict[str, Any], log: Path) -> "Forked":
        env = {f"LOADTEST_{name.upper()}": str(value) for name, value in settings.items()}
        order = json.dumps({"argv": argv, "env": env, "log": str(log)})
        async with self._turn:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(order.encode() + b"\n")
            return Forked(int(await self._process.stdout.readline()))


class Forked:
    def __init__(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        return self._handle >= 0 and not select.select([self._handle], [], [], 0)[0]

    def kill(self) -> None:
        """Dead when this returns. It blocks for the millisecond that takes, so that nothing else happens meanwhile."""
        if self._handle < 0:
            return
        if self.alive:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            ended, _, _ = select.select([self._handle], [], [], END_SECONDS)
            assert ended, f"the operator outlived SIGKILL for {END_SECONDS} s"
        os.close(self._handle)
        self._handle = -1


def main() -> None:
    """The process that forks: an order is a line, the answer is the child's pid."""
    from loadtest_operator.runtime import main as operator

    for build in sys.argv[1:]:
        importlib.import_module(build).change()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order)
            operator.main()
            os._exit(0)
        print(pid, flush=True)  # noqa: T201


def _become(order: dict[str, Any]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((0, nothing), (1, log), (2, log)):
        os.dup2(target, number)
    os.environ.update(order["env"])
    sys.argv = ["loadtest-operator", *order["argv"]]


if __name__ == "__main__":
    main()
