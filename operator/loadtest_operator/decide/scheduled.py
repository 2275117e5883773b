"""A LoadTest as its schedule sees it: whose it is, which minute it is for, whether it is over and how it came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from loadtest_operator.build.names import ANNOTATION_RUN_REQUESTED, GROUP
from loadtest_operator.model import conditions
from loadtest_operator.model.conditions import ConditionType
from loadtest_operator.model.phases import Phase

KIND: Final = "LoadTestSchedule"

Raw = Mapping[str, Any]


def owner(metadata: Raw) -> Raw | None:
    """The reference to the schedule that controls the object."""
    for reference in metadata.get("ownerReferences") or ():
        group = str(reference.get("apiVersion", "")).partition("/")[0]
        if reference.get("controller") and reference.get("kind") == KIND and group == GROUP:
            return dict(reference)
    return None


def schedule_of(metadata: Raw) -> str | None:
    """The name of the schedule that a LoadTest belongs to, from its raw metadata; None for one made by hand."""
    found = owner(metadata)
    return str(found["name"]) if found and found.get("name") else None


def series_of(schedule: str) -> str:
    """The chain of comparable runs that all LoadTests of a schedule belong to."""
    return f"{KIND.lower()}/{schedule}"


@dataclass(frozen=True)
class Made:
    """A LoadTest that a schedule made."""

    raw: Raw

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def minute(self) -> int:
        """The minute of the epoch that it was made for; -1 for one that was given to the schedule by hand."""
        text = self.name.rpartition("-")[2]
        return int(text) if text.isdigit() else -1

    @property
    def age(self) -> tuple[datetime, int]:
        """Sorts by when it was made, whatever the operator's clock said at that time."""
        return self.begun, self.minute

    @property
    def over(self) -> bool:
        """Nothing happens any more without a person: the run has ended, or cannot begin."""
        if self._unanswered:
            return False
        return bool(self._condition(ConditionType.STALLED)) or (
            Phase(self._status.get("phase") or Phase.PENDING).terminal
            and not self._condition(ConditionType.RECONCILING)
        )

    @property
    def passed(self) -> bool:
        return self._condition(ConditionType.PASSED) is True

    @property
    def verdict(self) -> str | None:
        return self._status.get("verdict")

    @property
    def message(self) -> str:
        return str(self._status.get("message") or "")

    @property
    def begun(self) -> datetime:
        return datetime.fromisoformat(self.raw["metadata"]["creationTimestamp"])

    @property
    def ended(self) -> datetime | None:
        text = (self._status.get("run") or {}).get("endTime")
        return datetime.fromisoformat(text) if text else None

    @property
    def _status(self) -> Raw:
        return self.raw.get("status") or {}

    @property
    def _unanswered(self) -> bool:
        """A new spec, or a run that was asked for by annotation."""
        metadata = self.raw["metadata"]
        asked = (metadata.get("annotations") or {}).get(ANNOTATION_RUN_REQUESTED)
        answered = self._status.get("observedGeneration") == metadata.get("generation", 1)
        if self._condition(ConditionType.STALLED) and self._condition(ConditionType.ADMITTED) is False:
            return not answered  # refused: nobody acts on the request before the spec is another one
        return not answered or bool(asked and asked != self._status.get("lastHandledRunRequest"))

    def _condition(self, kind: ConditionType) -> bool | None:
        return {"True": True, "False": False}.get(conditions.told(self._status, kind).get("status", ""))
