"""What the master shows of itself: the state document and the Prometheus text."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

from loadtest_agent import metrics, protocol
from loadtest_agent.protocol import State

if TYPE_CHECKING:
    from loadtest_agent.master import Master


class View:
    def __init__(self, master: Master) -> None:
        self._master = master

    def state_document(self) -> dict[str, object]:
        master = self._master
        config = master.config
        ends_at = None if master.started_at is None else master.started_at + config.load.duration_seconds
        return {
            **self._head(),
            "agent": protocol.AGENT_VERSION,
            "locust": _locust_version(),
            "state": master.state,
            "since": round(master.since, 3),
            "now": round(master.clock.now(), 3),
            "endsAt": _round(ends_at),
            "endedAt": _round(master.ended_at),
            "workers": self._workers(),
            "users": {"target": self._target_users(), "running": master.crew.running_users()},
            "recent": self._recent(),
            "requests": master.store.requests,
            "failures": master.store.errors,
            "cursor": master.store.cursor,
            "preflight": {"ok": master.preflight.ok, "message": master.preflight.message},
            "validity": {
                "clockOffsetMax": round(master.crew.clock_offset_max, 3),
                "incomplete": master.crew.incomplete,
            },
            "aborted": master.aborted,
            "error": master.error.to_json() if master.error else None,
        }

    def windows_head(self) -> dict[str, object]:
        return self._head()

    def metrics_text(self) -> str:
        master = self._master
        run = master.config.run
        common = {"test": run.test, "namespace": run.namespace}
        recent = master.store.recent(master.crew.reporting())
        info = metrics.labels(**common, run=run.id, version=master.config.target.version)
        users = {"target": self._target_users(), "running": master.crew.running_users()}
        lines = itertools.chain(
            metrics.gauge("loadtest_run_info", "The run that is going on; always 1.", {info: 1}),
            metrics.gauge(
                "loadtest_users",
                "Users of the load test.",
                {metrics.labels(**common, state=state): count for state, count in users.items()},
            ),
            metrics.gauge(
                "loadtest_workers",
                "Workers of the load test.",
                {metrics.labels(**common, state=state): count for state, count in self._workers().items()},
            ),
            metrics.gauge(
                "loadtest_generator_cpu_ratio",
                "Share of its CPU that the busiest worker uses; near 1 the results describe the load generator.",
                {metrics.labels(**common): recent.cpu},
            ),
            metrics.gauge(
                "loadtest_generator_lag_seconds",
                "Longest delay of a worker's event loop in the last seconds.",
                {metrics.labels(**common): recent.lag},
            ),
            metrics.gauge(
                "loadtest_generator_throttled_ratio",
                "Share of the time in which its CPU limit kept a worker from running.",
                {} if recent.throttled is None else {metrics.labels(**common): recent.throttled},
            ),
            master.counters.lines(master.store.totals, **common),
        )
        return "\n".join(lines) + "\n"

    def _head(self) -> dict[str, object]:
        master = self._master
        run = master.config.run
        return {
            "protocol": protocol.VERSION,
            "run": run.id,
            "attempt": run.attempt,
            "startedAt": _round(master.started_at),
        }

    def _target_users(self) -> int:
        return self._master.config.load.users if self._master.state == State.RUNNING else 0

    def _workers(self) -> dict[str, int]:
        crew = self._master.crew
        return {"expected": self._master.config.workers, "connected": crew.connected(), "lost": crew.lost()}

    def _recent(self) -> dict[str, object]:
        recent = self._master.store.recent(self._master.crew.reporting())
        seconds = recent.seconds
        return {
            "seconds": round(seconds, 3),
            "rps": round(recent.requests / seconds, 3) if seconds else 0.0,
            "p95": _round(recent.p95, 6),
            "errorRate": round(recent.errors / recent.requests, 6) if recent.requests else 0.0,
            "requests": recent.requests,
            "cpu": round(recent.cpu, 3),
            "lag": round(recent.lag, 4),
            "throttled": _round(recent.throttled),
            "pacing": recent.pacing and recent.pacing.to_json(),
        }


def _round(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _locust_version() -> str | None:
    # Not imported here: while the script is loading, Locust may be half imported.
    return getattr(sys.modules.get("locust"), "__version__", None)
