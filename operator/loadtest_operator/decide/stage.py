"""Where a run stands. One that waits for Kueue is shown as Queued, but is under way: it has a number, and its locks."""

from collections.abc import Mapping
from typing import Any

from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

Raw = Mapping[str, Any]


def with_kueue(status: Raw) -> bool:
    """Everything is made but the master; Kueue has not let the workers go yet."""
    if status.get("phase") != Phase.QUEUED:
        return False
    found = (item for item in status.get("conditions") or () if item["type"] == ConditionType.ADMITTED)
    return any(item["reason"] == Reason.KUEUE for item in found)


def stage(status: Raw) -> Phase | None:
    """The phase that decisions go by."""
    if with_kueue(status):
        return Phase.PREPARING
    text = status.get("phase")
    return Phase(text) if text else None
