"""Reading objects: what is valid is understood, what is not is answered in words that help."""

import json

import pytest
from loadtest_operator.model import loadtest, reading, schedule, walking
from loadtest_operator.model.errors import InvalidSpec, Problem
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.phases import Metric, Phase
from loadtest_operator.model.schedule import LoadTestSchedule

from tests.api import invalid_objects
from tests.api.invalid_objects import Refused
from tests.unit.model.objects import raw, spec, test

PROBLEMS = {"LoadTest": loadtest.problems, "LoadTestSchedule": schedule.problems}


@pytest.mark.parametrize("refused", invalid_objects.refused(), ids=str)
def test_an_invalid_object_is_refused_in_words_that_name_the_field(refused: Refused) -> None:
    found = PROBLEMS[refused.kind](refused.raw)
    named = [p for p in found if p.field.startswith(refused.field)]
    assert named, f"{refused.field} is not among {found}"
    assert any(refused.says in p.message for p in named), named


@pytest.mark.parametrize("raw", invalid_objects.accepted(), ids=lambda raw: raw["metadata"]["name"])
def test_a_valid_object_is_accepted(raw: dict) -> None:
    assert PROBLEMS[raw["kind"]](raw) == []


@pytest.mark.parametrize("raw", invalid_objects.accepted(), ids=lambda raw: raw["metadata"]["name"])
def test_what_is_read_is_written_as_it_was(raw: dict) -> None:
    module = loadtest if raw["kind"] == "LoadTest" else schedule
    written = module.parse(raw).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    again = module.parse({**raw, "spec": written})
    assert again.spec == module.parse(raw).spec


def test_the_valid_objects_set_every_field() -> None:
    roots = {"LoadTest": LoadTest, "LoadTestSchedule": LoadTestSchedule}
    used = {name for raw in invalid_objects.accepted() for name in names_in(roots[raw["kind"]], raw)}
    assert {name for root in roots.values() for name in every_field(root)} - used == set()


def names_in(model: type, raw: dict) -> set[tuple[str, str]]:
    found = set()
    for name, value in raw.items():
        if name in ("metadata", "status") and model in (LoadTest, LoadTestSchedule):
            continue
        found.add((model.__name__, name))
        info = walking.fields(model).get(name)
        below = walking.model_of(info.rebuild_annotation()) if info else None
        if below is None:
            continue
        plain, _ = walking.unwrapped(info.rebuild_annotation())
        items = value if isinstance(value, list) else value.values() if plain is not below else [value]
        for item in items:
            found |= names_in(below, item)
    return found


def every_field(root: type) -> set[tuple[str, str]]:
    found, waiting = {(root.__name__, name) for name in ("apiVersion", "kind", "spec")}, [root.model_fields["spec"]]
    while waiting:
        model = walking.model_of(waiting.pop().rebuild_annotation())
        for name, info in walking.fields(model).items() if model else ():
            if (model.__name__, name) not in found:
                found.add((model.__name__, name))
                waiting.append(info)
    return found


def test_the_shortest_useful_test_is_understood() -> None:
    found = test(thresholds=[{"metric": "p95", "fail": "500ms"}, {"metric": "errorRate", "warn": "1%"}])
    assert found.metadata.name == "checkout"
    assert found.spec.load.users == 50
    assert found.spec.thresholds is not None
    assert [t.metric for t in found.spec.thresholds] == [Metric.P95, Metric.ERROR_RATE]
    assert [t.fail_value for t in found.spec.thresholds] == [0.5, None]
    assert [t.warn_value for t in found.spec.thresholds] == [None, 0.01]


@pytest.mark.parametrize(
    ("threshold", "fail"),
    [
        ({"metric": "rps", "fail": "30/m"}, 0.5),
        ({"metric": "recovery", "stage": "a", "fail": "1m"}, 60.0),
        ({"metric": "drift", "fail": "20%"}, 0.2),
        ({"name": "a", "promql": "up", "fail": "1e3"}, 1000.0),
    ],
)
def test_a_limit_is_in_the_unit_of_its_metric(threshold: dict, fail: float) -> None:
    stages = {"stages": [{"name": "a", "users": 1, "hold": "1m"}]}
    found = spec(load=stages, thresholds=[threshold]).thresholds
    assert found is not None
    assert found[0].fail_value == fail


def test_a_threshold_without_name_is_called_after_what_it_limits() -> None:
    stages = {"stages": [{"name": "spike", "users": 1, "hold": "1m"}]}
    limits = [
        {"metric": "p99", "endpoint": "POST /orders", "fail": "1s", "stage": "spike"},
        {"metric": "rps", "fail": "1/s"},
    ]
    found = spec(load=stages, thresholds=limits).thresholds
    assert found is not None
    assert [t.title for t in found] == ["p99 of POST /orders in spike", "rps"]


