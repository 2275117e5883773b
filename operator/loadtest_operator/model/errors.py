"""What is wrong with an object, said so that a person can put it right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that cannot stay as it is: its path as written in YAML, and what to do about it."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidSpec(ValueError):
    """An object breaks the rules of its kind; `problems` has one entry for each broken one."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        first, more = self.problems[0], len(self.problems) - 1
        if not more:
            return str(first)
        return f"{first} (and {more} more problem{'s' if more > 1 else ''})"


def at(raw: object, path: Sequence[str | int]) -> object:
    """The value at a path of the object as written, None where it does not reach."""
    for part in path:
        if isinstance(raw, Mapping):
            raw = raw.get(part)
        elif isinstance(raw, Sequence) and not isinstance(raw, str) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            return None
    return raw


def dotted(path: Sequence[str | int]) -> str:
    """`('spec', 'thresholds', 2, 'fail')` as `spec.thresholds[2].fail`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
