"""A LoadTest brings its target along: the sample shop in a namespace made for the run, and gone with it."""

from typing import Any

import yaml

from tests.e2e.place import Place
from tests.support.kubectl import eventually
from tests.support.loadtests import SHOPPER, condition, loadtest, locust, phase
from tests.support.target import MANIFESTS

LOAD = {"users": 4, "spawnRate": "10/s", "duration": "4s", "warmup": "1s"}


def shop(image: str, **container: Any) -> str:
    """manifests/sample-target as people would paste it, renamed."""
    deployment = yaml.safe_load((MANIFESTS / "deployment.yaml").read_text())
    service = yaml.safe_load((MANIFESTS / "service.yaml").read_text())
    deployment["metadata"]["name"] = service["metadata"]["name"] = "shop"
    service["spec"]["ports"][0]["port"] = 8080
    pod = deployment["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = 1
    pod["containers"][0].update({"image": image, **container})
    return "---\n".join(yaml.safe_dump(item) for item in (deployment, service))


def spec(here: Place, manifests: str = "", name: str = "one", **more: Any) -> dict[str, Any]:
    return loadtest(
        name,
        here.namespace,
        "http://shop.{namespace}:8080",
        scenario=locust(SHOPPER),
        load=LOAD,
        environment={"manifests": [{"inline": manifests or shop(here.image)}], **more},
    )


def environments(here: Place) -> list[str]:
    found = here.kubectl.list("namespaces", "", "loadtest.dev/environment=true")
    mine = [n for n in found if n["metadata"]["annotations"]["loadtest.dev/owner-namespace"] == here.namespace]
    return [item["metadata"]["name"] for item in mine]


def gone(here: Place) -> None:
    eventually(lambda: not environments(here), "environment gone", 60)


def ended(here: Place, name: str = "one") -> dict[str, Any]:
    eventually(lambda: phase(here.test(name)) == "Error", f"{name} ended", 60)
    return here.test(name)


def test_the_target_is_there_for_the_run_and_for_nothing_else(here: Place) -> None:

    final = here.run(spec(here))

    status = final["status"]
    assert status["verdict"] in {"Passed", "Invalid"}, status["message"]
    assert status["summary"]["requests"] > 10
    assert condition(final, "TargetReachable")["status"] == "True"
    gone(here)
    eventually(lambda: here.test("one")["status"]["environment"]["phase"] == "Deleted", "told", 30)
    here.until_no_children()


def test_a_target_that_never_becomes_ready_is_told_with_its_pods_own_reason(here: Place) -> None:
    here.kubectl.apply(spec(here, shop(here.image, command=["python3", "-c", "raise SystemExit('no database')"]),
                            ready={"timeout": "15s"}))  # fmt: skip

    final = ended(here)

    assert condition(final, "EnvironmentReady")["reason"] == "EnvironmentNotReady"
    assert "Deployment shop: 0 of 1 replicas available" in final["status"]["message"]
    assert "exit code 1" in final["status"]["message"]
    gone(here)


def test_a_quota_that_is_too_small_is_told_early_in_the_quotas_own_words(here: Place) -> None:
    here.kubectl.apply(spec(here, quota={"cpu": "10m"}, ready={"timeout": "20s"}))

    told = lambda: condition(here.test("one"), "EnvironmentReady").get("message", "")  # noqa: E731
    eventually(lambda: "exceeded quota: loadtest-guard" in told(), "the quota's words", 15)
    final = ended(here)

    assert condition(final, "Ready")["reason"] == "EnvironmentNotReady"
    assert "exceeded quota: loadtest-guard" in final["status"]["message"]
    gone(here)


def test_a_test_deleted_in_mid_run_leaves_nothing(here: Place) -> None:
    test = spec(here)
    test["spec"]["load"] = {**LOAD, "duration": "5m"}
    here.kubectl.apply(test)
    eventually(lambda: phase(here.test("one")) == "Running", "load is on", 90)

    here.kubectl("delete", "loadtest", "one", "-n", here.namespace)

    gone(here)
    here.until_no_children()
