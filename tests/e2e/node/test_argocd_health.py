"""What Argo CD's Lua makes of each state, by the interpreter of the version that Argo CD has inside (5.1)."""

import subprocess
from typing import Any

import pytest
import yaml

from tests.testcluster import debian, paths

SCRIPTS: dict[str, str] = yaml.safe_load((paths.REPOSITORY / "manifests/argocd/health.yaml").read_text())["data"]
KEY = "resource.customizations.health.loadtest.dev_"
GENERATION = 3
# As Argo CD runs it: base functions and `table` alone, and the object as a global.
HARNESS = """
local script = assert(loadstring(SCRIPT))
setfenv(script, {obj = OBJECT, table = table, ipairs = ipairs, pairs = pairs, type = type, tostring = tostring})
local health = script()
io.write(health.status, "\\n", health.message or "")
"""


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
    debian.ensure({"lua5.1": "lua5.1"})
    return "lua5.1"


@pytest.mark.parametrize(("status", "expected"), STATES.values(), ids=STATES)
def test_every_state_has_the_health_that_gates_need(lua: str, status: dict[str, Any] | None, expected: str) -> None:
    health, message = _health(lua, SCRIPTS[f"{KEY}LoadTest"], status)
    assert health == expected
    assert message, "a person is told why"


def test_a_failure_says_what_failed(lua: str) -> None:
    assert _health(lua, SCRIPTS[f"{KEY}LoadTest"], stalled("Failed"))[1] == "Stalled because Failed"


def test_both_kinds_are_judged_alike() -> None:
    assert SCRIPTS.keys() == {f"{KEY}LoadTest", f"{KEY}LoadTestSchedule"}
    assert len(set(SCRIPTS.values())) == 1


def _health(lua: str, script: str, status: dict[str, Any] | None) -> tuple[str, str]:
    seen = {"metadata": {"generation": GENERATION}, **({"status": status} if status else {})}
    text = f"SCRIPT = {_literal(script)}\nOBJECT = {_literal(seen)}\n{HARNESS}"
    done = subprocess.run([lua, "-"], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    health, _, message = done.stdout.partition("\n")
    return health, message


def _literal(value: Any) -> str:
    """As Lua writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_literal(key)}] = {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(_literal(item) for item in value) + "}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)
