"""The LoadTest that a schedule makes for one minute; the name says which, so that nobody makes it twice."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loadtest_operator.build.names import ANNOTATION_RUN_REQUESTED, ANNOTATION_SCHEDULED_FOR, GROUP, LABEL_SCHEDULE
from loadtest_operator.model.phases import RunOn

VERSION = f"{GROUP}/v1alpha1"


def name(schedule: str, moment: datetime) -> str:
    return f"{schedule}-{minute(moment)}"


def minute(moment: datetime) -> int:
    """The minute of the epoch."""
    return int(moment.timestamp()) // 60


def loadtest(raw: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """What the schedule's template says, owned by the schedule."""
    metadata, template = raw["metadata"], raw["spec"]["template"]
    wanted = template.get("metadata") or {}
    planned = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": VERSION,
        "kind": "LoadTest",
        "metadata": {
            "name": name(metadata["name"], moment),
            "namespace": metadata["namespace"],
            "labels": {**(wanted.get("labels") or {}), LABEL_SCHEDULE: metadata["name"]},
            "annotations": {
                **(wanted.get("annotations") or {}),
                **_request(template["spec"], planned),
                ANNOTATION_SCHEDULED_FOR: planned,
            },
            "ownerReferences": [_owner(metadata)],
        },
        "spec": template["spec"],
    }


def _request(spec: Mapping[str, Any], planned: str) -> dict[str, str]:
    """A test that runs on request only is asked to run by the schedule that makes it."""
    return {ANNOTATION_RUN_REQUESTED: planned} if spec.get("runOn") == RunOn.REQUEST else {}


def _owner(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": "LoadTestSchedule",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
