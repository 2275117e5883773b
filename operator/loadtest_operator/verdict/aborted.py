"""The limit that ended a run early, as the agent says it, the record keeps it, and the operator tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest_operator.verdict.reading import Reader


@dataclass(frozen=True, slots=True)
class Aborted:
    """The limit that ended the load early."""

    reason: str
    """Aborted: a threshold's own rule. TargetDown: nearly all requests failed."""
    name: str
    """What results call the limit."""
    value: float
    says: str

    def to_json(self) -> dict[str, Any]:
        return {"reason": self.reason, "name": self.name, "value": self.value, "message": self.says}

    @classmethod
    def read(cls, raw: Any) -> "Aborted | None":
        """As the agent says it; None when nothing did."""
        if not isinstance(raw, Mapping):
            return None
        reader = Reader(raw, "aborted")
        return cls(
            reader.text("reason", "Aborted"),
            reader.text("name", ""),
            reader.number("value"),
            reader.text("message", ""),
        )
