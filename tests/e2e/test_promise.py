"""The whole promise: a schedule makes the runs, each brings its target along, and the one that is slower is found.

A minute for each run, because a schedule has no finer times: three that agree, then the target's new version.
"""

from typing import Any

from tests.e2e.place import OVER, Place
from tests.e2e.test_environment import environments, shop
from tests.support.kubectl import eventually
from tests.support.loadtests import condition, loadtest, phase

MINUTE = 60.0
SERIES = "loadtestschedule/nightly"


def nightly(here: Place, **container: Any) -> dict[str, Any]:
    spec = loadtest(
        "any",
        here.namespace,
        "http://shop.{namespace}:8080",
        scenario={
            "http": {
                "thinkTime": {"min": "40ms", "max": "80ms"},
                "requests": [{"path": "/home", "name": "home"}, {"path": "/cart", "name": "cart"}],
            }
        },
        load={"users": 4, "spawnRate": "10/s", "duration": "12s", "warmup": "2s"},
        environment={"manifests": [{"inline": shop(here.image, **container)}]},
    )["spec"]
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {"name": "nightly", "namespace": here.namespace},
        "spec": {"schedule": "* * * * *", "template": {"spec": spec}, "history": {"passed": 10, "failed": 10}},
    }


def runs(here: Place) -> list[dict[str, Any]]:
    """Those that are over, oldest first."""
    found = here.kubectl.list("loadtests", here.namespace, "loadtest.dev/schedule=nightly")
    return sorted((one for one in found if phase(one) in OVER), key=lambda one: str(one["metadata"]["name"]))


def compared(here: Place) -> list[dict[str, Any]]:
    """What the comparisons say, oldest first; a run that was Invalid on a busy node has none."""
    return [one["status"]["comparison"] for one in runs(here) if "comparison" in one["status"]]


def regressed(here: Place) -> dict[str, Any] | None:
    return next((one for one in runs(here) if one["status"].get("verdict") == "Regressed"), None)


def test_a_slower_version_is_found_by_the_run_that_the_schedule_makes_of_it(here: Place) -> None:
    here.kubectl.apply(nightly(here))
    eventually(lambda: len(compared(here)) >= 3, "three runs to compare with", 7 * MINUTE)
    assert {one["series"] for one in compared(here)} == {SERIES}
    assert [one["result"] for one in compared(here)[:3]] == ["CollectingBaseline"] * 3
    assert [one["runs"] for one in compared(here)[:3]] == [0, 1, 2]

    here.kubectl.apply(nightly(here, env=[{"name": "TARGET_SLOWDOWN", "value": "cart=3"}]))
    eventually(lambda: regressed(here), "the slower version found", 5 * MINUTE)

    found = regressed(here)
    assert found is not None
    assert condition(found, "Passed")["status"] == "False"
    assert condition(found, "Stalled")["reason"] == "Regressed"
    finding = found["status"]["comparison"]["findings"][0]
    assert (finding["endpoint"], finding["result"]) == ("GET cart", "Regressed")
    low, change, high = (float(finding[key].strip("+%")) for key in ("low", "change", "high"))
    assert 50 < low < change < high  # it is 200 % slower
    assert found["status"]["message"].startswith(f"{finding['metric']} of GET cart +")
    eventually(lambda: _schedule(here)["status"].get("lastVerdict") == "Regressed", "told by the schedule", 30)
    assert found["metadata"]["ownerReferences"][0]["kind"] == "LoadTestSchedule"

    here.kubectl("delete", "loadtestschedule", "nightly", "-n", here.namespace)
    eventually(lambda: not here.kubectl.list("loadtests", here.namespace), "its LoadTests gone with it", MINUTE)
    eventually(lambda: not environments(here), "the targets gone", MINUTE)
    here.until_no_children()


def _schedule(here: Place) -> dict[str, Any]:
    found = here.kubectl.get("loadtestschedule", "nightly", here.namespace)
    assert found is not None
    return found
