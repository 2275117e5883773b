"""The CRDs in a real API server: what it accepts, what it refuses, and in which words."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config
from kubernetes.client import ApiException

from tests.api import invalid_objects
from tests.api.invalid_objects import Refused
from tests.support.kubectl import Kubectl
from tests.testcluster.apiserver import ApiServer

CRDS = Path(__file__).parents[2] / "crds"
PLURALS = {"LoadTest": "loadtests", "LoadTestSchedule": "loadtestschedules"}

Create = Callable[[dict[str, Any]], str]


def documents() -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]


@pytest.fixture(scope="module")
def kube(api: ApiServer) -> Iterator[client.ApiClient]:
    """A client of the API server, which has both CRDs."""
    with config.new_client_from_config(str(api.kubeconfig)) as found:
        yield found


@pytest.fixture(scope="module")
def refusal(kube: client.ApiClient) -> Create:
    """Tries to create an object without storing it; returns the server's words, '' when it would accept it."""
    objects = client.CustomObjectsApi(kube)

    def create(raw: dict[str, Any]) -> str:
        where = ("loadtest.dev", "v1alpha1", "default", PLURALS[raw["kind"]])
        try:
            objects.create_namespaced_custom_object(*where, raw, dry_run="All", field_validation="Strict")
        except ApiException as refused:
            return str(json.loads(refused.body)["message"])
        return ""

    return create


def test_there_are_enough_invalid_objects_of_both_kinds() -> None:
    kinds = [refused.kind for refused in invalid_objects.refused()]
    assert kinds.count("LoadTest") >= 60
    assert kinds.count("LoadTestSchedule") >= 20


@pytest.mark.parametrize("document", documents(), ids=lambda document: document["metadata"]["name"])
def test_the_server_takes_the_crd_as_structural(kube: client.ApiClient, document: dict[str, Any]) -> None:
    found = client.ApiextensionsV1Api(kube).read_custom_resource_definition(document["metadata"]["name"])
    conditions = {c.type: c.status for c in found.status.conditions}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions


@pytest.mark.parametrize("path", sorted(CRDS.glob("*.yaml")), ids=lambda path: path.name)
def test_a_crd_stays_under_200_kb(path: Path) -> None:
    assert path.stat().st_size <= 200_000


@pytest.mark.parametrize("raw", invalid_objects.accepted(), ids=lambda raw: raw["metadata"]["name"])
def test_a_valid_object_is_accepted(refusal: Create, raw: dict[str, Any]) -> None:
    assert refusal(raw) == ""


@pytest.mark.parametrize("refused", invalid_objects.refused(), ids=str)
def test_an_invalid_object_is_refused_in_words_that_name_the_field(refusal: Create, refused: Refused) -> None:
    words = refusal(refused.raw)
    assert words, "the server accepts it"
    assert refused.field in words
    assert refused.says in words


@pytest.mark.parametrize("kind", PLURALS)
def test_a_fresh_object_does_not_read_as_seen(kube: client.ApiClient, kind: str) -> None:
    raw = next(raw for raw in invalid_objects.accepted() if raw["kind"] == kind)
    raw["metadata"] = {"generateName": "fresh-"}
    objects, where = client.CustomObjectsApi(kube), ("loadtest.dev", "v1alpha1", "default", PLURALS[kind])
    name = objects.create_namespaced_custom_object(*where, raw)["metadata"]["name"]
    try:
        found = objects.get_namespaced_custom_object(*where, name)
    finally:
        objects.delete_namespaced_custom_object(*where, name)
    assert found["status"] == {"observedGeneration": -1}
    assert found["spec"] == raw["spec"], "the server must not fill in anything"


def test_figures_of_the_run_are_printed_and_missing_ones_are_empty(api: ApiServer, kube: client.ApiClient) -> None:
    objects, where = client.CustomObjectsApi(kube), ("loadtest.dev", "v1alpha1", "default", "loadtests")
    raw = invalid_objects.accepted()[0]
    raw["metadata"] = {"generateName": "printed-"}
    name = objects.create_namespaced_custom_object(*where, raw)["metadata"]["name"]
    try:
        assert _printed(api, name) == {"NAME": name}
        _report(objects, name, {"phase": "Running", "progress": {"users": 40, "rps": "195.2/s", "p95": "12ms"}})
        running = {"NAME": name, "PHASE": "Running", "USERS": "40", "RPS": "195.2/s", "P95": "12ms"}
        assert _printed(api, name) == running
        summary = {"rps": "200/s", "p95": "11ms", "errorRate": "0.42%"}
        findings = [{"endpoint": "GET /", "change": "+18.4%"}]
        _report(objects, name, {"verdict": "Failed", "summary": summary, "comparison": {"findings": findings}})
        judged = {"VERDICT": "Failed", "RPS": "200/s", "P95": "11ms", "ERRORS": "0.42%", "CHANGE": "+18.4%"}
        assert _printed(api, name) == running | judged
    finally:
        objects.delete_namespaced_custom_object(*where, name)


def _report(objects: client.CustomObjectsApi, name: str, status: dict[str, Any]) -> None:
    where = ("loadtest.dev", "v1alpha1", "default", "loadtests", name)
    objects.patch_namespaced_custom_object_status(*where, {"status": {"observedGeneration": 1, **status}})


def _printed(api: ApiServer, name: str) -> dict[str, str]:
    """What `kubectl get` prints for one LoadTest, by column; without its age, and without what is empty."""
    header, row = Kubectl(api.kubectl, api.kubeconfig)("get", "lt", name).splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", header)]
    cells = {header[a:b].strip(): row[a:b].strip() for a, b in itertools.pairwise([*starts, len(row) + len(header)])}
    return {column: cell for column, cell in cells.items() if cell and column != "AGE"}
