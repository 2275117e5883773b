"""The real runs of tests/data/runs/quiet: which are valid, what was slowed down in them, and draws from them."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtest_operator.verdict.fingerprint import Fingerprint, fingerprint
from loadtest_operator.verdict.record import RunRecord

from tests.verdict_eval import others
from tests.verdict_eval.counting import Tally, tally

RUNS = Path(__file__).parents[1] / "data" / "runs" / "quiet"
WHOLE = frozenset({"GET /search", "GET /checkout"})
TAIL = frozenset({"GET /item"})


@dataclass(frozen=True)
class Found:
    """By baseline runs and slowdown (1.0: unchanged)."""

    cells: Mapping[tuple[int, float], Tally]
    others: Mapping[float, Counter[str]]
    runs: int
    valid: int


def evaluate(draws: int) -> Found:
    listed = json.loads((RUNS / "index.json").read_text())
    prints: dict[float, list[Fingerprint]] = {}
    plain: dict[float, list[others.PlainRun]] = {}
    for entry in listed:
        record = RunRecord.loads((RUNS / f"{entry['run']}.json.gz").read_bytes())
        if not record.environment.valid:
            continue
        found = fingerprint(record)
        prints.setdefault(entry["slowdown"], []).append(found)
        plain.setdefault(entry["slowdown"], []).append(others.plain(record, found))
    cells, beside = {}, {}
    for slowdown in sorted(prints):
        new = None if slowdown == 1.0 else prints[slowdown]
        changed = frozenset() if slowdown == 1.0 else WHOLE | TAIL
        for runs in (10, 3):
            cells[runs, slowdown] = tally(draws, f"real {runs} {slowdown}", prints[1.0], new, changed, runs)
        new_plain = None if slowdown == 1.0 else plain[slowdown]
        beside[slowdown] = others.count(draws, f"real others {slowdown}", plain[1.0], new_plain, changed)
    return Found(cells, beside, len(listed), sum(len(several) for several in prints.values()))
