"""Where a run stands. One that waits for Kueue is shown as Queued, but is under way: it has a number, and its locks."""

from collections.abc import Mapping
from typing import Any

from loadtest_operator.model import conditions
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

Raw = Mapping[str, Any]


def with_kueue(status: Raw) -> bool:
    """Everything is made but the master; Kueue has not let the workers go yet."""
    waits = conditions.told(status, ConditionType.ADMITTED).get("reason") == Reason.KUEUE
    return waits and status.get("phase") == Phase.QUEUED


def stage(status: Raw) -> Phase | None:
    """The phase that decisions go by."""
    if with_kueue(status):
        return Phase.PREPARING
    text = status.get("phase")
    return Phase(text) if text else None
