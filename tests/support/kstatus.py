"""What Flux reads from a resource (kstatus of cli-utils), and which of our rules for its conditions an object breaks.

Our own reading of docs/gitops.md, made from nothing but the object: it shares no code with the operator.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

Object = dict[str, Any]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
REASON = re.compile(r"[A-Z][A-Za-z]*")


class KStatus(StrEnum):
    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


def compute(seen: Object) -> KStatus:
    """In the order in which kstatus decides; it reads no other condition, and no phase."""
    status = seen.get("status") or {}
    if "deletionTimestamp" in seen["metadata"]:
        return KStatus.TERMINATING
    if "observedGeneration" in status and status["observedGeneration"] != seen["metadata"]["generation"]:
        return KStatus.IN_PROGRESS
    for item in status.get("conditions", []):
        if item["status"] == "True" and item["type"] in {"Reconciling", "Stalled"}:
            return KStatus.IN_PROGRESS if item["type"] == "Reconciling" else KStatus.FAILED
    ready = _condition(seen, "Ready")
    return KStatus.CURRENT if ready is None or ready["status"] == "True" else KStatus.IN_PROGRESS


def observed(seen: Object) -> bool:
    """Whether the operator has looked at this generation."""
    return bool((seen.get("status") or {}).get("observedGeneration") == seen["metadata"]["generation"])


def broken_rules(seen: Object) -> list[str]:
    """Sentences about the conditions of an object, whatever state it is in; none when all is well."""
    status = seen.get("status") or {}
    if status.get("observedGeneration") is None:
        return ["status.observedGeneration is missing: with no status at all a gate would open"]
    if status["observedGeneration"] == -1:
        return [] if status == {"observedGeneration": -1} else ["observedGeneration is -1 although status was written"]
    found = [f"{item['type']}: {what}" for item in status.get("conditions", []) for what in _wrong(item, status)]
    return found + [what for what, holds in _TOGETHER.items() if not holds(seen)]


def _wrong(item: Object, status: Object) -> list[str]:
    checks = {
        "has no reason that is one word": REASON.fullmatch(item.get("reason", "")),
        "has no message": item.get("message"),
        "has no time in the form of RFC 3339": TIME.fullmatch(item.get("lastTransitionTime", "")),
        "is of another generation than the status": item.get("observedGeneration") == status["observedGeneration"],
        "is there without being True": item["type"] not in {"Reconciling", "Stalled"} or item["status"] == "True",
    }
    return [what for what, holds in checks.items() if not holds]


def _condition(seen: Object, kind: str) -> Object | None:
    found = (seen.get("status") or {}).get("conditions", [])
    return next((item for item in found if item["type"] == kind), None)


def _is(seen: Object, kind: str, *statuses: str) -> bool:
    """Also when it is not there: then nothing is claimed."""
    found = _condition(seen, kind)
    return found is None or found["status"] in statuses


_TOGETHER: dict[str, Callable[[Object], bool]] = {
    "Ready is missing": lambda seen: _condition(seen, "Ready") is not None,
    "Reconciling and Stalled are both there": lambda seen: (
        not (_condition(seen, "Reconciling") and _condition(seen, "Stalled"))
    ),
    "Stalled without Ready=False": lambda seen: _condition(seen, "Stalled") is None or _is(seen, "Ready", "False"),
    "Reconciling without Ready=Unknown": lambda seen: (
        _condition(seen, "Reconciling") is None or _is(seen, "Ready", "Unknown")
    ),
    "Stalled has another reason than Ready": lambda seen: (
        (stalled := _condition(seen, "Stalled")) is None
        or stalled["reason"] == (_condition(seen, "Ready") or {}).get("reason")
    ),
}
