"""The status as one value: phase, run, results, and conditions that kstatus and Argo CD read correctly."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

import pydantic_core

from loadtest_operator.decide.observed import Observed
from loadtest_operator.model import conditions, quantities
from loadtest_operator.model import status as models
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

MESSAGE_LENGTH = conditions.MESSAGE_MAX
HISTORY_LENGTH = 10

# What the run before left behind; it goes with the first status write of a new run, so that nobody reads old green.
RESULTS = ("verdict", "summary", "endpoints", "errors", "thresholds", "comparison", "validity", "progress")


class Outcome(Enum):
    """What the object says about itself as a whole."""

    WORKING = "will change by itself"
    PASSES = "the gate opens"
    FAILS = "final; only a person can help"
    HELD = "waits for a person, and opens no gate"


@dataclass(frozen=True)
class Fact:
    """One domain condition."""

    type: ConditionType
    status: bool | None  # None: Unknown
    reason: Reason | str
    message: str = ""


@dataclass(frozen=True)
class Statement:
    """What a decision wants to say; everything that it does not name stays as it was."""

    phase: Phase
    outcome: Outcome
    reason: Reason | str
    message: str
    facts: tuple[Fact, ...] = ()
    fields: Mapping[str, Any] | None = None
    fresh: bool = False  # a new run begins: results and domain conditions of the one before leave
    passed: bool | None = None  # the condition Passed, in terminal phases

    def but(self, **changes: Any) -> "Statement":
        return replace(self, **changes)


def compose(seen: Observed, say: Statement, now: datetime) -> dict[str, Any]:
    old = seen.status
    replaced = say.fresh or "verdict" in (say.fields or {})
    kept = {key: value for key, value in old.items() if not (replaced and key in RESULTS)}
    if say.fresh:
        kept.pop("environment", None)  # a new run has one of its own, and the old one's end is not waited for
    if say.phase is not Phase.RUNNING:
        kept.pop("progress", None)
    if say.phase is not Phase.QUEUED:
        kept.pop("queue", None)
    if seen.phase is Phase.QUEUED and say.phase is Phase.PENDING:
        kept.pop("lastHandledRunRequest", None)  # it waited, but never ran: it is still owed
    status = {**kept, **(say.fields or {})}
    status["observedGeneration"] = seen.generation
    status["phase"] = str(say.phase)
    status["message"] = clip(say.message)
    status["conditions"] = _conditions(seen, say, now)
    return _fitting(status)


def _fitting(status: dict[str, Any]) -> dict[str, Any]:
    """Etcd, and whoever watches, get the whole object at each write."""
    if len(pydantic_core.to_json(status)) <= models.SIZE_MAX:
        return status
    return models.dump(models.fit(models.LoadTestStatus.model_validate(status)))


def _conditions(seen: Observed, say: Statement, now: datetime) -> list[dict[str, Any]]:
    old = seen.status.get("conditions") or ()
    generation = seen.generation
    stated = [
        conditions.condition(fact.type, fact.status, fact.reason, fact.message, generation, now)
        for fact in (*_overall(say), *_closing(say), *say.facts)
    ]
    types = _COMPUTED.union(item["type"] for item in stated)
    kept = () if say.fresh else [item for item in old if item["type"] not in types]
    return conditions.merge(old, [*stated, *({**item, "observedGeneration": generation} for item in kept)])


_COMPUTED = frozenset({"Ready", "Reconciling", "Stalled", "Completed", "Passed"})


def _overall(say: Statement) -> tuple[Fact, ...]:
    """Ready always; Reconciling and Stalled only when they are true, and never both."""
    ready = {Outcome.WORKING: None, Outcome.PASSES: True, Outcome.FAILS: False, Outcome.HELD: False}[say.outcome]
    facts = (Fact(ConditionType.READY, ready, say.reason, say.message),)
    match say.outcome:
        case Outcome.WORKING:
            return (*facts, Fact(ConditionType.RECONCILING, True, say.reason, say.message))
        case Outcome.FAILS:
            return (*facts, Fact(ConditionType.STALLED, True, say.reason, say.message))
        case Outcome.PASSES | Outcome.HELD:
            return facts


def _closing(say: Statement) -> tuple[Fact, ...]:
    # Over, but another run follows at once: whoever waits for Completed or Passed waits for that one.
    done = say.phase.terminal and say.outcome is not Outcome.WORKING
    message = say.message if done else f"phase {say.phase}"
    completed = Fact(ConditionType.COMPLETED, done, str(say.phase), message)
    return (completed, Fact(ConditionType.PASSED, say.passed if done else None, say.reason, message))


def clip(text: str, length: int = MESSAGE_LENGTH) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def stamp(moment: datetime) -> str:
    return quantities.timestamp(moment)


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return dict(one) == dict(other)
