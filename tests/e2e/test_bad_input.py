"""What cannot run says why, in the words of who knows, and what to do about it; the gate is closed, no load is left."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.cases import Cases, beside_each_other, chosen
from tests.e2e.place import CHILDREN, Place, place
from tests.e2e.release import Release
from tests.support import faulttable
from tests.support.faulttable import Row
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import SHOPPER, condition, loadtest, locust, phase
from tests.support.recorder import Version

NAME = "wrong"
LOAD = {"users": 4, "spawnRate": "10/s", "duration": "4s", "warmup": "1s"}
START_SECONDS = 30  # a node that has just started, or is crowded, needs most of it to report a pod at all
TOLD_SECONDS = 10  # after the kubelet has reported it
BUSY_SECONDS = 45  # until three pods of a crowded node have started or failed to
SYNTAX = "from locust import HttpUser\n\nclass Shopper(HttpUser)\n    pass\n"
IMPORT = "from locust import HttpUser\n\n\ndef load():\n    import no_such_module\n\n\nload()\n"
NO_USERS = "import locust\n\nTHINK = locust.between(1, 2)\n"


def runners(**fields: Any) -> dict[str, Any]:
    return {**loadtest("", "")["spec"]["runners"], "workers": 1, "startTimeout": f"{START_SECONDS}s", **fields}


def apply(here: Place, **changes: Any) -> None:
    wanted = {"scenario": locust(SHOPPER), "load": LOAD, "runners": runners(), **changes}
    here.kubectl.apply(loadtest(NAME, here.namespace, wanted.pop("url", here.target.url), **wanted))


def told(here: Place, kind: str, reason: str, seconds: float = BUSY_SECONDS) -> str:
    """The message, as soon as the condition has this reason."""

    def look() -> dict[str, Any] | None:
        found = condition(here.test(NAME), kind)
        assert found.get("reason") == reason, here.test(NAME).get("status")
        return found

    message: str = eventually(look, f"{kind} says {reason}", seconds)["message"]
    return message


def ended(here: Place, reason: str, seconds: float = BUSY_SECONDS) -> str:
    """Over, with this reason: the gate is closed, nothing sends or may yet send load."""
    eventually(lambda: phase(here.test(NAME)) == "Error", f"Error ({reason})", seconds)
    test = here.test(NAME)
    found = {item["type"]: (item["status"], item["reason"]) for item in test["status"]["conditions"]}
    assert found["Ready"] == ("False", reason), test["status"]["message"]
    assert found["Stalled"] == ("True", reason)
    assert found["Passed"] == ("False", reason)
    assert found["Completed"] == ("True", "Error")
    assert "Reconciling" not in found
    assert test["status"]["verdict"] == "Error"
    eventually(lambda: not _pods_that_may_run(here), "no pod that may run", 30)
    message: str = test["status"]["message"]
    return message


def waits(here: Place, reason: str) -> str:
    """Not over: somebody may still put it right."""
    message = told(here, "Ready", reason)
    test = here.test(NAME)
    assert condition(test, "Ready")["status"] == "Unknown"
    assert condition(test, "Reconciling")["status"] == "True"
    assert not condition(test, "Stalled")
    return message


def runs_after_all(here: Place) -> None:
    eventually(lambda: phase(here.test(NAME)) == "Completed", "the run completed", 90)
    assert here.test(NAME)["status"]["run"]["number"] == 1
    assert here.target.requests() > 0


def a_syntax_error(here: Place) -> None:
    apply(here, scenario=locust(SYNTAX))
    message = ended(here, "ScriptFailed")
    assert "SyntaxError" in message
    assert "locustfile.py" in message
    assert "3" in message, "the line"


def an_import_error(here: Place) -> None:
    apply(here, scenario=locust(IMPORT))
    message = ended(here, "ScriptFailed")
    assert "ModuleNotFoundError: No module named 'no_such_module'" in message
    assert "locustfile.py:5 in load" in message or 'locustfile.py", line 5' in message
    assert "loadtest_agent" not in message, "our own frames say nothing to the author of the script"


def no_users(here: Place) -> None:
    apply(here, scenario=locust(NO_USERS))
    message = ended(here, "ScriptFailed")
    assert "User" in message
    assert "locustfile.py" in message


def an_image_that_does_not_exist(here: Place) -> None:
    apply(here, runners=runners(image="localhost/no-such-image:1"))
    eventually(lambda: "Image" in _waiting(here) or "ErrImage" in _waiting(here), "the kubelet's own report", 60)
    message = told(here, "WorkersConnected", "ImagePullFailed", TOLD_SECONDS)
    assert "localhost/no-such-image:1" in message
    final = ended(here, "ImagePullFailed", START_SECONDS + BUSY_SECONDS)
    assert "localhost/no-such-image:1" in final
    assert "runners.image" in final
    eventually(lambda: not here.children(), "nothing of a run that never started", 30)


def a_target_that_does_not_answer(here: Place) -> None:
    here.target.control(healthy=False)
    apply(here, target={"url": here.target.url, "health": {"path": "/healthz", "timeout": "5s"}})
    message = ended(here, "TargetUnreachable")
    assert "503" in message
    assert "/healthz" in message
    assert condition(here.test(NAME), "TargetReachable")["status"] == "False"
    assert here.target.requests() == 0


def a_target_whose_name_is_wrong(here: Place) -> None:
    url = f"http://no-such-service.{here.namespace}"
    apply(here, target={"url": url, "health": {"path": "/healthz", "timeout": "5s"}})
    message = ended(here, "TargetUnreachable")
    assert "no-such-service" in message


def a_node_that_nobody_has(here: Place) -> None:
    apply(here, runners=runners(nodeSelector={"no.such/node": "yes"}))
    message = told(here, "WorkersConnected", "Unschedulable", TOLD_SECONDS + START_SECONDS)
    assert "node affinity/selector" in message
    final = ended(here, "Unschedulable", START_SECONDS + BUSY_SECONDS)
    assert "runners" in final
    eventually(lambda: not here.children(), "nothing of a run that never started", 30)


def a_config_map_that_comes_late(here: Place) -> None:
    apply(here, scenario={"locust": {"configMap": {"name": "late"}}})
    message = waits(here, "InputMissing")
    assert "ConfigMap late" in message
    assert here.namespace in message
    assert "create" in message
    metadata = {"name": "late", "namespace": here.namespace}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a.py": "", "b.py": SHOPPER}}
    here.kubectl.apply(config)
    eventually(lambda: "no key locustfile.py (its keys: a.py, b.py)" in _message(here), "the key is told", 20)
    here.kubectl.apply({**config, "data": {"locustfile.py": SHOPPER}})
    runs_after_all(here)


def a_quota_that_is_raised(here: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": here.namespace}}
    here.kubectl.apply({**quota, "spec": {"hard": {"pods": "1"}}})
    eventually(lambda: here.kubectl.list("resourcequotas", here.namespace)[0].get("status"), "quota in force", 20)
    apply(here, runners=runners(startTimeout="60s"))
    message = waits(here, "QuotaExceeded")
    assert "exceeded quota: small" in message
    assert f"raise the quota of namespace {here.namespace}" in message
    assert "Job/" not in str(here.children())
    here.kubectl.apply({**quota, "spec": {"hard": {"pods": "10"}}})
    runs_after_all(here)


def a_quota_that_is_not_raised(here: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": here.namespace}}
    here.kubectl.apply({**quota, "spec": {"hard": {"pods": "1"}}})
    eventually(lambda: here.kubectl.list("resourcequotas", here.namespace)[0].get("status"), "quota in force", 20)
    apply(here, runners=runners(startTimeout="5s"))
    assert "exceeded quota: small" in ended(here, "QuotaExceeded")
    eventually(lambda: not here.children(), "nothing of a run that never started", 30)


def a_secret_that_is_missing(here: Place) -> None:
    apply(here, scenario={**locust(SHOPPER), "envFrom": [{"secretRef": {"name": "no-such-secret"}}]})
    eventually(lambda: "CreateContainerConfigError" in _waiting(here), "the kubelet's own report", 60)
    message = told(here, "WorkersConnected", "PodFailed", TOLD_SECONDS)
    assert "CreateContainerConfigError" in message
    assert 'secret "no-such-secret" not found' in message
    final = ended(here, "StartTimeout", START_SECONDS + BUSY_SECONDS)
    assert 'secret "no-such-secret" not found' in final
    eventually(lambda: not here.children(), "nothing of a run that never started", 30)


def a_field_of_a_later_version(here: Place) -> None:
    apply(here, deadline="30m", notify=[{"when": ["Failed"], "secretRef": {"name": "slack", "key": "url"}}])
    message = told(here, "Stalled", "NotSupportedYet")
    assert "notify" in message
    assert "remove" in message
    test = here.test(NAME)
    assert condition(test, "Ready")["status"] == "False"
    assert phase(test) == "Pending"
    assert here.children() == []
    apply(here)
    runs_after_all(here)


CASES: dict[str, Callable[[Place], None]] = {
    case.__name__: case
    for case in (
        an_image_that_does_not_exist,
        a_node_that_nobody_has,
        a_secret_that_is_missing,
        a_syntax_error,
        an_import_error,
        no_users,
        a_target_that_does_not_answer,
        a_target_whose_name_is_wrong,
        a_config_map_that_comes_late,
        a_quota_that_is_raised,
        a_quota_that_is_not_raised,
        a_field_of_a_later_version,
    )
}


FAULTS = {
    "an_image_that_does_not_exist": "the image does not exist",
    "a_node_that_nobody_has": "no node fits",
    "a_secret_that_is_missing": "a Secret that load pods name is missing",
    "a_syntax_error": "the script has a syntax error",
    "an_import_error": "the script cannot import something",
    "a_target_that_does_not_answer": "the target is not healthy before the load",
    "a_quota_that_is_not_raised": "the quota leaves no room for the pods",
}


TOLD_FIRST = {"a_secret_that_is_missing": "PodFailed"}  # before the end says that it took too long


def tell(here: Place, case: str) -> Row | None:
    seen, begun = here.record(), time.monotonic()
    CASES[case](here)
    row = None
    if case in FAULTS:
        final = here.test(NAME)
        reason = TOLD_FIRST.get(case) or condition(final, "Ready")["reason"]
        told = seen.until(lambda one: reason in reasons(one), f"a status with {reason}", 5)
        kind = next(item["type"] for item in told.status["conditions"] if item["reason"] == reason)
        row = faulttable.row(FAULTS[case], final, told, begun, kind=kind)
    here.operator.assert_sound()
    here.kubectl("delete", "lt", NAME, "-n", here.namespace)
    here.until_no_children()
    return row


def reasons(version: Version) -> set[str]:
    return {str(item["reason"]) for item in version.status.get("conditions") or ()}


@pytest.fixture(scope="module")
def stories(
    kubectl: Kubectl, image: str, operator: Release, request: pytest.FixtureRequest
) -> Iterator[Cases[str, Row | None]]:
    with beside_each_other(lambda: place(kubectl, image, "case", operator), tell, chosen(request)) as cases:
        yield cases


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_is_wrong_and_what_to_do_about(
    stories: Cases[str, Row | None], case: str, record_property: Callable[[str, object], None]
) -> None:
    row = stories[case]  # raises what the story raised
    if row is not None:
        row.tell(record_property)


def _pods_that_may_run(here: Place) -> list[str]:
    pods = here.kubectl.list("pods", here.namespace, CHILDREN)
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] in {"Pending", "Running", "Unknown"}]


def _waiting(here: Place) -> str:
    """Why containers wait, as the kubelet says it."""
    statuses = [
        status
        for pod in here.kubectl.list("pods", here.namespace, CHILDREN)
        for kind in ("initContainerStatuses", "containerStatuses")
        for status in pod["status"].get(kind, [])
    ]
    return " ".join(str(status["state"].get("waiting", {}).get("reason")) for status in statuses)


def _message(here: Place) -> str:
    return str(here.test(NAME)["status"]["message"])
