"""The chart on a real node: installed without any right outside its namespaces, upgraded, and taken away again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from loadtest_operator.build import install

from tests.e2e.place import Place
from tests.support import owned, storage
from tests.support.helm import CHART, Helm, Object, image_values
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import loadtest, phase

RELEASE = "loadtest-operator"
INSTALLER = "e2e-installer"
TEST = "first"
LOAD = {"users": 4, "spawnRate": "10/s", "duration": "4s", "warmup": "1s"}
CRDS = ("loadtests.loadtest.dev", "loadtestschedules.loadtest.dev")
HELMS_MARKS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace", "helm.sh/resource-policy")
IN_STORE = """
import pathlib, sys
from loadtest_operator.store import open_store
print(open_store(pathlib.Path("/var/lib/loadtest-operator/store.db")).run(sys.argv[1]) is not None)
"""


@dataclass(frozen=True)
class Story:
    """What was there at each step of one installation's life."""

    home: str
    served: str
    elsewhere: str
    rights: dict[str, bool]
    finished: Object
    first_log: str
    upgraded: Object
    ignored: Object
    second_log: str
    kept_in_store: bool
    left: Object
    claim: Object | None
    deployments: list[Object]


@pytest.fixture(scope="module")
def story(
    kubectl: Kubectl, image: str, place_for_module: Callable[[str], Place], tmp_path_factory: pytest.TempPathFactory
) -> Story:
    """Install, run, upgrade, uninstall; each of these tests looks at one thing of it."""
    here = place_for_module("served")
    home, elsewhere = owned.make_namespace(kubectl, "helm"), owned.make_namespace(kubectl, "elsewhere")
    for namespace in (home, here.namespace):
        _may_install(kubectl, namespace)
    helm = Helm(kubectl.kubeconfig, user=INSTALLER)
    values = {
        "image": image_values(image),
        "watchNamespaces": [here.namespace],
        "crds": {"install": False},  # an administrator did that
        "store": storage.values(kubectl, home, RELEASE, tmp_path_factory.mktemp("store") / "volume"),
    }
    for namespace in (elsewhere, here.namespace):
        kubectl.apply(loadtest(TEST, namespace, here.target.url, load=LOAD))

    helm("install", RELEASE, str(CHART), "-n", home, "--wait", "--timeout", "60s", values=values)
    rights = _rights(kubectl, home, here.namespace, elsewhere)
    finished = eventually(lambda: _over(kubectl, here.namespace), "the served LoadTest over", 60)
    first_log = kubectl("logs", "-n", home, f"deployment/{RELEASE}")
    here.until_no_children()

    values["settings"] = {"log_format": "text", "workers": 3}
    helm("upgrade", RELEASE, str(CHART), "-n", home, "--wait", "--timeout", "60s", values=values)
    run = finished["status"]["run"]["id"]
    in_store = kubectl("exec", "-n", home, f"deployment/{RELEASE}", "--", "python3", "-c", IN_STORE, run)
    second_log = kubectl("logs", "-n", home, f"deployment/{RELEASE}")
    upgraded, ignored = here.test(TEST), kubectl.get("loadtest", TEST, elsewhere)
    assert ignored is not None

    helm("uninstall", RELEASE, "-n", home, "--wait", "--timeout", "60s")
    return Story(
        home=home,
        served=here.namespace,
        elsewhere=elsewhere,
        rights=rights,
        finished=finished,
        first_log=first_log,
        upgraded=upgraded,
        ignored=ignored,
        second_log=second_log,
        kept_in_store=in_store.strip() == "True",
        left=here.test(TEST),
        claim=kubectl.get("persistentvolumeclaim", RELEASE, home),
        deployments=kubectl.list("deployments", home),
    )


def test_a_load_test_in_a_served_namespace_runs_to_its_verdict(story: Story) -> None:
    assert phase(story.finished) == "Completed", story.finished["status"]["message"]
    assert story.finished["status"]["verdict"] == "Passed"


def test_one_elsewhere_is_left_alone(story: Story) -> None:
    assert story.ignored["status"] == {"observedGeneration": -1}


