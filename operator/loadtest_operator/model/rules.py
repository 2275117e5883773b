"""Rules between fields, declared once beside their model: in CEL for the API server, in Python for everywhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from loadtest_operator.model import walking


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for one object: `cel` over the YAML names, `holds` over the model, and one message for both.

    `at` is the field that the answer points to, relative to the object ('' for the object itself).
    """

    cel: str
    holds: Callable[[Any], bool]
    message: str
    at: str = ""


def cel_name(name: str) -> str:
    """A field's name as CEL wants it: reserved words are escaped."""
    return f"__{name}__" if name in _RESERVED else name


_RESERVED = frozenset({"for", "in", "namespace", "null", "true", "false", "import", "function", "return", "var"})


def is_set(obj: BaseModel, name: str) -> bool:
    """Whether a field is there; a flag counts when it is true, so that an explicit `false` changes nothing."""
    value = walking.value(obj, name)
    return value is not None and value is not False


def _has(name: str, flags: frozenset[str]) -> str:
    field = f"self.{cel_name(name)}"
    return f"(has({field}) && {field})" if name in flags else f"has({field})"


def _count(names: tuple[str, ...], flags: frozenset[str]) -> str:
    return f"[{', '.join(_has(name, flags) for name in names)}].filter(set, set).size()"


def exactly_one(*names: str, flags: frozenset[str] = frozenset(), hint: str = "") -> Rule:
    """Exactly one of these fields is set."""
    return Rule(
        cel=f"{_count(names, flags)} == 1",
        holds=lambda obj: sum(is_set(obj, name) for name in names) == 1,
        message=f"set exactly one of {listed(names)}{hint}",
    )


def at_most_one(*names: str, hint: str = "") -> Rule:
    """At most one of these fields is set."""
    return Rule(
        cel=f"{_count(names, frozenset())} <= 1",
        holds=lambda obj: sum(is_set(obj, name) for name in names) <= 1,
        message=f"set only one of {listed(names)}{hint}",
    )


def at_least_one(*names: str, hint: str = "") -> Rule:
    """One or more of these fields are set."""
    return Rule(
        cel=" || ".join(_has(name, frozenset()) for name in names),
        holds=lambda obj: any(is_set(obj, name) for name in names),
        message=f"set at least one of {listed(names)}{hint}",
    )


def needs(name: str, *others: str, flags: frozenset[str] = frozenset(), hint: str = "") -> Rule:
    """A field that only means something together with one of some others."""
    return Rule(
        cel=f"!{_has(name, flags)} || {' || '.join(_has(other, flags) for other in others)}",
        holds=lambda obj: not is_set(obj, name) or any(is_set(obj, other) for other in others),
        message=f"{name} needs {listed(others, 'or')}: add it, or remove {name}{hint}",
        at=f".{name}",
    )


def excludes(name: str, *others: str, flags: frozenset[str] = frozenset(), hint: str = "") -> Rule:
    """A field that contradicts some others."""
    return Rule(
        cel=f"!{_has(name, flags)} || !({' || '.join(_has(other, flags) for other in others)})",
        holds=lambda obj: not is_set(obj, name) or not any(is_set(obj, other) for other in others),
        message=f"{name} cannot be combined with {listed(others, 'or')}: remove one{hint}",
        at=f".{name}",
    )


def listed(names: tuple[str, ...], word: str = "and") -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
