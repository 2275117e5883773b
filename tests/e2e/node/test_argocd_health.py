"""What Argo CD's Lua makes of each state, by the interpreter of the version that Argo CD has inside (5.1)."""

from typing import Any

import pytest

from tests.support import argocd
from tests.support.argocd import KEY, SCRIPTS

GENERATION = 3


def conditions(*found: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [
        {"type": kind, "status": status, "reason": reason, "message": f"{kind} because {reason}"}
        for kind, status, reason in found
    ]


def settled(ready: str, reason: str, *more: tuple[str, str, str]) -> dict[str, Any]:
    return {"observedGeneration": GENERATION, "conditions": conditions(("Ready", ready, reason), *more)}


def working(reason: str) -> dict[str, Any]:
    return settled("Unknown", reason, ("Reconciling", "True", reason))


def stalled(reason: str) -> dict[str, Any]:
    return settled("False", reason, ("Stalled", "True", reason), ("Completed", "True", reason))


STATES: dict[str, tuple[dict[str, Any] | None, str]] = {
    "without a status": (None, "Progressing"),
    "never reconciled": ({"observedGeneration": -1}, "Progressing"),
    "queued": (working("Queued"), "Progressing"),
    "running": (working("Running"), "Progressing"),
    "a new attempt after a lost master": (working("MasterLost"), "Progressing"),
    "passed": (settled("True", "Passed", ("Passed", "True", "Passed")), "Healthy"),
    "a warning that the gate lets through": (settled("True", "Warning", ("Passed", "False", "Warning")), "Healthy"),
    "failed": (stalled("Failed"), "Degraded"),
    "an error of the run": (stalled("DeadlineExceeded"), "Degraded"),
    "an invalid spec": (stalled("InvalidSpec"), "Degraded"),
    "cancelled": (stalled("Cancelled"), "Degraded"),
    "suspended": (settled("False", "Suspended"), "Suspended"),
    "a suspended schedule": (settled("True", "Suspended"), "Healthy"),
    "not ready, and nothing says why": (settled("False", "Other"), "Progressing"),
    "passed, before the last edit": ({**settled("True", "Passed"), "observedGeneration": 2}, "Progressing"),
    "failed, before the last edit": ({**stalled("Failed"), "observedGeneration": 2}, "Progressing"),
    "without conditions": ({"observedGeneration": GENERATION}, "Progressing"),
}


@pytest.fixture(scope="module")
def lua() -> str:
    return argocd.interpreter()


@pytest.mark.parametrize(("status", "expected"), STATES.values(), ids=STATES)
def test_every_state_has_the_health_that_gates_need(lua: str, status: dict[str, Any] | None, expected: str) -> None:
    health, message = _health(lua, status)
    assert health == expected
    assert message, "a person is told why"


def test_a_failure_says_what_failed(lua: str) -> None:
    assert _health(lua, stalled("Failed"))[1] == "Stalled because Failed"


def test_both_kinds_are_judged_alike() -> None:
    assert SCRIPTS.keys() == {f"{KEY}LoadTest", f"{KEY}LoadTestSchedule"}
    assert len(set(SCRIPTS.values())) == 1


def _health(lua: str, status: dict[str, Any] | None) -> tuple[str, str]:
    seen = {"kind": "LoadTest", "metadata": {"generation": GENERATION}, **({"status": status} if status else {})}
    return argocd.health(lua, seen)
