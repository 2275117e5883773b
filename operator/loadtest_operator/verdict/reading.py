"""Reading JSON that others wrote (agents in user pods, imported files): every field checked, every refusal named."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from loadtest_operator.verdict import histogram

MAX_TEXT = 256
_MAX_COUNT = 2**53
_YEAR_9999 = 253_370_764_800
_WANTED: Any = object()


class BadInputError(ValueError):
    """What was read is not what it should be; the message names the field and the value."""


class Reader:
    """One JSON object, with typed access. An absent or null field takes the default; without one it is refused."""

    __slots__ = ("_raw", "_where")

    def __init__(self, raw: object, where: str) -> None:
        if not isinstance(raw, Mapping):
            raise BadInputError(f"{where} is {_shown(raw)}, not an object")
        self._raw = raw
        self._where = where

    def text(self, key: str, default: str = _WANTED) -> str:
        found = self._get(key, default)
        if not isinstance(found, str):
            raise self._bad(key, found, "a text")
        return found[:MAX_TEXT]

    def count(self, key: str, default: int = _WANTED) -> int:
        found = self._get(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= _MAX_COUNT:
            raise self._bad(key, found, "a count")
        return found

    def number(self, key: str, default: float = _WANTED) -> float:
        found = self._get(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not (math.isfinite(found) and found >= 0):
            raise self._bad(key, found, "a number of 0 or more")
        return found

    def optional_number(self, key: str) -> float | None:
        return None if self._raw.get(key) is None else self.number(key)

    def numbers(self, key: str) -> tuple[float, ...]:
        found = self._get(key, [])
        if not isinstance(found, list):
            raise self._bad(key, found, "a list of numbers")
        return tuple(Reader({key: one}, self._where).number(key) for one in found)

    def microseconds(self, key: str) -> int | None:
        """Seconds as microseconds. User code may report NaN or less than nothing as a latency: that is not measured."""
        found = self._raw.get(key)
        if isinstance(found, int | float) and not 0 <= found <= _MAX_COUNT / 1e6:
            return None
        seconds = self.optional_number(key)
        return None if seconds is None else round(seconds * 1e6)

    def moment(self, key: str) -> float | None:
        """Seconds since the epoch; None also for what no calendar has."""
        found = self.optional_number(key)
        return found if found is not None and found <= _YEAR_9999 else None

    def flag(self, key: str, *, default: bool) -> bool:
        found = self._get(key, default)
        if not isinstance(found, bool):
            raise self._bad(key, found, "true or false")
        return found

    def words(self, key: str) -> tuple[str, ...]:
        found = self._get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self._bad(key, found, "a list of texts")
        return tuple(one[:MAX_TEXT] for one in found)

    def texts(self, key: str) -> dict[str, str]:
        found = self._get(key, {})
        if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found.values()):
            raise self._bad(key, found, "texts by name")
        return {str(name)[:MAX_TEXT]: one[:MAX_TEXT] for name, one in found.items()}

    def child(self, key: str) -> "Reader":
        return Reader(self._get(key, {}), f"{self._where}.{key}")

    def children(self, key: str) -> Iterator["Reader"]:
        found = self._get(key, [])
        if not isinstance(found, list):
            raise self._bad(key, found, "a list")
        for at, one in enumerate(found):
            yield Reader(one, f"{self._where}.{key}[{at}]")

    def histogram(self, key: str) -> bytes:
        """A histogram with decimal texts as buckets, packed."""
        found = self._get(key, {})
        if not isinstance(found, Mapping):
            raise self._bad(key, found, "a histogram")
        buckets: dict[int, int] = {}
        for text, n in found.items():
            if not (
                isinstance(text, str) and text.isascii() and text.isdecimal() and int(text) <= histogram.MAX_BUCKET
            ):
                raise self._bad(key, text, f"a bucket from 0 to {histogram.MAX_BUCKET}")
            if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= _MAX_COUNT:
                raise self._bad(key, n, "a count")
            buckets[int(text)] = n
        return histogram.pack(buckets)

    def _get(self, key: str, default: Any) -> Any:
        found = self._raw.get(key)
        if found is not None:
            return found
        if default is _WANTED:
            raise BadInputError(f"{self._where} has no {key}")
        return default

    def _bad(self, key: str, found: object, wanted: str) -> BadInputError:
        return BadInputError(f"{self._where}.{key} is {_shown(found)}, not {wanted}")


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:57]}..."