def test_the_operator_may_work_where_it_serves_and_nowhere_else(story: Story) -> None:
    assert story.rights == {
        "list loadtests where it serves": True,
        "create jobs where it serves": True,
        "list loadtests everywhere": False,
        "list pods everywhere": False,
        "create jobs elsewhere": False,
        "get secrets where it serves": False,
        "list namespaces": False,
        "list customresourcedefinitions": False,
    }


def test_an_upgrade_keeps_the_results_and_runs_nothing_again(story: Story) -> None:
    assert story.kept_in_store
    assert story.upgraded["metadata"]["resourceVersion"] == story.finished["metadata"]["resourceVersion"]


def test_an_upgrade_brings_the_new_settings(story: Story) -> None:
    assert {json.loads(line)["level"] for line in story.first_log.splitlines()}
    assert not [line for line in story.second_log.splitlines() if line.startswith("{")]


def test_uninstalling_leaves_load_tests_and_results(story: Story) -> None:
    assert story.left["status"] == story.upgraded["status"]
    assert story.claim is not None
    assert story.deployments == []


def test_the_crds_come_with_the_chart_and_stay_when_it_goes(kubectl: Kubectl, story: Story) -> None:
    helm, release = Helm(kubectl.kubeconfig), "crds"
    values = {"replicas": 0, "store": {"emptyDir": True}, "watchNamespaces": [story.home]}
    before = _uids(kubectl)
    # They are there from other tests: a user who applied them by hand and then takes the chart does the same.
    words = ("install", release, str(CHART), "-n", story.home, "--take-ownership", "--force-conflicts")
    try:
        helm(*words, values=values)
        marks = [item["metadata"]["annotations"] for item in _crds(kubectl)]
        assert [mark["helm.sh/resource-policy"] for mark in marks] == ["keep", "keep"]
        assert [mark["meta.helm.sh/release-name"] for mark in marks] == [release, release]
        helm("uninstall", release, "-n", story.home, "--wait")
        assert _uids(kubectl) == before
        assert not [item for item in _crds(kubectl) if "deletionTimestamp" in item["metadata"]]
    finally:
        kubectl("annotate", "crd", *CRDS, *(f"{mark}-" for mark in HELMS_MARKS))
        kubectl("label", "crd", *CRDS, "app.kubernetes.io/managed-by-")


def _may_install(kubectl: Kubectl, namespace: str) -> None:
    """A person who administers this namespace and nothing beside it, and may grant what the operator needs."""
    rules = [*install.RUN_RULES, *install.home_rules(RELEASE), *install.EDIT_RULES, *install.VIEW_RULES]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": rules}
    kubectl.apply({**role, "metadata": {"name": INSTALLER, "namespace": namespace}})
    user = f"--user={INSTALLER}"
    kubectl("create", "rolebinding", "installer-admin", "-n", namespace, "--clusterrole=admin", user)
    kubectl("create", "rolebinding", "installer-rules", "-n", namespace, f"--role={INSTALLER}", user)


def _rights(kubectl: Kubectl, home: str, served: str, elsewhere: str) -> dict[str, bool]:
    questions = {
        "list loadtests where it serves": ("list", "loadtests.loadtest.dev", "-n", served),
        "create jobs where it serves": ("create", "jobs.batch", "-n", served),
        "list loadtests everywhere": ("list", "loadtests.loadtest.dev", "-A"),
        "list pods everywhere": ("list", "pods", "-A"),
        "create jobs elsewhere": ("create", "jobs.batch", "-n", elsewhere),
        "get secrets where it serves": ("get", "secrets", "-n", served),
        "list namespaces": ("list", "namespaces"),
        "list customresourcedefinitions": ("list", "customresourcedefinitions"),
    }
    who = f"--as=system:serviceaccount:{home}:{RELEASE}"
    return {
        said: kubectl("auth", "can-i", *words, who, check=False).strip() == "yes" for said, words in questions.items()
    }


def _over(kubectl: Kubectl, namespace: str) -> dict[str, Any] | None:
    found = kubectl.get("loadtest", TEST, namespace)
    return found if phase(found) in {"Completed", "Error"} else None


def _crds(kubectl: Kubectl) -> list[Object]:
    items: list[Object] = json.loads(kubectl("get", "crd", *CRDS, "-o", "json"))["items"]
    return items


def _uids(kubectl: Kubectl) -> list[str]:
    return [item["metadata"]["uid"] for item in _crds(kubectl)]
