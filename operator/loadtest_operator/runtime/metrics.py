"""The operator's own numbers for Prometheus."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from loadtest_operator.decide.judge import Judgement
from loadtest_operator.model import quantities
from loadtest_operator.model.phases import Verdict
from loadtest_operator.runtime.objects import Key

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._longest = 0.0
        test = ("namespace", "test")
        self._reconcile = Histogram(
            "loadtest_reconcile_seconds", "Time of one look at one LoadTest.", buckets=_SECONDS, registry=self.registry
        )
        self._judge = Histogram(
            "loadtest_judge_seconds", "Time from windows to a stored verdict.", buckets=_SECONDS, registry=self.registry
        )
        self._errors = Counter(
            "loadtest_reconcile_errors", "Looks that failed, by kind of error.", ("kind",), registry=self.registry
        )
        self._writes = Counter("loadtest_status_writes", "Status writes.", registry=self.registry)
        self.queue_depth = Gauge("loadtest_workqueue_depth", "LoadTests waiting for a look.", registry=self.registry)
        self.queued = Gauge("loadtest_queue_depth", "LoadTests that wait for their turn.", registry=self.registry)
        self.tests = Gauge("loadtest_objects", "LoadTests known.", registry=self.registry)
        self.longest = Gauge(
            "loadtest_reconcile_max_seconds", "Longest look since the process began.", registry=self.registry
        )
        self.loop_lag = Histogram(
            "loadtest_loop_lag_seconds",
            "How late the event loop was, asked ten times a second.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.loop_lag_max = Gauge(
            "loadtest_loop_lag_max_seconds", "Largest delay of the event loop in the last 10 s.", registry=self.registry
        )
        self.tasks = Gauge("loadtest_asyncio_tasks", "Tasks of the event loop.", registry=self.registry)
        self.leading = Gauge("loadtest_leader", "1 while this process holds the Lease.", registry=self.registry)
        self._verdict = Gauge(
            "loadtest_run_verdict", "1 for the verdict of the last run.", (*test, "verdict"), registry=self.registry
        )
        self._p95 = Gauge(
            "loadtest_run_p95_seconds", "p95 of all requests of the last run.", test, registry=self.registry
        )
        self._change = Gauge(
            "loadtest_regression_ratio",
            "Worst latency of the last run relative to its baseline: 1.18 is 18 % slower.",
            test,
            registry=self.registry,
        )
        self._rate = Gauge("loadtest_run_requests_per_second", "Rate of the last run.", test, registry=self.registry)

    @contextlib.contextmanager
    def reconciling(self) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - begun
            self._reconcile.observe(took)
            self._longest = max(self._longest, took)
            self.longest.set(self._longest)

    def judging(self) -> AbstractContextManager[Any]:
        return self._judge.time()

    def failed(self, kind: str) -> None:
        self._errors.labels(kind).inc()

    def status_written(self) -> None:
        self._writes.inc()

    def judged(self, key: Key, judgement: Judgement) -> None:
        for verdict in Verdict:
            self._verdict.labels(key.namespace, key.name, str(verdict)).set(verdict is judgement.verdict)
        if p95 := judgement.summary.get("p95"):
            self._p95.labels(key.namespace, key.name).set(quantities.parse_latency(p95))
        if judgement.change is None:
            self._drop(self._change, key)
        else:
            self._change.labels(key.namespace, key.name).set(1 + judgement.change)
        if rate := judgement.summary.get("rps"):
            self._rate.labels(key.namespace, key.name).set(quantities.parse_rate(rate))

    def forget(self, key: Key) -> None:
        for metric in (self._p95, self._rate, self._change):
            self._drop(metric, key)
        for verdict in Verdict:
            with contextlib.suppress(KeyError):
                self._verdict.remove(key.namespace, key.name, str(verdict))

    def _drop(self, metric: Gauge, key: Key) -> None:
        with contextlib.suppress(KeyError):
            metric.remove(key.namespace, key.name)

    def text(self) -> bytes:
        return generate_latest(self.registry)
