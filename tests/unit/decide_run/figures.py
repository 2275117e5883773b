"""What the tiny cluster of these tests measures, and when it does so."""

from datetime import UTC, datetime, timedelta

from loadtest_operator.decide.judge import Judgement
from loadtest_operator.model.phases import Metric, Verdict

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
DURATION = 300
MEASURED = {Metric.P95: 0.183, Metric.ERROR_RATE: 0.0}
STATES = ("Loading", "WaitingForWorkers", "Preflight", "Running", "Collecting", "Holding")
SPEC = {
    "target": {"url": "http://checkout.shop"},
    "scenario": {"http": {"requests": [{"path": "/"}]}},
    "load": {"users": 50, "duration": "5m"},
    "runners": {"workers": 2},
    "thresholds": [{"metric": "p95", "fail": "500ms"}],
}


def seconds(count):
    return timedelta(seconds=count)


def judged(verdict=Verdict.PASSED, message="p95 183ms", **changes):
    fields = {
        "summary": {"requests": 6051, "failures": 2, "p95": "183ms"},
        "endpoints": ({"name": "GET /", "requests": 6051},),
        "errors": (),
        "thresholds": ({"name": "p95", "value": "183ms", "fail": "500ms", "result": "Passed"},),
        "validity": validity(verdict),
    }
    return Judgement(verdict, message, **{**fields, **changes})


def validity(verdict):
    doubts = ["GeneratorSaturated: worker CPU 97 %"] if verdict is Verdict.INVALID else []
    return {"valid": not doubts, "reasons": doubts, "workersLost": 0}
