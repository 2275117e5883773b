"""Argo CD's health of an object, by our script and the interpreter of the version that Argo CD has inside (5.1)."""

import subprocess
from typing import Any

import yaml

from tests.testcluster import debian, paths

SCRIPTS: dict[str, str] = yaml.safe_load((paths.REPOSITORY / "manifests/argocd/health.yaml").read_text())["data"]
KEY = "resource.customizations.health.loadtest.dev_"
# As Argo CD runs it: base functions and `table` alone, and the object as a global.
HARNESS = """
local script = assert(loadstring(SCRIPT))
setfenv(script, {obj = OBJECT, table = table, ipairs = ipairs, pairs = pairs, type = type, tostring = tostring})
local health = script()
io.write(health.status, "\\n", health.message or "")
"""


def interpreter() -> str:
    debian.ensure({"lua5.1": "lua5.1"})
    return "lua5.1"


def health(lua: str, seen: dict[str, Any]) -> tuple[str, str]:
    """Status and message, by the script for the object's kind."""
    script = SCRIPTS[f"{KEY}{seen['kind']}"]
    text = f"SCRIPT = {_literal(script)}\nOBJECT = {_literal(seen)}\n{HARNESS}"
    done = subprocess.run([lua, "-"], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    status, _, message = done.stdout.partition("\n")
    return status, message


def _literal(value: Any) -> str:
    """As Lua writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_literal(key)}] = {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(_literal(item) for item in value) + "}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, bool) or value is None:
        return "nil" if value is None else str(value).lower()
    return str(value)
