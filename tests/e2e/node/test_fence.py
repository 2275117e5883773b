"""NetworkPolicies in effect: load pods reach what policy allows and nothing else, whatever they call."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.place import Place, place
from tests.e2e.release import Release
from tests.e2e.test_environment import environments, spec
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import condition, loadtest, locust, phase

AGENT_PORT = 9808
LOAD = {"users": 4, "spawnRate": "10/s", "duration": "8s", "warmup": "1s"}
KNOCK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print('open')"
# Its target is an allowed one; what it calls beside that is nobody's business but the fence's.
FOREIGN = """
from locust import FastHttpUser, between, task


class Shopper(FastHttpUser):
    wait_time = between(0.1, 0.2)

    @task
    def home(self):
        self.client.get("/home")

    @task
    def foreign(self):
        self.client.get("{url}/home", name="foreign")
"""


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """Whoever is called NAME-fenced may target its like."""
    return {"settings": {"policy": [{"namespaces": ["*-fenced"], "targets": ["*.*-fenced"]}]}}


@pytest.fixture(scope="module")
def fenced(kubectl: Kubectl, image: str, operator: Release) -> Iterator[Place]:
    with place(kubectl, image, "fenced", operator) as made:
        yield made


@pytest.fixture(scope="module")
def neighbour(kubectl: Kubectl, image: str, operator: Release) -> Iterator[Place]:
    with place(kubectl, image, "neighbour", operator) as made:
        yield made


def reaches(neighbour: Place, address: str, port: int) -> bool:
    """Whether a pod of the neighbour's gets a connection."""
    words = ("exec", "-n", neighbour.namespace, neighbour.target.pod, "--", "python3", "-c", KNOCK, address, str(port))
    return "open" in neighbour.kubectl(*words, check=False)


def address_of(kubectl: Kubectl, namespace: str, selector: str) -> str:
    def look() -> str:
        found = kubectl.list("pods", namespace, selector)
        return next((pod["status"]["podIP"] for pod in found if pod["status"].get("podIP")), "")

    return str(eventually(look, f"a pod {selector} with an address", 60))


def until_running(here: Place, name: str) -> None:
    eventually(lambda: phase(here.test(name)) == "Running", f"{name} running", 90)


def test_an_allowed_target_answers_and_only_the_operator_asks_the_agent(
    fenced: Place, neighbour: Place, kubectl: Kubectl
) -> None:
    here = fenced
    kubectl.apply(loadtest("allowed", here.namespace, here.target.url, load=LOAD))
    until_running(here, "allowed")
    master = address_of(kubectl, here.namespace, "loadtest.dev/role=master")
    assert not reaches(neighbour, master, AGENT_PORT)
    assert not reaches(here, master, AGENT_PORT), "nor do others of its own namespace"
    assert reaches(neighbour, address_of(kubectl, here.namespace, "app.kubernetes.io/name=sample-target"), 8080)
    eventually(lambda: phase(here.test("allowed")) == "Completed", "allowed over", 60)
    assert here.test("allowed")["status"]["summary"]["requests"] > 10
    assert here.target.requests() > 10


def test_a_name_that_leads_to_the_neighbour_ends_at_the_fence(
    fenced: Place, neighbour: Place, kubectl: Kubectl
) -> None:
    """The guard rail sees a Service of an allowed namespace; where the name server sends one, it cannot see."""
    leads = {"type": "ExternalName", "externalName": f"sample-target.{neighbour.namespace}.svc.cluster.local"}
    metadata = {"name": "detour", "namespace": fenced.namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": leads})
    url = f"http://detour.{fenced.namespace}"
    target = {"url": url, "health": {"path": "/healthz", "timeout": "5s"}}
    kubectl.apply(loadtest("detour", fenced.namespace, target=target, load=LOAD))
    eventually(lambda: phase(fenced.test("detour")) == "Error", "detour over", 90)
    found = fenced.test("detour")
    assert condition(found, "Ready")["reason"] == "TargetUnreachable"
    assert url in found["status"]["message"]
    assert neighbour.target.requests() == 0


def test_the_neighbour_as_target_is_refused_before_anything_is_made(
    fenced: Place, neighbour: Place, kubectl: Kubectl
) -> None:
    kubectl.apply(loadtest("direct", fenced.namespace, neighbour.target.url))
    eventually(lambda: condition(fenced.test("direct"), "Stalled"), "a refusal", 20)
    assert condition(fenced.test("direct"), "Stalled")["reason"] == "PolicyRefused"
    assert not [name for name in fenced.children() if "direct" in name]


def test_what_a_locustfile_calls_beside_its_target_fails_at_the_fence(
    fenced: Place, neighbour: Place, kubectl: Kubectl
) -> None:
    scenario = locust(FOREIGN.replace("{url}", neighbour.target.url))
    limits = [{"metric": "errorRate", "endpoint": "GET foreign", "fail": "99%"}]
    kubectl.apply(
        loadtest("foreign", fenced.namespace, fenced.target.url, scenario=scenario, load=LOAD, thresholds=limits)
    )
    eventually(lambda: phase(fenced.test("foreign")) in {"Completed", "Error"}, "foreign over", 120)
    found = fenced.test("foreign")["status"]
    assert found["phase"] == "Completed", found["message"]
    of = {item["name"]: item for item in found["endpoints"]}
    assert of["GET foreign"]["failures"] == of["GET foreign"]["requests"] > 0, of
    assert not of["GET /home"]["failures"], of
    assert neighbour.target.requests() == 0


def test_an_environment_is_reached_by_its_run_and_by_nobody_else(
    fenced: Place, neighbour: Place, kubectl: Kubectl
) -> None:
    kubectl.apply(spec(fenced, name="around"))
    until_running(fenced, "around")
    [namespace] = environments(fenced)
    shop = address_of(kubectl, namespace, "app.kubernetes.io/name=sample-target")
    assert not reaches(neighbour, shop, 8080)
    eventually(lambda: phase(fenced.test("around")) == "Completed", "around over", 60)
    assert fenced.test("around")["status"]["summary"]["requests"] > 10
