"""The invariants can fail: the operator is broken on purpose, and a history finds it."""

import pytest

from tests.faults import mutations, runner

ENOUGH = 1500  # some are found by one history in hundreds; where the first of them is, is known and saves time


@pytest.mark.parametrize("breaks", mutations.BROKEN, ids=lambda one: one.__name__)
def test_what_is_broken_is_found(breaks: mutations.Mutation) -> None:
    says, since = mutations.BROKEN[breaks]
    table = runner.run(range(since, since + ENOUGH), 1, stop_after=1, breaks=breaks.__name__)
    assert table.broken, f"{table.histories} histories found nothing"
    first = min(table.broken, key=lambda outcome: outcome.seed).broken
    assert says in first, first
