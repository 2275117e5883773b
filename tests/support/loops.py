"""How late the event loops of operators were under test, and how long their longest looks took: over a whole session.

Processes of one session write beside each other; the summary reads what all of them wrote.
"""

import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

FOLDER = Path(__file__).parents[2] / "build/loops"
LOOKS, LAGS, LONGEST = "loadtest_reconcile_seconds", "loadtest_loop_lag_seconds", "loadtest_reconcile_max_seconds"


@dataclass
class Figures:
    operators: int = 0
    looks: Counter[float] = field(default_factory=Counter)  # cumulative, by upper bound
    lags: Counter[float] = field(default_factory=Counter)
    longest_s: float = 0.0

    def add(self, text: str) -> None:
        """What an operator says at /metrics."""
        self.operators += 1
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                if one.name == f"{LOOKS}_bucket":
                    self.looks[float(one.labels["le"])] += int(one.value)
                elif one.name == f"{LAGS}_bucket":
                    self.lags[float(one.labels["le"])] += int(one.value)
                elif one.name == LONGEST:
                    self.longest_s = max(self.longest_s, one.value)

    def lines(self) -> Iterator[str]:
        if self.operators:
            yield f"event loops of {self.operators} operators: {_within(self.lags, 'moments')}"
            looks = _within(self.looks, "looks")
            yield f"their looks at LoadTests: {looks}, the longest {self.longest_s:.2f} s"


def _within(buckets: Counter[float], what: str) -> str:
    count = max(buckets.values(), default=0)
    bound = min((limit for limit, value in buckets.items() if value >= 0.99 * count), default=0.0)
    told = "not within 10 s" if math.isinf(bound) else f"within {1000 * bound:g} ms"
    return f"{count} {what}, 99% {told}"


def keep(text: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{os.getpid()}.jsonl").open("a") as told:
        told.write(json.dumps(text) + "\n")


def read() -> Figures:
    found = Figures()
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            found.add(json.loads(line))
    return found


def clear() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
