"""Builders: runs to store."""

from dataclasses import replace

from loadtest_operator.decide.judge import Judgement
from loadtest_operator.model.phases import Verdict
from loadtest_operator.store import StoredRun

from tests.unit.verdict.records import cell, steady


def measured(run="checkout-1-aaaa", *, seconds=3, **about):
    told = {"namespace": "shop", "test": "checkout", "number": 1, **about}
    return replace(steady(seconds, cell(), cell("POST /orders", [0.2, 0.3], failed=[0.01])), run=run, **told)


def judged(verdict=Verdict.PASSED, message="p95 183ms; 1 of 1 threshold passed"):
    return Judgement(
        verdict=verdict,
        message=message,
        summary={"requests": 12, "p95": "183ms"},
        endpoints=[{"name": "GET /search", "requests": 3}],
        errors=[],
        thresholds=[{"name": "p95", "value": "183ms", "fail": "500ms", "result": "Passed"}],
        validity={"valid": True, "reasons": []},
    )


def stored(run="checkout-1-aaaa", *, verdict=Verdict.PASSED, phase="Completed", **about):
    return StoredRun.of(measured(run, **about), uid="7f3a", judgement=judged(verdict), phase=phase, workers_lost=1)
