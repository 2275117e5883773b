"""The table: what must hold, what was measured, and whether it does."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.verdict_eval import others, population, real
from tests.verdict_eval.counting import MOST_RUNS, Tally


@dataclass(frozen=True)
class Row:
    number: str
    what: str
    target: str
    measured: str
    holds: bool | None
    """None: for comparison only."""


def of_real(found: real.Found) -> Iterator[Row]:
    same, ten = found.cells[10, 1.0], found.cells[10, 1.1]
    twenty, few = found.cells[10, 1.2], found.cells[3, 1.2]
    where = "real runs, 10 in the baseline"
    yield _most("1", f"{where}: false alarms per endpoint", same.share("unchanged"), 0.01)
    yield _most("1", f"{where}: false alarms per run", same.share("runs"), 0.05)
    for label in sorted(real.WHOLE):
        yield _least("2", f"{where}: {label} +10 % found", ten.share(label), 0.90)
        yield _least("2", f"{where}: {label} +20 % found", twenty.share(label), 1.0)
    for label in sorted(real.TAIL):
        yield _least("2", f"{where}: {label} +20 % in the tail alone found", twenty.share(label), 0.95)
    where = "real runs, 3 in the baseline"
    yield _most("3", f"{where}: false alarms per run", found.cells[3, 1.0].share("runs"), 0.02)
    for label in sorted(real.WHOLE):
        yield _least("3", f"{where}: {label} +20 % found", few.share(label), 0.80)
    for slowdown, limit in ((1.1, 0.05), (1.2, 0.005)):
        counted = Tally()
        for label in real.WHOLE:
            counted.counts["n"] += found.cells[10, slowdown].counts[label]
            counted.counts["n passed"] += found.cells[10, slowdown].counts[f"{label} passed"]
        what = f"real runs: Passed given to an endpoint that is {_percent(slowdown - 1)} slower"
        yield _most("5", what, counted.share("n", "passed"), limit)


def of_synthetic(found: population.Found) -> Iterator[Row]:
    one, more = (1.1, 1), (1.1, MOST_RUNS)
    yield _most("4", "synthetic: false alarms per run", found.cells[1.0, 1].share("runs"), 0.03)
    yield _most("4", "same, up to three runs", found.cells[1.0, MOST_RUNS].share("runs"), 0.03)
    yield _least("4", "synthetic: +10 % found with one run", found.cells[one].share("changed"), 0.60)
    yield _least("4", "synthetic: +10 % found with up to three", found.cells[more].share("changed"), 0.85)
    yield _least("4", "synthetic: +20 % found with one run", found.cells[1.2, 1].share("changed"), 0.95)
    for key, limit in ((one, 0.05), (more, 0.05), ((1.2, 1), 0.005), ((1.2, MOST_RUNS), 0.005)):
        runs = "one run" if key[1] == 1 else "up to three"
        what = f"synthetic: Passed given to an endpoint that is {_percent(key[0] - 1)} slower, {runs}"
        yield _most("5", what, found.cells[key].share("changed", "passed"), limit)
    power = found.cells[one].share("changed confident")
    yield _least("8", "synthetic: +10 % found where 10 % or less was said to be detectable", power, 0.75)
    runs = found.cells[more].counts["new runs"] / max(1, found.cells[more].counts["runs"])
    used = found.cells[1.0, MOST_RUNS].counts["new runs"] / max(1, found.cells[1.0, MOST_RUNS].counts["runs"])
    yield Row("4", "runs used of up to three: unchanged, +10 %", "", f"{used:.2f}, {runs:.2f}", None)


def of_wide(found: population.Found) -> Iterator[Row]:
    yield _most("6", "50 endpoints: false alarms per run", found.cells[1.0, 1].share("runs"), 0.05)
    yield _least("6", "50 endpoints: one at +20 % found", found.cells[1.2, 1].share("changed"), 0.80)


def beside(kind: str, unchanged: Counter[str], ten: Counter[str], twenty: Counter[str]) -> Iterator[Row]:
    for name in others.RULES:
        told = [
            ("false alarms per endpoint", _of(unchanged, name, "unchanged")),
            ("per run", _of(unchanged, name, "runs")),
            ("+10 % found", _of(ten, name, "changed")),
            ("+20 % found", _of(twenty, name, "changed")),
        ]
        for what, share in told:
            yield Row("10", f"{name}, {kind}: {what}", "", _percent(share), None)


def table(rows: Sequence[Row]) -> str:
    widths = [max(len(one) for one in column) for column in zip(*map(_texts, rows), strict=True)]
    lines = ("  ".join(text.ljust(width) for text, width in zip(_texts(row), widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _texts(row: Row) -> tuple[str, ...]:
    verdict = "" if row.holds is None else "holds" if row.holds else "FAILS"
    return row.number, row.what, row.target, row.measured, verdict


def _most(number: str, what: str, measured: float, limit: float) -> Row:
    return Row(number, what, f"<= {_percent(limit)}", _percent(measured), measured <= limit)


def _least(number: str, what: str, measured: float, limit: float) -> Row:
    return Row(number, what, f">= {_percent(limit)}", _percent(measured), measured >= limit)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _of(counts: Counter[str], rule: str, group: str) -> float:
    return counts[f"{rule}: {group} alarmed"] / max(1, counts[f"{rule}: {group}"])
