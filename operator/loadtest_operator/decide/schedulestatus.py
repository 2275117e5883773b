"""The status of a LoadTestSchedule: what was made, how it came out, what is next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from loadtest_operator.decide.scheduled import Made
from loadtest_operator.model import conditions, quantities
from loadtest_operator.model.conditions import ConditionType, Reason, Told

ACTIVE_SHOWN: Final = 20
_COMPUTED: Final = ("message", "nextRun", "active")


@dataclass(frozen=True)
class Statement:
    """What a decision wants to say."""

    ready: bool
    reason: Reason
    message: str = ""  # '': the reason's own sentence
    next_run: datetime | None = None
    started: str | None = None  # the LoadTest that is created with this
    missed: int = 0  # since the status was written
    stalled: bool = False


def compose(raw: Mapping[str, Any], made: Sequence[Made], say: Statement, now: datetime) -> dict[str, Any]:
    """What is not known any more, because its LoadTest is gone, stays as it was."""
    old = raw.get("status") or {}
    newest = max(made, key=lambda item: item.age, default=None)
    judged = max((item for item in made if item.over and item.verdict), key=lambda item: item.age, default=None)
    active = [item.name for item in sorted(made, key=lambda item: item.age) if not item.over]
    status = {key: value for key, value in old.items() if key not in _COMPUTED}
    status["observedGeneration"] = int(raw["metadata"].get("generation", 1))
    status["message"] = say.message or say.reason.says
    status["missed"] = int(old.get("missed") or 0) + say.missed
    if last := say.started or (newest and newest.name):
        status["lastRun"] = last
    if judged is not None:
        status["lastVerdict"] = judged.verdict
    if say.next_run is not None:
        status["nextRun"] = quantities.timestamp(say.next_run)
    if shown := [*active, *([say.started] if say.started else [])]:
        status["active"] = shown[-ACTIVE_SHOWN:]
    status["conditions"] = _conditions(raw, made, say, now)
    return status


def _conditions(raw: Mapping[str, Any], made: Sequence[Made], say: Statement, now: datetime) -> list[dict[str, Any]]:
    generation = int(raw["metadata"].get("generation", 1))
    old = raw.get("status") or {}
    new = [conditions.condition(ConditionType.READY, say.ready, say.reason, say.message, generation, now)]
    if say.stalled:
        new.append(conditions.condition(ConditionType.STALLED, True, say.reason, say.message, generation, now))
    new.append(_last_run(old, made, generation, now))
    return conditions.merge(old.get("conditions") or (), new)


def _last_run(old: Mapping[str, Any], made: Sequence[Made], generation: int, now: datetime) -> Told:
    over = max((item for item in made if item.over), key=lambda item: item.age, default=None)
    known = conditions.told(old, ConditionType.LAST_RUN_PASSED)
    if over is None and known:
        return {**known, "observedGeneration": generation}
    if over is None:
        return conditions.condition(ConditionType.LAST_RUN_PASSED, None, Reason.NO_RUN_YET, "", generation, now)
    reason = Reason.PASSED if over.passed else Reason.FAILED
    message = f"{over.name}: {over.message}"
    return conditions.condition(
        ConditionType.LAST_RUN_PASSED, over.passed, over.verdict or reason, message, generation, now
    )
