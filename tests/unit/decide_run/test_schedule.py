"""A LoadTestSchedule is answered, never ignored."""

from datetime import UTC, datetime

from loadtest_operator.decide import schedule

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SPEC = {
    "schedule": "0 2 * * *",
    "template": {
        "spec": {
            "target": {"url": "http://shop"},
            "scenario": {"http": {"requests": [{"path": "/"}]}},
            "load": {"users": 1, "duration": "1m"},
        }
    },
}


def nightly(spec=SPEC, **metadata):
    metadata = {"name": "nightly", "namespace": "shop", "uid": "u", "generation": 3, **metadata}
    return {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTestSchedule", "metadata": metadata, "spec": spec}


def test_a_schedule_is_stalled_with_the_field_that_is_not_acted_on():
    status = schedule.decide(nightly(), NOW)
    ready, stalled = status["conditions"]
    assert (status["observedGeneration"], ready["status"], stalled["type"]) == (3, "False", "Stalled")
    assert ready["reason"] == stalled["reason"] == "NotSupportedYet"
    assert "spec.schedule" in ready["message"]
    assert "CronJob" in ready["message"]


def test_the_answer_is_written_once():
    status = schedule.decide(nightly(), NOW)
    assert schedule.decide({**nightly(), "status": status}, NOW.replace(hour=13)) is None
    assert schedule.decide({**nightly(generation=4), "status": status}, NOW)["observedGeneration"] == 4


def test_a_schedule_that_cannot_be_read_says_which_field():
    status = schedule.decide(nightly({**SPEC, "schedule": "every night"}), NOW)
    assert status["conditions"][0]["reason"] == "InvalidSpec"
    assert "spec.schedule" in status["conditions"][0]["message"]


def test_a_schedule_that_is_being_deleted_is_left_alone():
    assert schedule.decide(nightly(deletionTimestamp="2026-12-01T12:00:00Z"), NOW) is None
