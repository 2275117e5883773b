"""Read the objects of a declarative scenario: types, durations, variables, and complaints that name the field."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NoReturn, cast

from loadtest_agent import durations, protocol
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest_agent.config import JsonObject

_ENV = re.compile(r"\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")


class Block:
    """One object of the scenario; every complaint names the field."""

    def __init__(self, data: JsonObject, path: str) -> None:
        self._data = data
        self._path = path

    def wrong(self, name: str, problem: str) -> NoReturn:
        raise AgentError(protocol.Reason.SCRIPT_ERROR, f"{self._path}.{name} {problem}")

    def has(self, name: str) -> bool:
        return self._data.get(name) is not None

    def value(self, name: str) -> object:
        return self._data.get(name)

    def string(self, name: str, default: str | None = None, *, raw: bool = False) -> str:
        value = self._data.get(name)
        if value is None:
            if default is None:
                self.wrong(name, "is missing")
            value = default
        if not isinstance(value, str):
            self.wrong(name, f"must be a string, not {value!r}")
        return value if raw else fill(value)

    def number(self, name: str, default: float) -> float:
        value = self._data.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            self.wrong(name, f"must be a number of at least 0, not {value!r}")
        return float(value)

    def duration(self, name: str, default: float) -> float:
        value = self._data.get(name)
        if value is None:
            return default
        try:
            return durations.seconds(str(value))
        except ValueError as error:
            self.wrong(name, str(error))

    def think(self, default: tuple[float, float]) -> tuple[float, float]:
        value = self._data.get("thinkTime")
        if value is None:
            return default
        if isinstance(value, str):
            return (self.duration("thinkTime", 0.0),) * 2
        block = self.block("thinkTime")
        least = block.duration("min", default[0] if not block.has("max") else 0.0)
        most = block.duration("max", least)
        if most < least:
            block.wrong("max", "is below min")
        return least, most

    def mapping(self, name: str) -> JsonObject:
        value = self._data.get(name) or {}
        if not isinstance(value, dict):
            self.wrong(name, f"must be an object, not {value!r}")
        return cast("JsonObject", value)

    def strings(self, name: str) -> dict[str, str]:
        return {key: fill(scalar(value)) for key, value in self.mapping(name).items()}

    def block(self, name: str) -> Block:
        return Block(self.mapping(name), f"{self._path}.{name}")

    def blocks(self, name: str) -> list[Block]:
        value = self._data.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            self.wrong(name, "must be a list of objects, at least one")
        return [Block(item, f"{self._path}.{name}[{index}]") for index, item in enumerate(value)]


def fill(text: str) -> str:
    """{env.NAME} becomes the variable's value; other braces stay as they are."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in os.environ:
            raise AgentError(
                protocol.Reason.SCRIPT_ERROR, f"{{env.{name}}} is used in scenario.http, but {name} is not set"
            )
        return os.environ[name]

    return _ENV.sub(value, text)


def fill_all(value: object) -> object:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, list):
        return [fill_all(item) for item in value]
    if isinstance(value, dict):
        return {name: fill_all(item) for name, item in value.items()}
    return value


def as_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def scalar(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
