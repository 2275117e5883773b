"""Read durations as users write them (`250ms`, `1m30s`, Go's notation); pure."""

from __future__ import annotations

import re

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def seconds(text: str) -> float:
    """ValueError for what is not a duration; a plain 0 needs no unit."""
    if text == "0":
        return 0.0
    total, end = 0.0, 0
    while end < len(text):
        part = _PART.match(text, end)
        if part is None:
            raise ValueError(f"{text!r} is not a duration like 250ms, 2s or 1m30s")
        total += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    if not text:
        raise ValueError("a duration like 250ms, 2s or 1m30s is missing")
    return total
