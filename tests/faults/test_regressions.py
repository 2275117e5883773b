"""Histories that once broke an invariant, each with what was wrong."""

import pytest

from tests.faults import runner

SEEDS = {
    3035: "an operator died between deleting a run that never started and saying so: it was Starting for ever",
    70436: "the first look at everything took longer than the Lease, which nobody kept meanwhile: no process ever led",
    2026112100586: "other limits while the store was away: a stored run was judged again and again, at once",
}


@pytest.mark.parametrize("seed", SEEDS)
def test_it_stays_mended(seed: int) -> None:
    table = runner.run([seed], 1)
    assert not table.broken, f"{SEEDS[seed]}\n{table.broken[0].broken}"
