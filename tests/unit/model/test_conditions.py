"""Conditions as kubectl wait, Flux and Argo CD read them."""

from datetime import UTC, datetime, timedelta

import pytest
from loadtest_operator.model import conditions
from loadtest_operator.model.conditions import ConditionStatus, ConditionType, Reason, condition

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def ready(status: bool | None, now: datetime = NOON, reason: Reason = Reason.RUNNING) -> conditions.Told:
    return condition(ConditionType.READY, status, reason, "", 3, now)


def test_a_condition_says_everything_that_a_reader_needs() -> None:
    assert ready(None) == {
        "type": "Ready",
        "status": "Unknown",
        "reason": "Running",
        "message": "load is running",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }


@pytest.mark.parametrize(("status", "written"), [(True, "True"), (False, "False"), (None, "Unknown")])
def test_a_status_is_true_false_or_unknown(status: bool | None, written: str) -> None:
    assert ready(status)["status"] == written


def test_the_time_stays_while_the_status_stays() -> None:
    (merged,) = conditions.merge([ready(None)], [ready(None, LATER, Reason.COLLECTING)])
    assert merged["lastTransitionTime"] == "2026-11-21T12:00:00Z"
    assert merged["reason"] == "Collecting"


def test_the_time_moves_when_the_status_changes() -> None:
    (merged,) = conditions.merge([ready(None)], [ready(True, LATER, Reason.PASSED)])
    assert merged["lastTransitionTime"] == "2026-11-21T13:00:00Z"


def test_what_is_no_longer_so_goes_away() -> None:
    working = condition(ConditionType.RECONCILING, True, Reason.RUNNING, "", 3, NOON)
    assert conditions.merge([working, ready(None)], [ready(True, LATER)]) == [ready(True, LATER)]


def test_a_long_message_is_cut() -> None:
    long = condition(ConditionType.READY, ConditionStatus.FALSE, "OwnReason", "x" * 5000, 3, NOON)
    assert len(long["message"]) == conditions.MESSAGE_MAX
    assert long["message"].endswith("…")


def test_a_condition_is_found_by_its_type() -> None:
    status = {"conditions": [ready(True)]}
    assert conditions.told(status, ConditionType.READY) == ready(True)
    assert conditions.told(status, ConditionType.STALLED) == conditions.told({}, ConditionType.READY) == {}
    assert conditions.holds(status, ConditionType.READY)
    assert not conditions.holds({"conditions": [ready(None)]}, ConditionType.READY)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_one_word_with_a_sentence(reason: Reason) -> None:
    assert reason.isalpha()
    assert reason[0].isupper()
    assert reason.says
    assert Reason(str(reason)) is reason
