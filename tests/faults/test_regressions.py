"""Histories that once broke an invariant, each with what was wrong."""

import pytest

from tests.faults import runner

SEEDS = {
    3035: "an operator died between deleting a run that never started and saying so: it was Starting for ever",
    70436: "the first look at everything took longer than the Lease, which nobody kept meanwhile: no process ever led",
    70201: "a new run did not wait for workers of the run before, on a node that could not be told: twice the load",
    70292: "the same, after another edit",
    70750: "a lock was given on while a worker of its last holder still sent: two tests loaded one target",
    71749: "a new run did not wait for workers of the run before, whose node could not be told that they were to go",
    71324: "a process that began after the Jobs of a deleted test were gone did not know that its workers had the lock",
    87283: "what was refused to a test that went was told in the status of the next one of its name",
    700544: "a lost attempt's Job, deleted before its LoadTest was orphaned, passed for one that still has an owner",
    702481: "a Job that went already when its LoadTest was orphaned told nobody of the ConfigMap that belongs to it",
    702638: "the Job of the new attempt passed for an owner of what the lost attempt had left",
    2026112100586: "other limits while the store was away: a stored run was judged again and again, at once",
}


@pytest.fixture(scope="module")
def broken() -> dict[int, str]:
    """By seed, what is wrong again."""
    return {outcome.seed: outcome.broken for outcome in runner.run(SEEDS, 1, stop_after=len(SEEDS)).broken}


@pytest.mark.parametrize("seed", SEEDS)
def test_it_stays_mended(broken: dict[int, str], seed: int) -> None:
    assert seed not in broken, f"{SEEDS[seed]}\n{broken[seed]}"
