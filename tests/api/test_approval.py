"""manifests/admission.yaml on a real API server: who may let load go, and where environments' rights may be bound."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from loadtest_operator.build import install

from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import loadtest
from tests.support.stage import Stage
from tests.testcluster import paths
from tests.testcluster.apiserver import ApiServer

WRITER, APPROVER = "writer", "approver"
PEOPLE = ["loadtest-edit", "loadtest-view"]


@pytest.fixture(scope="module")
def kubectl(api: ApiServer) -> Iterator[Kubectl]:
    kubectl = Kubectl(api.kubectl, api.kubeconfig)
    items = list(yaml.safe_load_all((paths.REPOSITORY / "manifests/admission.yaml").read_text()))
    kubectl.apply(*items, *install.people(), *[r for r in install.environments() if r["kind"] == "ClusterRole"])
    yield kubectl
    for item in items:
        kubectl("delete", item["kind"], item["metadata"]["name"])


@pytest.fixture(scope="module")
def watched(kubectl: Kubectl, namespaces: Callable[[], str]) -> str:
    """A namespace that asks for approval, once the API server knows that it does."""
    namespace = namespaces()
    kubectl("label", "namespace", namespace, "loadtest.dev/approval=required")
    for who, roles in ((WRITER, PEOPLE), (APPROVER, [*PEOPLE, "loadtest-approve"])):
        for role in roles:
            kubectl("create", "rolebinding", f"{who}-{role}", "-n", namespace, f"--clusterrole={role}", f"--user={who}")
    eventually(lambda: "may not start load" in created(kubectl, "probe", namespace, WRITER, dry=True), "in effect", 30)
    return namespace


def created(kubectl: Kubectl, name: str, namespace: str, who: str, *, dry: bool = False, **changes: Any) -> str:
    """What is said; empty when it was taken."""
    body = loadtest(name, namespace, **changes)
    words = ("create", "-f", "-", f"--as={who}", *(["--dry-run=server"] if dry else []))
    return refused(kubectl, *words, stdin=yaml.safe_dump(body))


def refused(kubectl: Kubectl, *words: str, stdin: str | None = None) -> str:
    done = kubectl.run(*words, stdin=stdin)
    return done.stderr if done.returncode else ""


def test_without_the_verb_a_test_is_refused_with_the_sentence(kubectl: Kubectl, watched: str) -> None:
    told = created(kubectl, "bold", watched, WRITER)
    assert f"writer may not start load in namespace {watched}: set spec.suspend: true, and ask somebody" in told
    assert "(ClusterRole loadtest-approve)" in told


def test_who_may_write_writes_suspended_ones_and_who_may_approve_lets_them_go(kubectl: Kubectl, watched: str) -> None:
    assert created(kubectl, "asked", watched, WRITER, suspend=True) == ""
    let_go = ("patch", "loadtest", "asked", "-n", watched, "--type=merge", "-p", '{"spec":{"suspend":false}}')
    assert "writer may not start load" in refused(kubectl, *let_go, f"--as={WRITER}")
    assert refused(kubectl, *let_go, f"--as={APPROVER}") == ""
    users = ("patch", "loadtest", "asked", "-n", watched, "--type=merge", "-p", '{"spec":{"load":{"users":2000}}}')
    assert "writer may not start load" in refused(kubectl, *users, f"--as={WRITER}"), "more load than was approved"
    again = ("annotate", "loadtest", "asked", "-n", watched, "loadtest.dev/run-requested=now")
    assert "writer may not start load" in refused(kubectl, *again, f"--as={WRITER}"), "once more"
    label = ("label", "loadtest", "asked", "-n", watched, "team=a")
    assert refused(kubectl, *label, f"--as={WRITER}") == "", "what starts nothing needs no approval"


def test_who_may_approve_needs_nobody_else(kubectl: Kubectl, watched: str) -> None:
    assert created(kubectl, "own", watched, APPROVER) == ""


def test_other_namespaces_ask_for_nothing(kubectl: Kubectl, watched: str, namespaces: Callable[[], str]) -> None:
    assert watched
    namespace = namespaces()
    kubectl("create", "rolebinding", "w", "-n", namespace, "--clusterrole=loadtest-edit", f"--user={WRITER}")
    assert created(kubectl, "free", namespace, WRITER) == ""


def test_the_roles_of_environments_are_bound_in_environments_alone(
    kubectl: Kubectl, watched: str, namespaces: Callable[[], str]
) -> None:
    assert watched
    made, other = namespaces(), namespaces()
    kubectl("label", "namespace", made, "loadtest.dev/environment=true")
    for role in ("loadtest-operator-environment-guard", "loadtest-operator-environment-content"):
        words = ("create", "rolebinding", role, f"--clusterrole={role}", "--user=operator")
        assert refused(kubectl, *words, "-n", made) == ""
        assert "bound in namespaces with label loadtest.dev/environment alone" in refused(kubectl, *words, "-n", other)
        words = ("create", "clusterrolebinding", role, f"--clusterrole={role}", "--user=operator")
        assert "bound in namespaces with label" in refused(kubectl, *words)
    assert refused(kubectl, "create", "rolebinding", "view", "--clusterrole=view", "--user=x", "-n", other) == ""


def test_the_operator_s_schedules_and_runs_go_on(kubectl: Kubectl, stage: Stage) -> None:
    kubectl("label", "namespace", stage.namespace, "loadtest.dev/approval=required")
    stage.apply("checkout")
    stage.until("checkout", "Completed")
