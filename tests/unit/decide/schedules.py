"""Schedules and their LoadTests in few words, and an API server that is a dictionary."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from loadtest_operator.build import scheduled as build
from loadtest_operator.decide import schedule
from loadtest_operator.decide.schedule import Refusal, SchedulePlan, Seen

from tests.unit.model.objects import raw as loadtest

Raw = dict[str, Any]
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    """`12-01 02:00` of 2026, in UTC."""
    return datetime.fromisoformat(f"2026-{text.replace(' ', 'T')}+00:00")


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def nightly(created: datetime, line: str = "0 2 * * *", **spec: Any) -> Raw:
    body = {"schedule": line, "template": {"spec": loadtest()["spec"]}, **spec}
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {
            "name": "nightly",
            "namespace": "shop",
            "uid": "u-1",
            "generation": 1,
            "creationTimestamp": stamp(created),
            "managedFields": [{"time": stamp(created)}],
        },
        "spec": {key: value for key, value in body.items() if value is not None},
    }


@dataclass
class World:
    """Carries plans out as the operator does, so that a test tells a story."""

    raw: Raw
    tests: dict[str, Raw] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    refusal: Refusal | None = None
    plan: SchedulePlan = field(default_factory=SchedulePlan)

    @property
    def status(self) -> Raw:
        return self.raw.get("status") or {}

    def look(self, now: datetime, *, dies: bool = False) -> SchedulePlan:
        """`dies`: after the creation, before the status is written."""
        seen = Seen(self.raw, tuple(self.tests.values()))
        self.plan = schedule.decide(seen, now)
        if self.plan.create is not None and self.refusal is not None:
            self.plan = schedule.decide(Seen(seen.raw, seen.tests, self.refusal), now)
        if self.plan.create is not None:
            self._create(dict(self.plan.create), now)
        if dies:
            return self.plan
        if self.plan.status is not None:
            self.raw = {**self.raw, "status": self.plan.status}
        for test in self.plan.delete:
            del self.tests[test["metadata"]["name"]]
        return self.plan

    def _create(self, body: Raw, now: datetime) -> None:
        name = body["metadata"]["name"]
        if name in self.tests:
            return  # adopted
        self.started.append(name)
        body["metadata"] = {**body["metadata"], "creationTimestamp": stamp(now), "generation": 1, "uid": name}
        self.tests[name] = {**body, "status": {"observedGeneration": 1, "phase": "Running"}}

    def edit(self, now: datetime, **spec: Any) -> None:
        metadata = self.raw["metadata"]
        changed = {"generation": metadata["generation"] + 1, "managedFields": [{"time": stamp(now)}]}
        self.raw = {**self.raw, "metadata": {**metadata, **changed}, "spec": {**self.raw["spec"], **spec}}

    def end(self, name: str, now: datetime, verdict: str = "Passed") -> None:
        passed = "True" if verdict == "Passed" else "False"
        status = {
            "observedGeneration": 1,
            "phase": "Completed",
            "verdict": verdict,
            "message": "the p95 is fine",
            "run": {"endTime": stamp(now)},
            "conditions": [{"type": "Passed", "status": passed}],
        }
        self.tests[name] = {**self.tests[name], "status": status}

    def condition(self, kind: str) -> tuple[str, str]:
        for item in self.status["conditions"]:
            if item["type"] == kind:
                return item["status"], item["reason"]
        return "", ""


def name(moment: datetime) -> str:
    return build.name("nightly", moment)
