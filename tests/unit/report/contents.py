"""Builders: what reports are made of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from loadtest_operator.decide.judge import judge
from loadtest_operator.model import loadtest
from loadtest_operator.report.content import Content
from loadtest_operator.verdict.record import RunRecord
from loadtest_operator.verdict.validity import Expected, assess
from loadtest_operator.verdict.window import Failure, RunWindow

from tests.unit.verdict.records import real

LIMITS = (
    {"metric": "p95", "warn": "100ms", "fail": "250ms"},
    {"name": "checkout stays quick", "metric": "p95", "endpoint": "GET /checkout", "fail": "120ms"},
    {"metric": "errorRate", "fail": "1%"},
    {"metric": "rps", "warn": "1000/s", "fail": "50/s"},
)
REGRESSED: dict[str, Any] = {
    "result": "Regressed",
    "series": "loadtest/shop",
    "runs": 8,
    "needed": 3,
    "detectable": "4.1%",
    "findings": [
        {
            "endpoint": "GET /search",
            "metric": "p95",
            "change": "+19.6%",
            "low": "+14.2%",
            "high": "+25.3%",
            "q": "0.001",
            "result": "Regressed",
        },
        {
            "endpoint": "GET /checkout",
            "metric": "p50",
            "change": "+11.8%",
            "low": "+2.5%",
            "high": "+22%",
            "q": "0.04",
            "result": "Warning",
        },
        {
            "endpoint": "GET /home",
            "metric": "p95",
            "change": "-8.1%",
            "low": "-11%",
            "high": "-5.2%",
            "q": "0.01",
            "result": "Improved",
        },
        {
            "endpoint": "GET /cart",
            "metric": "errorRate",
            "change": "+0.4%",
            "low": "+0.1%",
            "high": "+0.9%",
            "q": "0.03",
            "result": "Warning",
        },
    ],
}


def spec(*thresholds: dict[str, Any]):
    return loadtest.parse(
        {
            "apiVersion": "loadtest.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": {"name": "shop"},
            "spec": {
                "target": {"url": "http://shop.staging:8080"},
                "scenario": {"http": {"requests": [{"path": "/"}]}},
                "load": {"users": 50, "duration": "24s", "warmup": "3s"},
                "thresholds": list(thresholds),
            },
        }
    ).spec


def content(record: RunRecord | None = None, *limits: dict[str, Any], **about: Any) -> Content:
    """A judged run; `about` replaces parts of what is told of it."""
    found = real("slower") if record is None else record
    judgement = judge(spec(*limits), found, validity=assess(found, Expected(workers=2, users=50)))
    told = Content(
        run=found.run,
        test="shop",
        namespace="staging",
        number=7,
        series="loadtest/shop",
        phase="Completed",
        target="http://shop.staging:8080",
        version="1.4.2",
        start=found.start,
        end=found.start + timedelta(seconds=found.duration_s),
        verdict=str(judgement.verdict),
        message=judgement.message,
        summary=judgement.summary,
        endpoints=judgement.endpoints,
        errors=judgement.errors,
        thresholds=judgement.thresholds,
        validity=judgement.validity,
        record=found,
    )
    return replace(told, **about)


def with_failures() -> RunRecord:
    """A real run in which a third of one endpoint's requests failed for six seconds."""
    found = real("slower")
    begun = found.start.timestamp()
    kinds = (
        Failure(
            "HTTP 503", 412, begun + 12.1, begun + 17.9, "upstream connect error or disconnect/reset before headers"
        ),
        Failure("ConnectionRefusedError", 3, begun + 12.4, begun + 12.6, "[Errno 111] Connection refused"),
    )

    def failing(endpoint):
        cells = tuple(
            cell._replace(n=cell.n + cell.n // 2, errors=cell.n // 2) if 12 <= cell.w < 18 else cell
            for cell in endpoint.cells
        )
        return replace(endpoint, cells=cells, failures=kinds)

    ramp = tuple(RunWindow(w, 2, min(50, 10 + w * 20), 0.4 + 0.02 * (w % 3), 0.004) for w in range(24))
    worst = found.endpoints[0].label
    endpoints = tuple(failing(one) if one.label == worst else one for one in found.endpoints)
    return replace(found, run_windows=ramp, endpoints=endpoints)
