"""`python -m tests.faults --histories 1000 --seed 0`: random histories; `--show SEED` tells one of them in full."""

import argparse
import sys

from tests.faults import runner


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first history; the others follow")
    parser.add_argument("--processes", type=int, default=0, help="default: one per core")
    parser.add_argument("--show", type=int, help="this one seed, with its story")
    parser.add_argument("--break", dest="breaks", default="", help="the operator, in one of the ways of mutations.py")
    asked = parser.parse_args()
    if asked.show is not None:
        table = runner.run([asked.show], 1, tell=True, breaks=asked.breaks)
    else:
        seeds = range(asked.seed, asked.seed + asked.histories)
        table = runner.run(seeds, asked.processes, breaks=asked.breaks)
    print("\n".join(table.lines()))
    for outcome in table.broken:
        print(f"\nseed {outcome.seed} ({outcome.told}): {outcome.broken}")
    return 1 if table.broken else 0


if __name__ == "__main__":
    sys.exit(main())
