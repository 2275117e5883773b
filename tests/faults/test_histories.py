"""Random histories: whatever goes wrong, and in whatever order, what is promised holds.

`python -m tests.faults --histories 10000` plays many more than are played here.
"""

from collections.abc import Callable

from tests.faults import runner

SEEDS = range(5000, 5025)


def test_every_invariant_holds_in_every_history(record_property: Callable[[str, str], None]) -> None:
    table = runner.run(SEEDS)
    record_property("says", "\n".join(table.lines()))
    first = [f"seed {outcome.seed} ({outcome.told}): {outcome.broken}" for outcome in table.broken]
    assert not first, "\n".join(first)
    assert table.histories == len(SEEDS)


def test_a_seed_tells_the_whole_history() -> None:
    once, again = (runner.run([5010, 5011], 1, tell=True).told for _ in range(2))
    assert once == again
    assert len(once) > 20
