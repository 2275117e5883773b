"""`--set load.users=50`: values of the file replaced on the command line, by path."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import yaml

from loadtest_operator.cli.errors import UserError

ROOTS = ("spec", "metadata")


def apply(raw: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """A copy with each `path=value` in it. Paths begin below spec; the value is YAML, and `null` removes the field."""
    result = copy.deepcopy(raw)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {assignment}: write it as path=value, for example --set load.users=50.")
        parts = _parts(path.strip(), assignment)
        if parts[0] not in ROOTS:
            parts = ["spec", *parts]
        _assign(result, parts, _value(text, assignment), assignment)
    return result


def _parts(path: str, assignment: str) -> list[str | int]:
    if not re.fullmatch(r"[^.\[\]]+(\.[^.\[\]]+|\[\d+\])*", path):
        raise UserError(f"--set {assignment}: {path!r} is not a path such as load.users or thresholds[0].fail.")
    return [int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)]


def _value(text: str, assignment: str) -> object:
    try:
        return yaml.safe_load(text) if text.strip() else ""
    except yaml.YAMLError:
        raise UserError(f"--set {assignment}: the value {text!r} is not YAML; put quotes around it.") from None


def _assign(root: dict[str, Any], parts: Sequence[str | int], value: object, assignment: str) -> None:
    target: Any = root
    walked = ""
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        _fits(target, part, walked, assignment)
        if following is None:
            if value is not None:
                target[part] = value
            elif isinstance(target, dict):
                target.pop(part, None)
            else:
                del target[part]
        else:
            if isinstance(target, dict) and target.get(part) is None:
                target[part] = [] if isinstance(following, int) else {}
            target = target[part]
            walked += f"[{part}]" if isinstance(part, int) else f".{part}"


def _below_spec(place: str) -> str:
    return place.removeprefix("spec.")


def _fits(target: object, part: str | int, walked: str, assignment: str) -> None:
    place = walked.removeprefix(".") or "the object"
    if isinstance(part, int):
        if not isinstance(target, list):
            raise UserError(f"--set {assignment}: {place} is not a list.")
        if part >= len(target):
            raise UserError(f"--set {assignment}: {place} has {len(target)} items, and counting begins with 0.")
    elif isinstance(target, list):
        raise UserError(f"--set {assignment}: {place} is a list; say which item, as in {_below_spec(place)}[0].")
    elif not isinstance(target, dict):
        raise UserError(f"--set {assignment}: {place} is {target!r}, which has no field {part!r}.")
