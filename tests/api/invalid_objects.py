"""The tables of objects that are accepted and refused, read from their YAML; used with and without an API server."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Refused:
    """One invalid object, the field that answers must name, and a part of what they must say."""

    why: str
    kind: str
    raw: dict[str, Any]
    field: str
    says: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}"


def refused() -> list[Refused]:
    """Every invalid object."""
    table = yaml.safe_load((FOLDER / "invalid_objects.yaml").read_text())
    return list(_rows(table))


def accepted() -> list[dict[str, Any]]:
    """Every valid object."""
    return list(yaml.safe_load_all((FOLDER / "valid_objects.yaml").read_text()))


def _rows(table: dict[str, Any]) -> Iterator[Refused]:
    for kind, rows in table["objects"].items():
        for row in rows:
            raw = copy.deepcopy(table["base"][kind])
            for path, value in row["set"].items():
                _put(raw, path.split("."), copy.deepcopy(value))
            yield Refused(row["why"], kind, raw, row["field"], row.get("says", ""))


def _put(raw: dict[str, Any], path: list[str], value: object) -> None:
    for part in path[:-1]:
        raw = raw.setdefault(part, {})
    if value is None:
        del raw[path[-1]]
    else:
        raw[path[-1]] = value
