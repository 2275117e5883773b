"""Which LoadTestSchedule made a LoadTest, by its owner reference: a label alone is what anybody may copy."""

from collections.abc import Mapping
from typing import Any, Final

from loadtest_operator.build.names import GROUP

KIND: Final = "LoadTestSchedule"


def owner(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The reference to the schedule that controls the object."""
    for reference in metadata.get("ownerReferences") or ():
        group = str(reference.get("apiVersion", "")).partition("/")[0]
        if reference.get("controller") and reference.get("kind") == KIND and group == GROUP:
            return dict(reference)
    return None


def schedule_of(metadata: Mapping[str, Any]) -> str | None:
    """The name of the schedule that a LoadTest belongs to, from its raw metadata; None for one made by hand."""
    found = owner(metadata)
    return str(found["name"]) if found and found.get("name") else None


def series_of(schedule: str) -> str:
    """The chain of comparable runs that all LoadTests of a schedule belong to."""
    return f"{KIND.lower()}/{schedule}"
