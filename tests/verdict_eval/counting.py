"""Draws: a baseline and new runs by chance, compared as the operator compares them, and what came of it counted."""

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from loadtest_operator.model.phases import ComparisonResult
from loadtest_operator.verdict.compare import compare
from loadtest_operator.verdict.comparison import ALARMS, Comparison, Rules
from loadtest_operator.verdict.fingerprint import Fingerprint

MOST_RUNS = 3
# Metrics of which was said that a change of this size would be found.
DETECTABLE = 0.10


@dataclass
class Tally:
    """Counts of endpoints that were changed, of those that were not, and of whole runs."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, comparison: Comparison, changed: Collection[str]) -> None:
        self.counts["runs"] += 1
        self.counts["runs alarmed"] += comparison.result in ALARMS
        self.counts["runs passed"] += comparison.result in {ComparisonResult.PASSED, ComparisonResult.IMPROVED}
        self.counts["new runs"] += comparison.new_runs
        for one in comparison.endpoints:
            group = "changed" if one.label in changed else "unchanged"
            for name in (group, one.label):
                self.counts[name] += 1
                self.counts[f"{name} alarmed"] += one.result in ALARMS
                self.counts[f"{name} passed"] += one.result is ComparisonResult.PASSED
            confident = [change for change in one.changes if (change.detectable or 1.0) <= DETECTABLE]
            self.counts[f"{group} confident"] += len(confident)
            self.counts[f"{group} confident alarmed"] += sum(change.alarms for change in confident)

    def share(self, name: str, what: str = "alarmed") -> float:
        return self.counts[f"{name} {what}"] / max(1, self.counts[name])

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.counts + other.counts)


def tally(
    draws: int,
    seed: str,
    unchanged: Sequence[Fingerprint],
    new: Sequence[Fingerprint] | None,
    changed: Collection[str],
    baseline_runs: int,
    up_to: int = 1,
) -> Tally:
    """Many draws; without `new` the new runs are unchanged ones that are not in the baseline."""
    draw, found = random.Random(seed), Tally()
    judge = _one_run if up_to == 1 else _until_settled
    for _ in range(draws):
        if new is None:
            chosen = draw.sample(unchanged, baseline_runs + up_to)
            base, ours = chosen[:baseline_runs], chosen[baseline_runs:]
        else:
            base, ours = draw.sample(unchanged, baseline_runs), draw.sample(new, up_to)
        found.add(judge(ours, base), changed)
    return found


Judge = Callable[[Sequence[Fingerprint], Sequence[Fingerprint]], Comparison]


def _one_run(new: Sequence[Fingerprint], base: Sequence[Fingerprint]) -> Comparison:
    return compare(new[:1], base, Rules())


def _until_settled(new: Sequence[Fingerprint], base: Sequence[Fingerprint]) -> Comparison:
    """As with `confirmRuns: 2`: one more run for as long as the comparison is open."""
    comparison = compare(new[:1], base, Rules(confirm_runs=MOST_RUNS - 1))
    for runs in range(2, len(new) + 1):
        if not comparison.open:
            break
        comparison = compare(new[:runs], base, Rules(confirm_runs=MOST_RUNS - 1))
    return comparison
