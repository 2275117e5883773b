"""The figures of operators' event loops that a session of tests prints."""

from pathlib import Path

import pytest
from loadtest_operator.runtime.metrics import Metrics

from tests.support import loops


def told(*lags: float) -> str:
    metrics = Metrics()
    for lag in lags:
        metrics.loop_lag.observe(lag)
    with metrics.reconciling():
        pass
    return metrics.text().decode()


def test_the_figures_of_all_operators_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "FOLDER", tmp_path)
    loops.keep(told(*[0.0005] * 98))
    loops.keep(told(0.02, 0.3))
    first, second = loops.read().lines()
    assert first == "event loops of 2 operators: 100 moments, 99% within 25 ms"
    assert second == "their looks at LoadTests: 2 looks, 99% within 1 ms, the longest 0.00 s"
    loops.clear()
    assert list(loops.read().lines()) == []


def test_what_no_bucket_holds_has_no_bound() -> None:
    found = loops.Figures()
    found.add(told(20.0))
    assert next(found.lines()).endswith("1 moments, 99% not within 10 s")
