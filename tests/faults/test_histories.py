"""Random histories: whatever goes wrong, and in whatever order, what is promised holds.

The 10,000 are the same in every run. LOADTEST_FAULTS_DAY=20261121 adds those of that day, where nobody has looked
before; `python -m tests.faults --histories 10000 --seed 0` plays any others.
"""

import os
from collections.abc import Callable

from tests.faults import runner

ALWAYS = range(80000, 90000)
OF_THE_DAY = 5000
DAY = "LOADTEST_FAULTS_DAY"


def seeds() -> list[int]:
    day = os.environ.get(DAY)
    first = int(day or 0) * 100_000
    return [*ALWAYS, *(range(first, first + OF_THE_DAY) if day else ())]


def test_every_invariant_holds_in_every_history(record_property: Callable[[str, str], None]) -> None:
    wanted = seeds()
    print(f"histories from seed {ALWAYS.start}, and to {wanted[-1]}")  # shown on failure
    table = runner.run(wanted)
    record_property("says", "\n".join(table.lines()))
    first = [
        f"python -m tests.faults --show {outcome.seed}  # {outcome.told}: {outcome.broken}" for outcome in table.broken
    ]
    assert not first, "each is told by its command; keep it in test_regressions.py:\n" + "\n".join(first)
    assert table.histories == len(wanted)


def test_a_seed_tells_the_whole_history() -> None:
    once, again = (runner.run([5010, 5011], 1, tell=True).told for _ in range(2))
    assert once == again
    assert len(once) > 20
