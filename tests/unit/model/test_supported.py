"""What this version does not act on yet is found by name; what it does, and what asks for nothing, is not."""

import pytest
from loadtest_operator.model import default_texts, reference, supported
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.schedule import LoadTestSchedule

from tests.unit.model.objects import nightly, raw, spec

STAGES = {"stages": [{"name": "a", "users": 1, "hold": "1m"}]}
REQUEST = {"path": "/"}


def test_the_shortest_useful_test_is_supported() -> None:
    assert supported.unsupported(spec()) == []
    assert supported.unsupported(raw()["spec"]) == []


def test_everything_of_the_first_version_is_supported() -> None:
    found = spec(
        target={"url": "http://a", "health": {"path": "/up"}, "version": "1"},
        scenario={
            "env": [{"name": "A", "value": "b"}],
            "locust": {"configMap": {"name": "a"}, "tags": ["a"], "excludeTags": ["b"], "userClasses": [{"name": "A"}]},
        },
        load={"users": 5, "spawnRate": "1/s", "duration": "5m", "warmup": "1m"},
        runners={"workers": 2, "image": "a", "volumes": [{"name": "a", "emptyDir": {}}], "startTimeout": "1m"},
        thresholds=[{"metric": "p999", "endpoint": "GET /", "warn": "1s"}, {"metric": "rps", "fail": "1/s"}],
        gate={"failOn": ["Failed", "Warning"]},
        runOn="Change",
        deadline="10m",
    )
    assert supported.unsupported(found) == []


@pytest.mark.parametrize(
    ("parts", "paths"),
    [
        ({"load": STAGES}, ["spec.load.stages"]),
        ({"load": {"rate": "1/s", "maxUsers": 1, "duration": "1m"}}, ["spec.load.rate", "spec.load.maxUsers"]),
        ({"scenario": {"k6": {"inline": "a"}}}, ["spec.scenario.k6"]),
        ({"scenario": {"locust": {"path": "/a.py"}}}, ["spec.scenario.locust.path"]),
        (
            {"scenario": {"http": {"requests": [REQUEST, REQUEST | {"save": {"a": {"json": "$"}}}]}}},
            ["spec.scenario.http.requests[1].save"],
        ),
        (
            {"scenario": {"http": {"users": [{"name": "a", "sequence": [REQUEST]}]}}},
            ["spec.scenario.http.users[0].sequence"],
        ),
        (
            {
                "scenario": {
                    "http": {"users": [{"name": "a", "requests": [REQUEST | {"expect": {"maxLatency": "1s"}}]}]}
                }
            },
            ["spec.scenario.http.users[0].requests[0].expect.maxLatency"],
        ),
        (
            {"thresholds": [{"metric": "p95", "fail": "1s"}, {"metric": "drift", "fail": "1%"}]},
            ["spec.thresholds[1].metric"],
        ),
        ({"thresholds": [{"name": "a", "promql": "up", "fail": "1"}]}, []),
        (
            {"environment": {"manifests": [{"inline": "a"}], "keep": "Always", "copySecrets": ["pull"]}},
            ["spec.environment.copySecrets", "spec.environment.keep"],
        ),
        ({"runners": {"retries": 2, "tolerateLoss": "20%"}}, []),
        (
            {"baseline": {"series": "a", "compareWith": "other/main", "confirmRuns": 1}},
            ["spec.baseline.compareWith", "spec.baseline.confirmRuns"],
        ),
        ({"baseline": {"series": "a", "compareWith": "main", "runs": 5}}, []),
        ({"suspend": True, "onChange": "Replace", "runOn": "Request"}, []),
        ({"queue": {"exclusive": ["a"], "priority": 5, "timeout": "1m", "after": ["b"]}}, []),
    ],
)
def test_what_is_not_acted_on_yet_is_named(parts: dict, paths: list[str]) -> None:
    assert supported.unsupported(spec(**parts)) == paths


def test_the_explicit_default_of_a_field_is_fine() -> None:
    found = spec(
        load={"users": 5, "duration": "5m", "fromScript": False, "manual": False},
        runners={"tolerateLoss": "10.0%", "retries": 1},
        baseline={"runs": 10, "minRuns": 3, "tolerance": "10%", "confirmRuns": 0, "endpoints": [], "pinned": []},
        queue={"priority": 0, "timeout": "120m", "after": []},
        retention={"pods": "OnFailure", "podsFor": "60m"},
        notify=[],
        onChange="Queue",
        suspend=False,
    )
    assert supported.unsupported(found) == []


def test_a_schedule_is_checked_with_its_template() -> None:
    assert supported.unsupported(nightly(suspend=True, timeZone="Asia/Tokyo").spec) == []
    assert supported.unsupported(nightly(concurrencyPolicy="Replace").spec) == ["spec.concurrencyPolicy"]
    template = {"spec": raw(load=STAGES)["spec"]}
    assert supported.unsupported(nightly(template=template).spec) == ["spec.template.spec.load.stages"]


def test_every_row_of_the_tables_belongs_to_a_field() -> None:
    below = {path.removeprefix("spec.") for path in reference.paths(LoadTest)}
    below |= {path.replace("requests[]", "users[].requests[]") for path in below}
    assert set(supported.NOT_YET) - below == set()
    assert (
        set(supported.SCHEDULE_NOT_YET) - {p.removeprefix("spec.") for p in reference.paths(LoadTestSchedule)} == set()
    )


def test_a_default_that_can_be_written_is_documented() -> None:
    told = {
        row for row, default in supported.NOT_YET.items() if default not in (supported.ANY, ()) and "metric" not in row
    }
    assert told - set(default_texts.LOADTEST) == set()
