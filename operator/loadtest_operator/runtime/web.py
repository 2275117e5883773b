"""The operator's HTTP side: /metrics, /healthz, /readyz."""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web

from loadtest_operator.runtime.metrics import Metrics

log = logging.getLogger(__name__)

Check = Callable[[], str]  # a sentence when something is wrong, else ''


class Web:
    def __init__(self, metrics: Metrics, healthy: Check, ready: Check) -> None:
        self._metrics = metrics
        self._healthy = healthy
        self._ready = ready
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        app = web.Application()
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/healthz", self._serve_healthz)
        app.router.add_get("/readyz", self._serve_readyz)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        log.info("serving /metrics, /healthz, /readyz", extra={"port": self.port})

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._metrics.text(), headers=headers)

    async def _serve_healthz(self, _: web.Request) -> web.Response:
        return self._answer(self._healthy)

    async def _serve_readyz(self, _: web.Request) -> web.Response:
        return self._answer(self._ready)

    @staticmethod
    def _answer(check: Check) -> web.Response:
        wrong = check()
        return web.Response(text=f"{wrong or 'ok'}\n", status=503 if wrong else 200)


async def measure_lag(metrics: Metrics, beat: Callable[[], None]) -> None:
    """How late the loop is: the budget is 50 ms."""
    step, period = 0.1, 10.0
    loop = asyncio.get_running_loop()
    worst, since = 0.0, loop.time()
    while True:
        begun = loop.time()
        await asyncio.sleep(step)
        late = max(0.0, loop.time() - begun - step)
        worst = max(worst, late)
        beat()
        metrics.loop_lag.observe(late)
        metrics.loop_lag_max.set(worst)
        if loop.time() - since > period:
            metrics.tasks.set(len(asyncio.all_tasks()))
            worst, since = 0.0, loop.time()
