"""The generated CRDs: bounded, described, without defaults, and up to date."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from loadtest_operator.model import crd, generate

CRDS = {"LoadTest": crd.loadtest(), "LoadTestSchedule": crd.schedule()}
# YAML 1.1 turns these into booleans, also as keys.
BOOLEANS = {"on", "off", "yes", "no", "y", "n"}


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from schemas(below, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if key in schema:
            yield from schemas(schema[key], f"{path}{mark}")


def all_schemas() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{kind}{path}", schema)
        for kind, document in CRDS.items()
        for path, schema in schemas(document["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    ]


def test_every_list_map_and_text_is_bounded() -> None:
    for path, schema in all_schemas():
        match schema.get("type"):
            case "array":
                assert "maxItems" in schema, path
                assert schema["x-kubernetes-list-type"] in ("atomic", "map"), path
            case "object" if "additionalProperties" in schema:
                assert "maxProperties" in schema, path
            case "string" if not path.endswith((".apiVersion", ".kind")):
                assert "maxLength" in schema or "enum" in schema, path


def test_lists_that_are_maps_by_a_name_are_those_that_others_may_add_to() -> None:
    keyed = {
        path: s["x-kubernetes-list-map-keys"] for path, s in all_schemas() if s.get("x-kubernetes-list-type") == "map"
    }
    names = {path.rsplit(".", 1)[1] for path in keyed}
    assert names == {"env", "volumes", "users", "endpoints", "conditions"}
    assert all(keys == (["type"] if path.endswith("conditions") else ["name"]) for path, keys in keyed.items())
    assert not any(path.endswith("status.endpoints") for path in keyed)


def test_the_only_default_is_the_generation_of_a_fresh_object() -> None:
    found = {path: schema["default"] for path, schema in all_schemas() if "default" in schema}
    assert found == {f"{kind}.status": {"observedGeneration": -1} for kind in CRDS}


def test_every_field_is_described() -> None:
    named = [(path, s) for path, s in all_schemas() if path.count(".") and not path.endswith(("[]", ".*"))]
    bare = {"apiVersion", "kind", "metadata"}
    assert [
        p for p, s in named if not s.get("description") and not (p.count(".") == 1 and p.split(".")[1] in bare)
    ] == []


def test_no_field_or_value_is_a_word_that_yaml_turns_into_a_boolean() -> None:
    for path, schema in all_schemas():
        assert path.rsplit(".", 1)[-1].lower() not in BOOLEANS, path
        assert not {str(v).lower() for v in schema.get("enum", ())} & BOOLEANS, path


def test_every_rule_says_what_to_do() -> None:
    for path, schema in all_schemas():
        for rule in schema.get("x-kubernetes-validations", ()):
            assert len(rule["message"]) > 15, (path, rule)
            assert len(rule["message"]) <= 2048, (path, rule)
            assert "\n" not in rule["rule"], path


def test_volumes_declare_four_kinds_and_nothing_else() -> None:
    (volume,) = (s for path, s in all_schemas() if path == "LoadTest.spec.runners.volumes[]")
    assert set(volume["properties"]) == {"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim"}
    assert "x-kubernetes-preserve-unknown-fields" not in volume


def test_the_template_of_a_schedule_is_the_spec_of_a_loadtest() -> None:
    found = dict(all_schemas())
    ours, theirs = found["LoadTest.spec"], found["LoadTestSchedule.spec.template.spec"]
    assert ours["properties"] == theirs["properties"]
    assert ours["x-kubernetes-validations"] == theirs["x-kubernetes-validations"]


@pytest.mark.parametrize("kind", CRDS)
def test_columns_short_names_and_category_are_there(kind: str) -> None:
    found = CRDS[kind]["spec"]
    assert found["names"]["shortNames"] == {"LoadTest": ["lt"], "LoadTestSchedule": ["lts"]}[kind]
    assert found["names"]["categories"] == ["loadtesting"]
    assert found["versions"][0]["subresources"] == {"status": {}}


def test_the_columns_of_a_loadtest_are_those_that_people_look_for() -> None:
    columns = CRDS["LoadTest"]["spec"]["versions"][0]["additionalPrinterColumns"]
    shown = [c["name"].upper() for c in columns if not c.get("priority")]
    wide = [c["name"].upper() for c in columns if c.get("priority")]
    assert " ".join(shown) == "PHASE VERDICT USERS RPS P95 ERRORS CHANGE AGE"
    assert " ".join(wide) == "RUN WORKERS QUEUE MESSAGE"


@pytest.mark.parametrize("path", [path for path, _ in generate.OUTPUTS])
def test_generated_files_are_up_to_date_and_small_enough(path: str) -> None:
    assert path not in generate.stale()
    assert (generate.ROOT / path).stat().st_size <= 200_000


def test_a_file_that_differs_is_named_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.stale(tmp_path) == [path for path, _ in generate.OUTPUTS]
    assert generate.write(tmp_path) == [path for path, _ in generate.OUTPUTS]
    assert generate.write(tmp_path) == []
    (tmp_path / "crds/loadtests.yaml").write_text("old")
    assert generate.stale(tmp_path) == ["crds/loadtests.yaml"]


def test_the_generate_command_knows_check_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0
    assert generate.main(["--what"]) == 2
    assert "usage" in capsys.readouterr().err


def test_generated_yaml_reads_as_what_was_meant() -> None:
    assert yaml.safe_load((generate.ROOT / "crds/loadtests.yaml").read_text()) == CRDS["LoadTest"]


def test_the_model_brings_neither_network_nor_generators_into_the_operator() -> None:
    script = "import sys; from loadtest_operator.model import loadtest, schedule, supported; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert not loaded & {"asyncio", "aiohttp", "kopf", "kubernetes", "yaml", "loadtest_operator.model.crd"}
