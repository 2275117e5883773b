"""Which schedule a LoadTest belongs to."""

from typing import Any

import pytest
from loadtest_operator.decide import scheduled

OWNER = {
    "apiVersion": "loadtest.dev/v1alpha1",
    "kind": "LoadTestSchedule",
    "name": "nightly",
    "uid": "u-1",
    "controller": True,
    "blockOwnerDeletion": False,
}


def test_a_loadtest_that_a_schedule_controls_belongs_to_its_series() -> None:
    metadata = {"name": "nightly-29000000", "ownerReferences": [{"kind": "Application"}, OWNER]}
    assert scheduled.schedule_of(metadata) == "nightly"
    assert scheduled.series_of("nightly") == "loadtestschedule/nightly"


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "checkout"},
        {"name": "checkout", "ownerReferences": None},
        {"name": "nightly-29000000", "labels": {"loadtest.dev/schedule": "nightly"}},
        {"name": "checkout", "ownerReferences": [{**OWNER, "controller": False}]},
        {"name": "checkout", "ownerReferences": [{**OWNER, "kind": "CronJob"}]},
        {"name": "checkout", "ownerReferences": [{**OWNER, "apiVersion": "elsewhere.dev/v1"}]},
    ],
)
def test_a_label_or_another_owner_makes_no_schedule(metadata: dict[str, Any]) -> None:
    assert scheduled.schedule_of(metadata) is None


def test_one_that_is_queued_is_not_over_so_the_next_start_of_its_schedule_waits() -> None:
    working = [{"type": "Reconciling", "status": "True"}]
    status = {"phase": "Queued", "observedGeneration": 1, "conditions": working}
    raw = {"metadata": {"name": "nightly-1", "generation": 1, "ownerReferences": [OWNER]}, "status": status}
    assert not scheduled.Made(raw).over
