"""What a report is made of, wherever the run was: its facts, what was judged, the windows if they are still there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loadtest_operator.verdict.record import RunRecord


@dataclass(frozen=True, slots=True)
class Content:
    """The parts from `message` on are as the status has them: short texts with units, under the same names."""

    run: str
    test: str
    namespace: str
    number: int
    verdict: str
    message: str
    series: str = ""
    phase: str = ""
    attempt: int = 1
    target: str = ""
    version: str = ""
    start: datetime | None = None
    """None: it broke before there was load."""
    end: datetime | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    endpoints: Sequence[Mapping[str, Any]] = ()
    errors: Sequence[Mapping[str, Any]] = ()
    thresholds: Sequence[Mapping[str, Any]] = ()
    validity: Mapping[str, Any] = field(default_factory=dict)
    comparison: Mapping[str, Any] | None = None
    record: RunRecord | None = None
    """None: nothing was measured, or the windows are not kept any more."""