def test_every_problem_is_told_and_the_first_one_in_one_sentence() -> None:
    with pytest.raises(InvalidSpec) as caught:
        loadtest.parse(raw(load={"users": "50", "duration": "5 minutes"}))
    assert [p.field for p in caught.value.problems] == ["spec.load.users", "spec.load.duration"]
    assert str(caught.value) == 'spec.load.users: "50" must be a whole number, without quotes (and 1 more problem)'


def test_a_typo_is_answered_with_the_field_that_was_meant() -> None:
    assert loadtest.problems(raw(treshold=[])) == [
        Problem("spec.treshold", "is not a known field: did you mean thresholds?")
    ]


def test_a_missing_field_is_explained() -> None:
    (problem,) = loadtest.problems(raw(target={}))
    assert problem.field == "spec.target.url"
    assert "The address that gets the load" in problem.message


def test_a_broken_rule_shows_the_value_that_broke_it() -> None:
    (problem,) = loadtest.problems(raw(load={"users": 5, "duration": "1m", "ramp": "2m"}))
    assert problem.message.endswith('(it is "2m")')


def test_a_python_name_is_not_a_yaml_name() -> None:
    assert loadtest.problems(raw(load={"users": 5, "duration": "1m", "spawn_rate": "1/s"}))[0].field.endswith(
        "spawn_rate"
    )


def test_metadata_of_the_api_server_is_understood_and_passed_over() -> None:
    found = raw()
    found["metadata"] |= {
        "uid": "u",
        "generation": 3,
        "managedFields": [{}],
        "resourceVersion": "7",
        "labels": {"a": "b"},
    }
    meta = loadtest.parse(found).metadata
    assert (meta.uid, meta.generation, meta.resource_version, meta.labels) == ("u", 3, "7", {"a": "b"})


def test_a_generated_name_leaves_room_for_its_ending() -> None:
    found = raw()
    found["metadata"] = {"generateName": "a" * 41}
    assert loadtest.problems(found)[0].field == "metadata.name"
    found["metadata"] = {"generateName": f"{'a' * 39}-"}
    assert loadtest.problems(found) == []


def test_an_object_of_another_kind_is_refused() -> None:
    assert loadtest.problems({**raw(), "kind": "Pod"})[0].field == "kind"


def test_an_object_that_is_no_map_is_refused() -> None:
    assert loadtest.problems({**raw(), "spec": []})[0] == Problem("spec", "must be a map of fields")


def test_times_that_yaml_made_of_texts_are_texts_again() -> None:
    import yaml

    found = yaml.safe_load('{"from": 2026-12-20T00:00:00Z, "to": 2027-01-03T00:00:00Z}')
    template = {"spec": raw()["spec"]}
    nightly = {"schedule": "0 2 * * *", "blackout": [found], "template": template}
    assert schedule.problems({**raw(), "kind": "LoadTestSchedule", "spec": nightly}) == []


def test_a_status_that_another_version_wrote_is_read_as_far_as_it_goes() -> None:
    status = {
        "observedGeneration": 3,
        "phase": "Dreaming",
        "lastHandledRunRequest": "7",
        "mood": "good",
        "run": {"id": "r"},
    }
    found = loadtest.parse({**raw(), "status": status}).status
    assert (found.observed_generation, found.phase, found.last_handled_run_request) == (3, None, "7")
    assert found.run is not None
    assert found.run.id == "r"


def test_a_broken_status_does_not_hide_a_broken_spec() -> None:
    with pytest.raises(InvalidSpec) as caught:
        loadtest.parse({**raw(load={}), "status": {"phase": "Dreaming"}})
    assert all(p.field.startswith("spec.") for p in caught.value.problems)


def test_the_phase_in_a_status_is_a_member_of_the_enumeration() -> None:
    assert loadtest.parse({**raw(), "status": {"phase": "Running"}}).status.phase is Phase.RUNNING


def test_pod_shaped_parts_stay_as_they_are_written() -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    found = spec(
        scenario={"env": env, "http": {"requests": [{"path": "/"}]}}, runners={"affinity": {"podAffinity": {}}}
    )
    assert json.loads(found.scenario.model_dump_json(exclude_none=True))["env"] == env
    assert found.runners is not None
    assert found.runners.affinity == {"podAffinity": {}}


def test_a_frozen_model_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        spec().load.users = 5  # type: ignore[misc]


def test_something_that_is_not_json_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        reading.parse(LoadTest, {**raw(), "spec": {"target": object()}})
