"""The status: short, bounded, and without numbers that were made for display."""

import pytest
from loadtest_operator.model import status
from loadtest_operator.model.conditions import Condition, ConditionStatus
from loadtest_operator.model.phases import Metric, Phase, Verdict
from loadtest_operator.model.status import (
    Comparison,
    EndpointSummary,
    ErrorSummary,
    Finding,
    LoadTestStatus,
    Run,
    ThresholdSummary,
)

LONG = "ü" * status.USER_TEXT_MAX


def full() -> LoadTestStatus:
    """The largest status that the schema allows, or nearly."""
    condition = Condition(
        type="Ready", status=ConditionStatus.TRUE, reason="Passed", message="ü" * 512, last_transition_time="t"
    )
    return LoadTestStatus(
        observed_generation=3,
        phase=Phase.COMPLETED,
        verdict=Verdict.FAILED,
        run=Run(id="r"),
        endpoints=tuple(EndpointSummary(name=LONG) for _ in range(20)),
        errors=tuple(ErrorSummary(kind=LONG, endpoint=LONG) for _ in range(5)),
        thresholds=tuple(ThresholdSummary(name=LONG) for _ in range(50)),
        comparison=Comparison(findings=tuple(Finding(endpoint=LONG) for _ in range(20))),
        conditions=tuple(condition.model_copy(update={"type": f"T{i}"}) for i in range(10)),
    )


def test_a_fresh_status_says_that_nothing_was_seen_yet() -> None:
    assert status.dump(LoadTestStatus()) == {"observedGeneration": -1}
    assert status.observed_generation({}) == -1
    assert status.observed_generation({"status": {"observedGeneration": 3}}) == 3


def test_only_what_is_known_is_written() -> None:
    found = LoadTestStatus(observed_generation=1, run=Run(number=2, report_url="https://a"))
    assert status.dump(found) == {"observedGeneration": 1, "run": {"number": 2, "reportURL": "https://a"}}


def test_a_status_that_is_too_large_loses_the_ends_of_its_lists_first() -> None:
    small = status.fit(full())
    assert status.size(full()) > status.SIZE_MAX >= status.size(small)
    assert small.conditions == full().conditions
    assert (small.verdict, small.run) == (Verdict.FAILED, Run(id="r"))
    assert small.endpoints == (full().endpoints or ())[: len(small.endpoints or ())]


def test_a_status_that_fits_stays_as_it_is() -> None:
    found = LoadTestStatus(endpoints=(EndpointSummary(name="GET /"),))
    assert status.fit(found) == found


@pytest.mark.parametrize(("text", "short"), [("short", "short"), ("x" * 128, "x" * 128), ("x" * 129, f"{'x' * 127}…")])
def test_user_text_is_cut_at_128_characters(text: str, short: str) -> None:
    assert status.cut(text) == short


def test_verdicts_are_ordered_from_mild_to_severe() -> None:
    worst_first = ["Error", "Invalid", "Failed", "Regressed", "Inconclusive", "Warning", "Passed"]
    assert sorted(Verdict, key=lambda v: v.severity, reverse=True) == worst_first


def test_the_run_is_over_in_three_phases() -> None:
    assert {phase for phase in Phase if phase.terminal} == {Phase.COMPLETED, Phase.CANCELLED, Phase.ERROR}
    assert not any(phase.terminal for phase in Phase if phase.loading)


@pytest.mark.parametrize(("metric", "quantile"), [(Metric.P50, 0.5), (Metric.P999, 0.999), (Metric.MAX, None)])
def test_a_metric_knows_its_quantile(metric: Metric, quantile: float | None) -> None:
    assert metric.quantile == quantile
