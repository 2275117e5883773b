"""What other tools do with the same runs: a percentage over one run, tests of requests, Kayenta's rule."""

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from loadtest_operator.verdict import histogram, numbers
from loadtest_operator.verdict.fingerprint import Fingerprint, fingerprint
from loadtest_operator.verdict.record import RunRecord

_NORMAL = statistics.NormalDist()


@dataclass(frozen=True)
class Plain:
    """One endpoint of one run, as these rules see it."""

    p95: float
    hist: Mapping[int, int]
    p95_by_slice: Sequence[float]


PlainRun = Mapping[str, Plain]


def plain(record: RunRecord, found: Fingerprint | None = None, slice_windows: int = 1) -> PlainRun:
    part = numbers.judged(record)
    found = found or fingerprint(record)
    seen = {}
    for endpoint in record.endpoints:
        slices: dict[int, list[bytes]] = {}
        for cell in endpoint.cells:
            if cell.w in part:
                slices.setdefault((cell.w - part.first) // slice_windows, []).append(cell.hist)
        merged = (histogram.merge_packed(several) for several in slices.values())
        by_slice = [found for found in (histogram.quantile(one, 0.95) for one in merged) if found is not None]
        traits = found.endpoints[endpoint.method, endpoint.name]
        seen[endpoint.label] = Plain(math.exp(traits.y[1]), histogram.unpack(traits.hist), by_slice)
    return seen


def naive(new: Plain, base: Plain) -> bool:
    """p95 rose more than 10 % over one run before."""
    return new.p95 > 1.10 * base.p95


def mann_whitney(new: Plain, base: Plain) -> bool:
    """Requests of one run against requests of another, slower at 1 % (one-sided, normal, corrected for ties)."""
    ours, theirs = histogram.count(new.hist), histogram.count(base.hist)
    below = ties = u = 0.0
    for b in sorted({*new.hist, *base.hist}):
        here, there = new.hist.get(b, 0), base.hist.get(b, 0)
        u += here * (below + there / 2)
        below += there
        ties += (here + there) ** 3 - (here + there)
    every = ours + theirs
    variance = ours * theirs / 12 * (every + 1 - ties / (every * (every - 1)))
    return variance > 0 and (u - ours * theirs / 2) / math.sqrt(variance) > _NORMAL.inv_cdf(0.99)


def kayenta(new: Plain, base: Plain) -> bool:
    """Its Mann-Whitney classifier at its usual settings, on the p95 of slices of both runs.

    High when the lower end of the 98 % interval of the shift lies above a quarter of the estimated shift.
    """
    ours, theirs = new.p95_by_slice, base.p95_by_slice
    shifts = sorted(one - other for one in ours for other in theirs)
    m, n = len(ours), len(theirs)
    margin = _NORMAL.inv_cdf(0.99) * math.sqrt(m * n * (m + n + 1) / 12)
    lower = shifts[max(0, math.floor(m * n / 2 - margin))]
    return lower > 0.25 * abs(statistics.median(shifts))


RULES: Mapping[str, Callable[[Plain, Plain], bool]] = {
    "p95 +10 % over one run": naive,
    "Mann-Whitney on requests": mann_whitney,
    "Kayenta's rule": kayenta,
}


def count(
    draws: int, seed: str, unchanged: Sequence[PlainRun], new: Sequence[PlainRun] | None, changed: Collection[str]
) -> Counter[str]:
    """How often each rule calls a change, one new run against one before."""
    draw, found = random.Random(seed), Counter[str]()
    for _ in range(draws):
        if new is None:
            base, ours = draw.sample(unchanged, 2)
        else:
            base, ours = draw.choice(unchanged), draw.choice(new)
        for name, rule in RULES.items():
            called = {label: rule(ours[label], base[label]) for label in ours if label in base}
            found[f"{name}: runs"] += 1
            found[f"{name}: runs alarmed"] += any(called.values())
            for label, alarm in called.items():
                group = "changed" if label in changed else "unchanged"
                found[f"{name}: {group}"] += 1
                found[f"{name}: {group} alarmed"] += alarm
    return found
