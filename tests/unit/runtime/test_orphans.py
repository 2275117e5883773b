"""What a LoadTest left when it went: by which Jobs it is found, and which of it the garbage collector takes."""

import pytest
from loadtest_operator.build import names
from loadtest_operator.runtime import orphans

from tests.unit.runtime.parts import child

RUN = names.run_id("checkout", "u-1", 1)


def job(*, going=False, owned=True, attempt="1"):
    found = child("Job", "checkout-1-workers")
    metadata = {**found["metadata"], "labels": {**found["metadata"]["labels"], names.LABEL_ATTEMPT: attempt}}
    if going:
        metadata["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    if not owned:
        del metadata["ownerReferences"]
    return {**found, "metadata": metadata}


@pytest.mark.parametrize(
    ("going", "owned", "left"), [(False, True, True), (False, False, True), (True, False, True), (True, True, False)]
)
def test_a_job_that_went_before_its_loadtest_was_orphaned_tells_of_what_belongs_to_it(going, owned, left):
    assert orphans.left(job(going=going, owned=owned)) is left


def test_labels_that_only_look_like_ours_are_left_alone():
    theirs = job()
    del theirs["metadata"]["labels"][names.LABEL_TEST_UID]
    assert not orphans.left(theirs)


def test_an_attempt_is_owned_by_the_word_of_its_own_jobs_that_stay():
    jobs = [job(going=True), job(attempt="2"), job(attempt="3", owned=False)]
    assert orphans.owned_attempts(jobs) == {(RUN, "2")}
