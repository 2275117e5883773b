"""The findings of a comparison as rows, each with its place on a common scale."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHARE = re.compile(r"[+−-]?\d+(\.\d+)?%")
# So much of the scale's width stays free at each end.
_MARGIN = 1.1


@dataclass(frozen=True, slots=True)
class Interval:
    """In percent of the scale's width."""

    zero: float
    low: float
    high: float
    change: float


@dataclass(frozen=True, slots=True)
class FindingRow:
    told: Mapping[str, Any]
    interval: Interval | None
    """None: it cannot be drawn on the scale of the others."""


def finding_rows(comparison: Mapping[str, Any] | None) -> list[FindingRow]:
    findings = [one for one in (comparison or {}).get("findings") or () if isinstance(one, Mapping)]
    numbers = [_numbers(one) for one in findings]
    reach = max((abs(value) for three in numbers if three for value in three), default=0.0) * _MARGIN
    return [FindingRow(one, _interval(three, reach)) for one, three in zip(findings, numbers, strict=True)]


def _numbers(finding: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Low, change, high. A difference of error rates is not a relative change and has no place beside those."""
    texts = [str(finding.get(key) or "") for key in ("low", "change", "high")]
    if finding.get("metric") == "errorRate" or not all(_SHARE.fullmatch(text) for text in texts):
        return None
    low, change, high = (float(text.rstrip("%").replace("−", "-")) for text in texts)
    return low, change, high


def _interval(numbers: tuple[float, float, float] | None, reach: float) -> Interval | None:
    if numbers is None or not reach:
        return None
    low, change, high = (round(50 + value / reach * 50, 2) for value in numbers)
    return Interval(50.0, low, high, change)
