"""What else a LoadTest can say: limits that fail, scripts from a ConfigMap, an image of one's own."""

import json
from collections.abc import Callable
from typing import Any

from tests.e2e.place import Place, requests_in
from tests.support import faulttable
from tests.support.kubectl import eventually
from tests.support.loadtests import SHOPPER, condition, loadtest, locust

LOAD = {"users": 4, "spawnRate": "10/s", "duration": "4s", "warmup": "1s"}
MAIN = """
from pages import Pages
from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def read(self):
        self.client.get(Pages.first)
"""
MODULE = """
class Pages:
    first = "/search?q=from-another-module"
"""


def spec(here: Place, **changes: Any) -> dict[str, Any]:
    return loadtest("one", here.namespace, here.target.url, **{"scenario": locust(SHOPPER), "load": LOAD, **changes})


def test_a_crossed_limit_fails_the_run_and_closes_the_gate(
    here: Place, record_property: Callable[[str, object], None]
) -> None:
    seen = here.record()
    here.target.control(errors={"cart": "100%"})
    limits = [{"metric": "p95", "fail": "5s"}, {"metric": "errorRate", "fail": "5%"}]

    final = here.run(spec(here, thresholds=limits))

    status = final["status"]
    assert status["verdict"] == "Failed"
    assert [(item["name"], item["result"]) for item in status["thresholds"]] == [
        ("p95", "Passed"),
        ("errorRate", "Failed"),
    ]
    assert "errorRate" in status["message"]
    assert "5%" in status["message"]
    found = {item["type"]: (item["status"], item["reason"]) for item in status["conditions"]}
    assert found["Ready"] == ("False", "Failed")
    assert found["Stalled"] == ("True", "Failed")
    assert found["Passed"] == ("False", "Failed")
    assert found["Completed"] == ("True", "Completed")
    assert "Reconciling" not in found
    [error] = status["errors"]
    assert (error["kind"], error["endpoint"]) == ("HTTP 503", "GET /cart")
    assert error["count"] == here.target.stats()["endpoints"]["cart"]["statuses"]["503"]
    waited = here.kubectl.run(
        "wait", "--for=condition=Passed", "lt/one", "-n", here.namespace, "--timeout=1s", timeout=10
    )
    assert waited.returncode != 0
    assert here.children(), "the logs of a run that failed are kept"
    served = here.target.requests()
    faulttable.row(
        "every answer for one of two pages is an error",
        final,
        seen.until(lambda one: one.status.get("verdict") == "Failed", "the verdict", 1),
        seen.until_phase("Running", seconds=1).at,
        lost=served - requests_in(here.stored(status["run"]["id"])[1]),
        served=served,
    ).tell(record_property)


def test_a_scenario_from_a_config_map_imports_its_other_modules(here: Place) -> None:
    data = {"main.py": MAIN, "pages.py": MODULE}
    metadata = {"name": "script", "namespace": here.namespace}
    here.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})

    final = here.run(spec(here, scenario={"locust": {"configMap": {"name": "script", "key": "main.py"}}}))

    assert final["status"]["verdict"] in {"Passed", "Invalid"}
    assert set(here.target.stats()["endpoints"]) == {"search"}
    _, record = here.stored(final["status"]["run"]["id"])
    assert requests_in(record) == here.target.requests() > 10


def test_an_image_of_ones_own_gets_the_agent_from_an_init_container(here: Place) -> None:
    pods = here.record("pods")
    runners = {**loadtest("", "")["spec"]["runners"], "image": here.image, "workers": 1}

    final = here.run(spec(here, runners=runners))

    _, record = here.stored(final["status"]["run"]["id"])
    assert requests_in(record) == here.target.requests() > 10
    master = pods.until(lambda pod: "-master-" in pod.name, "the master's pod", 1).object["spec"]
    assert [item["command"][2] for item in master["initContainers"]] == ["loadtest_agent.install"]
    assert master["containers"][0]["command"][1] == "/loadtest/agent/start.py"


def test_a_second_request_is_a_second_run_and_a_re_apply_is_not(here: Place) -> None:
    wanted = spec(here)
    first = here.run(wanted)["status"]["run"]
    here.kubectl.apply(wanted)
    here.kubectl("annotate", "lt/one", "-n", here.namespace, "loadtest.dev/run-requested=again")

    again = eventually(lambda: _completed(here, number=2), "the second run", 90)

    assert again["lastHandledRunRequest"] == "again"
    assert [line["number"] for line in again["history"]] == [2, 1]
    assert again["run"]["id"] != first["id"]
    served = sum(requests_in(here.stored(line["id"])[1]) for line in again["history"])
    assert served == here.target.requests()
    assert condition(here.test("one"), "Completed")["status"] == "True"


def _completed(here: Place, number: int) -> dict[str, Any] | None:
    status: dict[str, Any] = here.test("one")["status"]
    return status if status["run"]["number"] == number and status["phase"] == "Completed" else None


def test_load_pods_can_do_nothing_but_their_work(here: Place) -> None:
    """The namespace refuses what Pod Security `restricted` refuses; this is what it does not ask for."""
    pods = here.record("pods")
    here.kubectl.apply(spec(here))
    for role in ("master", "worker"):
        pod = pods.until(lambda pod, role=role: _role(pod.object) == role, f"a {role}", 30).object["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
        assert "serviceaccount" not in json.dumps(pod["volumes"])
        assert pod["containers"][0]["resources"]["limits"]


def _role(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"].get("loadtest.dev/role"))
