"""Prints how often the verdict is right: `python -m tests.verdict_eval`. Exit code 1 when a target is missed."""

import argparse
import sys
from collections.abc import Callable, Sequence

from tests.verdict_eval import population, real, rows
from tests.verdict_eval.population import Size

FIVE = Size(services=200, unchanged=40, slower=10, draws=10)
FIFTY = Size(services=16, unchanged=13, slower=4, draws=40, endpoints=50, slowdowns=(1.2,), up_to=(1,), others_every=0)
REAL_DRAWS = 800
# For a test: every row is there, none of them says much.
QUICK_FIVE = Size(services=6, unchanged=14, slower=3, draws=10, others_every=6)
QUICK_FIFTY = Size(
    services=1, unchanged=11, slower=1, draws=4, endpoints=50, seconds=60, slowdowns=(1.2,), up_to=(1,), others_every=0
)
QUICK_REAL_DRAWS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.verdict_eval", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few draws of few services: shows that it works")
    parser.add_argument("--processes", type=int, default=2, help="how many cores to use (default: 2)")
    parser.add_argument("--seed", default="2026", help="of the synthetic services (default: 2026)")
    chosen = parser.parse_args(arguments)
    found = measure(quick=chosen.quick, processes=chosen.processes, seed=chosen.seed)
    sys.stdout.write(rows.table(found) + "\n")
    return 0 if all(row.holds is not False for row in found) else 1


def measure(*, quick: bool, processes: int, seed: str = "2026") -> list[rows.Row]:
    five, fifty, draws = (QUICK_FIVE, QUICK_FIFTY, QUICK_REAL_DRAWS) if quick else (FIVE, FIFTY, REAL_DRAWS)
    runs = real.evaluate(draws)
    services = population.evaluate(five, f"{seed} five", processes, _progress("services", five.services))
    wide = population.evaluate(fifty, f"{seed} fifty", processes, _progress("wide services", fifty.services))
    found = [*rows.of_real(runs), *rows.of_synthetic(services), *rows.of_wide(wide)]
    found.sort(key=lambda row: int(row.number))
    found += rows.beside("real runs", runs.others[1.0], runs.others[1.1], runs.others[1.2])
    found += rows.beside("synthetic", services.others[1.0], services.others[1.1], services.others[1.2])
    heading = rows.Row("row", "what", "target", "measured", None)
    return [heading, *found]


def _progress(what: str, of: int) -> Callable[[int], None]:
    def told(done: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done} of {of} {what}" + ("\n" if done == of else ""))

    return told


if __name__ == "__main__":
    sys.exit(main())
