"""The invariants can fail: the operator is broken on purpose, and a history finds it."""

import pytest

from tests.faults import mutations, runner

ENOUGH = range(10, 1510)  # some are found by one history in hundreds


@pytest.mark.parametrize("breaks", mutations.BROKEN, ids=lambda one: one.__name__)
def test_what_is_broken_is_found(breaks: mutations.Mutation) -> None:
    table = runner.run(ENOUGH, stop_after=1, breaks=breaks.__name__)
    assert table.broken, f"{table.histories} histories found nothing"
    first = min(table.broken, key=lambda outcome: outcome.seed).broken
    assert mutations.BROKEN[breaks] in first, first
