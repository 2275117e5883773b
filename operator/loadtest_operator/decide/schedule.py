"""A LoadTestSchedule: (object, now) -> status. This version refuses all of them, in words, rather than ignore them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loadtest_operator.model import conditions, schedule, supported
from loadtest_operator.model.conditions import Condition, ConditionType, Reason
from loadtest_operator.model.errors import InvalidSpec


def decide(raw: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """The status to write; None when it is there already."""
    if "deletionTimestamp" in raw["metadata"]:
        return None
    reason, message = _refusal(raw)
    generation = int(raw["metadata"].get("generation", 1))
    before = raw.get("status") or {}
    old = [Condition.model_validate(item) for item in before.get("conditions") or ()]
    new = [
        conditions.condition(ConditionType.READY, False, reason, message, generation, now),
        conditions.condition(ConditionType.STALLED, True, reason, message, generation, now),
    ]
    merged = [item.model_dump(by_alias=True, mode="json") for item in conditions.merge(old, new)]
    status = {**before, "observedGeneration": generation, "conditions": merged}
    return None if status == before else status


def _refusal(raw: Mapping[str, Any]) -> tuple[Reason, str]:
    try:
        spec = schedule.parse(raw).spec
    except InvalidSpec as error:
        return Reason.INVALID_SPEC, str(error)
    fields = ", ".join(supported.unsupported(spec))
    message = f"this version starts nothing by schedule and does not act on {fields} yet"
    return Reason.NOT_SUPPORTED_YET, f"{message}: apply LoadTests from a CronJob or CI, or use a newer version"
