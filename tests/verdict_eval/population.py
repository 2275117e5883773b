"""Many synthetic services: runs of each, and draws from them; on as many cores as are given."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from loadtest_operator.verdict.fingerprint import Fingerprint, fingerprint

from tests.verdict_eval import others, synthetic
from tests.verdict_eval.counting import MOST_RUNS, Tally, tally

BASELINE_RUNS = 10
# Kayenta's own slices are a minute long; ten seconds leave it enough of them.
_SLICE_WINDOWS = 10


@dataclass(frozen=True)
class Size:
    services: int
    unchanged: int
    slower: int
    """Runs with each slowdown."""
    draws: int
    """Per service and cell."""
    endpoints: int = 5
    seconds: int = 300
    slowdowns: tuple[float, ...] = (1.1, 1.2)
    up_to: tuple[int, ...] = (1, MOST_RUNS)
    """How many new runs a verdict may use."""
    others_every: int = 8
    """The other rules look at every so manieth service; 0: at none."""


@dataclass
class Found:
    """By slowdown (1.0: unchanged) and the number of runs that a verdict may use."""

    cells: dict[tuple[float, int], Tally] = field(default_factory=dict)
    others: dict[float, Counter[str]] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        for key, counted in other.cells.items():
            self.cells[key] = self.cells.get(key, Tally()) + counted
        for slowdown, counts in other.others.items():
            self.others[slowdown] = self.others.get(slowdown, Counter()) + counts


def evaluate(size: Size, seed: str, processes: int, told: Callable[[int], None]) -> Found:
    """The same for any number of processes: each service has its own seed."""
    found = Found()
    for done, one in enumerate(_mapped(partial(_service, size, seed), range(size.services), processes), 1):
        found.add(one)
        told(done)
    return found


def _mapped(work: Callable[[int], Found], items: Sequence[int], processes: int) -> Iterable[Found]:
    if processes == 1:
        yield from map(work, items)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap_unordered(work, items)


def _service(size: Size, seed: str, at: int) -> Found:
    service = synthetic.service(f"{seed} {at}", size.endpoints)
    changed = service.endpoints[at % size.endpoints].name
    compare_others = size.others_every and at % size.others_every == 0
    factors = [1.0] * size.unchanged + [factor for factor in size.slowdowns for _ in range(size.slower)]
    prints: dict[float, list[Fingerprint]] = {}
    plain: dict[float, list[others.PlainRun]] = {}
    for number, factor in enumerate(_interleaved(factors)):
        record = synthetic.run(service, number, {changed: factor}, size.seconds)
        found = fingerprint(record)
        prints.setdefault(factor, []).append(found)
        if compare_others:
            plain.setdefault(factor, []).append(others.plain(record, found, _SLICE_WINDOWS))
    return _drawn(size, f"{seed} {at}", f"GET {changed}", prints, plain)


def _drawn(
    size: Size,
    seed: str,
    label: str,
    prints: dict[float, list[Fingerprint]],
    plain: dict[float, list[others.PlainRun]],
) -> Found:
    drawn = Found()
    for factor, runs in prints.items():
        new = None if factor == 1.0 else runs
        changed = frozenset() if factor == 1.0 else frozenset({label})
        for up_to in size.up_to:
            words = f"{seed} {factor} {up_to}"
            drawn.cells[factor, up_to] = tally(size.draws, words, prints[1.0], new, changed, BASELINE_RUNS, up_to)
        if plain:
            theirs = None if factor == 1.0 else plain[factor]
            drawn.others[factor] = others.count(size.draws, f"{seed} {factor}", plain[1.0], theirs, changed)
    return drawn


def _interleaved(factors: Sequence[float]) -> list[float]:
    """In a fixed mixed order, so that the hour of the day meets changed and unchanged runs alike."""
    step = next(step for step in (7, 11, 13) if len(factors) % step)
    return [factors[at * step % len(factors)] for at in range(len(factors))]
