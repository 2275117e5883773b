"""Starts, watches and ends the processes of a local run; whatever happens to us, none of them stays."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from loadtest_operator.local import keeper

# Outside of what Linux and macOS give to outgoing connections: nobody takes a port between choosing and using it.
PORTS = range(20_000, 32_000)
TRIES = 200
LOOPBACK = "127.0.0.1"
# The keeper gives the command 5 s after the pipe has ended; then it kills.
END_SECONDS = keeper.GRACE_SECONDS + 2.0


@dataclass(frozen=True)
class Child:
    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def ended(self) -> bool:
        return self.process.returncode is not None

    def last_words(self, lines: int = 15) -> str:
        """The end of what it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.rstrip().splitlines()[-lines:])


class Processes:
    """All children of one run. As an async context: at its end, every one has ended."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.children: list[Child] = []

    async def __aenter__(self) -> Processes:
        self._read_end, self._write_end = os.pipe()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None
    ) -> Child:
        """Start a command under a keeper; what it writes goes to `<name>.log`."""
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", keeper.__file__, str(self._read_end), *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environ),
                cwd=cwd,
                pass_fds=(self._read_end,),
                process_group=0,  # Ctrl-C in the terminal is for us to handle, not for them
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    async def end(self) -> None:
        """Ask all to end, and see to it that they do."""
        if self._write_end >= 0:
            os.close(self._write_end)
            os.close(self._read_end)
            self._write_end = self._read_end = -1
        if not self.children:
            return
        waiting = [asyncio.ensure_future(child.process.wait()) for child in self.children]
        _, late = await asyncio.wait(waiting, timeout=END_SECONDS)
        for future in late:
            future.cancel()
        if late:
            self.kill()

    def kill(self) -> None:
        """For whoever has no patience left."""
        for child in self.children:
            if not child.ended:
                with suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGUSR1)


def free_ports(n: int) -> list[int]:
    """Ports on loopback that nobody listens on; held together while choosing, so that they differ."""
    held: list[socket.socket] = []
    try:
        for _ in range(TRIES):
            if len(held) == n:
                break
            candidate = socket.socket()
            try:
                candidate.bind((LOOPBACK, random.choice(PORTS)))  # noqa: S311  not a secret
            except OSError:
                candidate.close()
            else:
                held.append(candidate)
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
