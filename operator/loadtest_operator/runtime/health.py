"""What /healthz and /readyz answer. Restarting must help before /healthz says that it is needed."""

import asyncio

from loadtest_operator.runtime.kopf_source import Source
from loadtest_operator.runtime.objects import Key
from loadtest_operator.runtime.resync import Resync
from loadtest_operator.runtime.workqueue import WorkQueue

OLDEST_SECONDS = 60.0
STANDSTILL_SECONDS = 30.0
RESYNCS_MISSED = 3


class Health:
    def __init__(self, queue: WorkQueue[Key], resync: Resync, source: Source, resync_seconds: float) -> None:
        self._queue = queue
        self._resync = resync
        self._source = source
        self._patience = RESYNCS_MISSED * resync_seconds
        self._beat = self._now()
        self._working = False

    def beat(self) -> None:
        self._beat = self._now()
        self._working = True

    def healthy(self) -> str:
        if not self._working:
            return ""  # standing by
        oldest = self._queue.oldest_seconds()
        if oldest > OLDEST_SECONDS:
            return f"a LoadTest has waited {oldest:.0f} s for a look"
        if (still := self._now() - self._beat) > STANDSTILL_SECONDS:
            return f"the event loop stood still for {still:.0f} s"
        if (since := self._now() - self._resync.succeeded_at) > self._patience:
            return f"no resync succeeded for {since:.0f} s"
        return ""

    def ready(self) -> str:
        if not self._working or not self._source.ready.is_set():
            return "not watching yet"
        return self.healthy()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
