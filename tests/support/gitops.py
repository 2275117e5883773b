"""The table of docs/gitops.md: what Flux and Argo CD are to make of an object, by its spec, phase and verdict."""

from dataclasses import dataclass
from typing import Any

from tests.support.kstatus import KStatus, observed

Object = dict[str, Any]
FAIL_ON = {"Failed", "Regressed", "Invalid"}  # gate.failOn when the spec does not say
# Only a change of the spec helps; with any other reason a LoadTest that has not begun may begin by itself.
NEEDS_A_PERSON = {"InvalidSpec", "NotSupportedYet", "InputInvalid", "NameTaken", "PolicyRefused", "RateNeedsArrivals"}


@dataclass(frozen=True)
class Expected:
    """`reasons` are those that Ready may have; empty: any."""

    kstatus: KStatus
    argo: str
    reasons: frozenset[str] = frozenset()


def waits(*reasons: str) -> Expected:
    return Expected(KStatus.IN_PROGRESS, "Progressing", frozenset(reasons))


def opens(*reasons: str) -> Expected:
    return Expected(KStatus.CURRENT, "Healthy", frozenset(reasons))


def fails(*reasons: str) -> Expected:
    return Expected(KStatus.FAILED, "Degraded", frozenset(reasons))


def expected(seen: Object) -> Expected:
    if "deletionTimestamp" in seen["metadata"]:
        return Expected(KStatus.TERMINATING, "")  # Argo CD looks at that before it asks any script
    if not observed(seen):
        return waits()
    return _of_schedule(seen) if seen["kind"] == "LoadTestSchedule" else _of_test(seen)


def _of_test(seen: Object) -> Expected:
    status = seen["status"]
    match status.get("phase"):
        case "Completed" | "Error" if _says(seen, "Completed", "status") == "False":
            return waits()  # another run follows by itself
        case "Completed" if status["verdict"] in _fail_on(seen):
            return fails(status["verdict"])
        case "Completed":
            return opens(status["verdict"])
        case "Error":
            return fails()
        case "Cancelled":
            return fails("Cancelled")
        case "Suspended":
            return Expected(KStatus.IN_PROGRESS, "Suspended", frozenset({"Suspended"}))
        case "Pending" if _reason(seen) in NEEDS_A_PERSON:
            return fails()
        case _:
            return waits()


def _of_schedule(seen: Object) -> Expected:
    if _reason(seen) in NEEDS_A_PERSON:
        return fails()
    if seen["spec"].get("suspend"):
        return opens("Suspended")
    if _reason(seen) in {"AccessMissing", "PodsRefused"}:
        return waits()
    return opens("Scheduled")


def _fail_on(seen: Object) -> set[str]:
    return set(seen["spec"].get("gate", {}).get("failOn", FAIL_ON)) | {"Error"}


def _reason(seen: Object) -> str:
    return _says(seen, "Ready", "reason")


def _says(seen: Object, kind: str, what: str) -> str:
    found = (item[what] for item in seen["status"].get("conditions", []) if item["type"] == kind)
    return str(next(found, ""))
