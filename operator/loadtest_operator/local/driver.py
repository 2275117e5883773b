"""Follows one run on this machine from its first breath to its last window: asks, pulls, stops. Judges nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest_operator.io.agent import AgentClient, AgentError, AgentUnreachable
from loadtest_operator.local.errors import RunError
from loadtest_operator.local.processes import Child
from loadtest_operator.local.progress import Progress, progress
from loadtest_operator.verdict.reading import BadInputError
from loadtest_operator.verdict.windows import WindowLog

Watch = Callable[[Progress], None]

# Before and after the load a state may last for a moment only; under load a person reads one line per second.
ASK_SOON_SECONDS = 0.2
ASK_RUNNING_SECONDS = 1.0
# A master whose loop the user's code blocks may come back; a minute is longer than any honest pause.
SILENCE_SECONDS = 60.0
STARTING = {"state": "Starting"}
RUNNING, HOLDING = "Running", "Holding"


@dataclass
class Driver:
    client: AgentClient
    master: Child
    last_word: Path
    window_s: float
    watch: Watch
    stop: asyncio.Event
    others: tuple[Child, ...] = ()
    """Processes without which there is no run: when one ends early, so does the run."""
    state: dict[str, Any] = field(default_factory=lambda: dict(STARTING))
    log: WindowLog = field(default_factory=WindowLog)

    async def follow(self) -> None:
        """Until every window is here. RunError when there never will be any more."""
        heard = time.monotonic()
        asked_to_stop = False
        while not self.log.complete:
            if self.stop.is_set() and not asked_to_stop:
                asked_to_stop = await self._stop()
            try:
                self.state = await self.client.state()
                await self._pull()
                heard = time.monotonic()
            except AgentUnreachable as error:
                self._must_be_alive(time.monotonic() - heard, error)
            except AgentError as error:
                raise RunError("InternalError", f"the master refused to answer: {error}") from error
            except BadInputError as error:
                raise RunError("InternalError", f"what the master answered cannot be read: {error}") from error
            self.watch(progress(self.state, self.log, self.window_s))
            self._others_must_be_alive()
            await self._wait(wake_on_stop=not asked_to_stop)

    async def acknowledge(self) -> None:
        """The results are safe: the master may go."""
        with suppress(AgentUnreachable, AgentError):
            await self.client.acknowledge(self.log.cursor)

    async def _pull(self) -> None:
        if not self.state.get("startedAt"):
            return
        more = True
        while more:
            page = await self.client.windows(self.log.cursor)
            self.log.absorb(page)
            more = bool(page.get("more"))

    async def _stop(self) -> bool:
        try:
            await self.client.stop("stopped by Ctrl-C")
        except AgentUnreachable as error:
            if self.state == STARTING:
                raise RunError("Stopped", "stopped before there was any load") from error
            return False
        return True

    def _must_be_alive(self, silence: float, error: Exception) -> None:
        if self.master.ended:
            raise self._ended()
        if silence > SILENCE_SECONDS:
            raise RunError("MasterSilent", f"the master has not answered for {SILENCE_SECONDS:.0f} s: {error}")

    def _ended(self) -> RunError:
        """What the master said last."""
        try:
            word = json.loads(self.last_word.read_text(encoding="utf-8"))["error"]
            return RunError(str(word["reason"]), str(word["message"]))
        except (OSError, ValueError, KeyError, TypeError):
            code = self.master.process.returncode
            return RunError("MasterLost", f"the master ended with exit code {code}:\n{self.master.last_words()}")

    def _others_must_be_alive(self) -> None:
        if self.state.get("state") == HOLDING:
            return
        for child in self.others:
            if child.ended:
                code = child.process.returncode
                raise RunError(
                    "TargetEnded",
                    f"{child.name} ended with exit code {code} before the test was over:\n{child.last_words()}",
                )

    async def _wait(self, *, wake_on_stop: bool) -> None:
        seconds = ASK_RUNNING_SECONDS if self.state.get("state") == RUNNING else ASK_SOON_SECONDS
        ends = self.state.get("endsAt")
        if ends and self.state.get("state") == RUNNING:
            seconds = min(seconds, max(ASK_SOON_SECONDS, ends - time.time()))
        if not wake_on_stop:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stop.wait()
