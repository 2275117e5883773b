"""The building blocks of all models: their base class, and markers that bound every text, list and map.

A marker is read twice: pydantic validates with it here, and `crd` turns it into the API server's schema.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from loadtest_operator.model.rules import Rule


class Model(BaseModel):
    """Frozen, without unknown fields, camelCase in YAML and snake_case in Python; its `rules` hold."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        if not self.rules:
            return self
        broken = [(rule.at, rule.message) for rule in self.rules if not rule.holds(self)]
        if broken:
            raise PydanticCustomError("broken_rules", "{text}", {"text": broken[0][1], "broken": broken})
        return self


class Lenient(Model):
    """What the API server or another version wrote: unknown fields are passed over."""

    model_config = ConfigDict(extra="ignore")


def broken(message: str) -> PydanticCustomError:
    """An error whose message is already the sentence for the person."""
    return PydanticCustomError("broken", "{text}", {"text": message})


@dataclass(frozen=True)
class Text:
    """A bounded string. With a pattern (without anchors), `says` is the sentence for one that does not match.

    `bound` limits it further: a CEL condition over `self` with its Python twin. `beyond` answers what is wrong with one
    in ways that no schema can tell, '' for nothing.
    """

    max: int
    pattern: str = ""
    says: str = ""
    min: int = 1
    bound: str = ""
    within: Callable[[str], bool] = field(default=lambda _: True)
    beyond: Callable[[str], str] = field(default=lambda _: "")

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    @property
    def cel(self) -> str:
        """Pattern and bound as the API server checks them."""
        return _cel(self.pattern, self.bound) if self.pattern else ""

    def fits(self, text: str) -> bool:
        """Whether the text has the form of the pattern and keeps the bound."""
        return not self.pattern or (self._regex.fullmatch(text) is not None and self.within(text))

    def check(self, text: str) -> str:
        """The text itself, when it is as it must be."""
        if not self.fits(text):
            raise broken(self.says)
        if problem := self.beyond(text):
            raise broken(problem)
        return text

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(strict=True, min_length=self.min or None, max_length=self.max)
        return core_schema.no_info_after_validator_function(self.check, text) if self.pattern else text


@dataclass(frozen=True)
class Measure:
    """A quantity: a short text in YAML (bounded, with a pattern), a plain number or timedelta in Python.

    `bound` limits the value: a CEL condition over `self`, its Python twin, and both in `says`. `compared` is the CEL
    expression for the value of a text.
    """

    kind: str
    pattern: str
    says: str
    parse: Callable[[str], Any]
    write: Callable[[Any], str]
    value: type
    max: int = 20
    bound: str = ""
    within: Callable[[Any], bool] = field(default=lambda _: True)
    compared: Callable[[str], str] = field(default=lambda text: text)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)

    @property
    def cel(self) -> str:
        """Pattern and bound as the API server checks them."""
        return _cel(self.pattern, self.bound)

    def check(self, raw: object, native: bool = True) -> object:
        """The value of a text, or (where native) a value that is one already."""
        if native and isinstance(raw, self.value) and not isinstance(raw, bool):
            return raw
        if not isinstance(raw, str):
            raise broken(f"{self.says} (write it in quotes)")
        if len(raw) > self.max or not self._regex.fullmatch(raw):
            raise broken(self.says)
        try:
            value = self.parse(raw)
        except ValueError:  # such as the 31st of February
            raise broken(self.says) from None
        if not self.within(value):
            raise broken(self.says)
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            # What comes as JSON is a text; only Python code gives the value itself.
            lambda raw, info: self.check(raw, native=info.mode == "python"),
            serialization=core_schema.plain_serializer_function_ser_schema(self.write, when_used="json"),
        )


@dataclass(frozen=True, slots=True)
class Items:
    """A bounded list; with a key, its items are told apart by that field and none may come twice."""

    max: int
    min: int = 0
    key: str = ""
    rules: tuple[Rule, ...] = ()

    def check(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """The list itself, when it is as it must be."""
        if not self.min <= len(items) <= self.max:
            few = f"is empty: add at least {self.min} or remove the field"
            raise broken(few if not items else f"has {len(items)} items: at most {self.max} are possible")
        keys = [getattr(item, self.key) for item in items] if self.key else []
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise broken(f"{self.key} {twice!r} comes twice: rename or remove one")
        for rule in self.rules:
            if not rule.holds(items):
                raise broken(rule.message)
        return items

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True, slots=True)
class Entries:
    """A bounded map from names to values."""

    max: int

    def check(self, entries: dict[str, Any]) -> dict[str, Any]:
        """The map itself, when it is not too large."""
        if len(entries) > self.max:
            raise broken(f"has {len(entries)} entries: at most {self.max} are possible")
        return entries

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True, slots=True)
class Preserved:
    """A map that is kept as written: the API server checks it when it becomes part of a pod, not here.

    `like` names what it is shaped like.
    """

    like: str


def _cel(pattern: str, bound: str) -> str:
    """The bound is not reached by a text that does not match."""
    matches = f"self.matches({quoted(f'^({pattern})$')})"
    return f"{matches} && {bound}" if bound else matches


def quoted(text: str) -> str:
    """A text as a CEL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
