"""An ephemeral environment on a real API server, its controllers played: made, waited for, used, and gone."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from loadtest_operator.build import install

from tests.support.kubectl import Kubectl
from tests.support.loadtests import condition
from tests.support.played_agent import Script
from tests.support.stage import Stage, soon, stays
from tests.testcluster.apiserver import ApiServer

SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: elsewhere}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 8080}]}
"""
URL = {"url": "http://shop.{namespace}:8080"}
ROLES = [item for item in install.environments() if item["kind"] == "ClusterRole"]


@pytest.fixture(scope="session", autouse=True)
def roles(api: ApiServer) -> None:
    Kubectl(api.kubectl, api.kubeconfig).apply(*ROLES)


@pytest.fixture
def kubectl(api: ApiServer) -> Kubectl:
    return Kubectl(api.kubectl, api.kubeconfig)


def environment(text: str = SHOP, **more: Any) -> dict[str, Any]:
    return {"target": URL, "environment": {"manifests": [{"inline": text}], **more}}


def namespaces(kubectl: Kubectl, stage: Stage) -> list[dict[str, Any]]:
    found = kubectl.list("namespaces", "", "loadtest.dev/environment=true")
    owner = "loadtest.dev/owner-namespace"  # of one that somebody else labelled so there is none
    return [item for item in found if item["metadata"].get("annotations", {}).get(owner) == stage.namespace]


def made(kubectl: Kubectl, stage: Stage, kind: str = "deployment", name: str = "shop") -> str:
    """The environment's name, once this object is in it."""

    def look() -> str:
        for item in namespaces(kubectl, stage):
            if kubectl.get(kind, name, item["metadata"]["name"]):
                return str(item["metadata"]["name"])
        return ""

    found: str = soon(look, f"{kind} {name} in an environment", every=0.1)
    return found


def becomes_ready(kubectl: Kubectl, where: str, name: str = "shop") -> None:
    generation = kubectl.get("deployment", name, where)["metadata"]["generation"]
    status = {
        "observedGeneration": generation,
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
    }
    patch = yaml.safe_dump({"status": status})
    kubectl("patch", "deployment", name, "-n", where, "--subresource=status", "--type=merge", "-p", patch)


def gone(kubectl: Kubectl, stage: Stage) -> None:
    soon(lambda: not namespaces(kubectl, stage), "environment gone", 30, every=0.1)


def test_the_target_lives_as_long_as_its_run(stage: Stage, kubectl: Kubectl) -> None:
    stage.apply("one", **environment())
    where = made(kubectl, stage)
    told = stage.until_condition("one", "EnvironmentReady", "EnvironmentNotReady")
    assert told["status"] == "False"
    soon(
        lambda: "Deployment shop: 0 of 1 replicas" in condition(stage.get("one"), "EnvironmentReady")["message"],
        "what is waited for",
    )
    assert stage.jobs() == []
    stage.kubelet.scripts["one"] = Script(pause_at=frozenset({"Running"}))
    becomes_ready(kubectl, where)
    running = stage.until("one", "Running")
    assert running["status"]["environment"] == {"namespace": where, "phase": "Ready"}
    assert condition(running, "EnvironmentReady")["status"] == "True"
    assert stage.kubelet.agent("one").config["target"]["url"] == f"http://shop.{where}:8080"
    stage.kubelet.go_on("one", "Running")
    stage.until("one", "Completed", where=lambda t: t["status"]["environment"]["phase"] == "Deleted", seconds=40)
    gone(kubectl, stage)
    assert stage.get("one")["status"]["verdict"] == "Passed"


def test_the_namespace_is_fenced_in_before_anything_is_in_it(stage: Stage, kubectl: Kubectl) -> None:
    stage.apply("fenced", **environment(quota={"pods": 3}, allowEgress=[{"namespace": "shared-db", "ports": [5432]}]))
    where = made(kubectl, stage)
    [raw] = namespaces(kubectl, stage)
    assert raw["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert kubectl.get("resourcequota", "loadtest-guard", where)["spec"]["hard"]["pods"] == "3"
    assert kubectl.get("limitrange", "loadtest-guard", where)
    network = kubectl.get("networkpolicy", "loadtest-guard", where)["spec"]
    assert network["policyTypes"] == ["Ingress", "Egress"]
    assert network["egress"][2]["ports"] == [{"protocol": "TCP", "port": 5432}]
    account = f"system:serviceaccount:{where}:loadtest-environment"
    for allowed, words in (
        ("yes", "create deployments"),
        ("no", "create rolebindings"),
        ("no", "delete resourcequotas"),
    ):
        said = kubectl.run("auth", "can-i", *words.split(), "-n", where, f"--as={account}").stdout.strip()
        assert said == allowed, words
    elsewhere = kubectl.run("auth", "can-i", "get", "secrets", "-n", stage.namespace, f"--as={account}").stdout.strip()
    assert elsewhere == "no"
    stage.cluster.delete("loadtests", "fenced", stage.namespace)
    gone(kubectl, stage)


def test_what_never_becomes_ready_is_told_and_goes(stage: Stage, kubectl: Kubectl) -> None:
    stage.apply("never", **environment(ready={"timeout": "2s"}))
    test = stage.until("never", "Error")
    assert condition(test, "Ready")["reason"] == "EnvironmentNotReady"
    assert "Deployment shop: 0 of 1 replicas available" in test["status"]["message"]
    gone(kubectl, stage)
    soon(lambda: not stage.named("configmaps", "never"), "frozen inputs gone")
    soon(lambda: stage.get("never")["status"]["environment"]["phase"] == "Deleted", "told")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: List\nitems: [", "environment.manifests[0].inline, line 3 is not YAML"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", "Namespace x is not part of a namespace"),
        ("apiVersion: v1\nkind: Service\n", "has no metadata.name"),
    ],
)
def test_manifests_that_cannot_be_used_are_refused_before_anything_is_made(
    stage: Stage, kubectl: Kubectl, text: str, says: str
) -> None:
    stage.apply("wrong", **environment(text))
    told = stage.until_condition("wrong", "Stalled", "InputInvalid")
    assert says in told["message"]
    assert not namespaces(kubectl, stage)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x}\n", "knows no kind Gadget in example.com/v1"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: 7}\n", "Service x"),
        (
            "apiVersion: flowcontrol.apiserver.k8s.io/v1\nkind: FlowSchema\nmetadata: {name: x}\n",
            "FlowSchema x of environment.manifests is not part of a namespace",
        ),
        (
            "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: x}\n",
            "cannot patch resource",
        ),
    ],
)
def test_what_the_api_server_refuses_ends_the_run_in_its_words(
    stage: Stage, kubectl: Kubectl, text: str, says: str
) -> None:
    stage.apply("refused", **environment(text))
    test = stage.until("refused", "Error")
    assert condition(test, "Ready")["reason"] == "EnvironmentFailed"
    assert says in test["status"]["message"]
    gone(kubectl, stage)


def test_a_namespace_that_somebody_deletes_under_the_load_ends_the_run_at_once(stage: Stage, kubectl: Kubectl) -> None:
    stage.kubelet.scripts["robbed"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("robbed", **environment())
    where = made(kubectl, stage)
    becomes_ready(kubectl, where)
    stage.until("robbed", "Running")
    kubectl("delete", "namespace", where, "--wait=false")
    test = stage.until("robbed", "Error")
    assert condition(test, "Ready")["reason"] == "EnvironmentLost"
    soon(lambda: "robbed-1-workers" not in stage.jobs(), "load stopped")


def test_manifests_of_a_config_map_are_frozen_and_get_their_images(stage: Stage, kubectl: Kubectl) -> None:
    deployment, service = SHOP.split("---")
    data = {"a-shop.yaml": deployment, "b-service.yaml": service}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": stage.namespace}}
    wanted = {"manifests": [{"configMap": {"name": "shop"}}], "images": {"shop": "shop:pr-42"}}
    stage.kubelet.scripts["mapped"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("mapped", target=URL, environment=wanted)
    told = stage.until_condition("mapped", "Admitted", "InputMissing")
    assert "ConfigMap shop, which spec.environment.manifests[0].configMap names" in told["message"]
    stage.cluster.create("configmaps", {**body, "data": data})
    where = made(kubectl, stage)
    containers = kubectl.get("deployment", "shop", where)["spec"]["template"]["spec"]["containers"]
    assert [item["image"] for item in containers] == ["shop:pr-42"]
    assert soon(lambda: kubectl.get("service", "shop", where), "Service of the second key")
    stage.cluster.patch("configmaps", "shop", stage.namespace, {"data": {"a-shop.yaml": "not: [yaml"}})
    becomes_ready(kubectl, where)
    stage.until("mapped", "Running")
    stage.cluster.delete("loadtests", "mapped", stage.namespace)
    gone(kubectl, stage)


def test_a_deleted_test_leaves_no_namespace(stage: Stage, kubectl: Kubectl) -> None:
    stage.kubelet.scripts["unwanted"] = Script(pause_at=frozenset({"Running"}))
    stage.apply("unwanted", **environment())
    becomes_ready(kubectl, made(kubectl, stage))
    stage.until("unwanted", "Running")
    stage.cluster.delete("loadtests", "unwanted", stage.namespace)
    gone(kubectl, stage)


def test_a_test_that_is_deleted_while_no_operator_is_there_leaves_no_namespace(stage: Stage, kubectl: Kubectl) -> None:
    stage.apply("alone", **environment())
    made(kubectl, stage)
    stage.operator.kill()
    stage.cluster.delete("loadtests", "alone", stage.namespace)
    stage.operator.start().ready()
    gone(kubectl, stage)


def test_an_operator_killed_before_it_wrote_the_status_is_continued(stage: Stage, kubectl: Kubectl) -> None:
    stage.apply("cut", **environment())
    where = made(kubectl, stage)
    stage.operator.kill()
    # As if it had died right after the namespace was there: nothing of it is in the status.
    status = {"environment": None, "conditions": []}
    stage.cluster.patch("loadtests", "cut", stage.namespace, {"status": status}, sub="status")
    [before] = namespaces(kubectl, stage)
    stage.operator.start().ready()
    becomes_ready(kubectl, where)
    stage.until("cut", "Completed")
    assert stage.get("cut")["status"]["environment"]["namespace"] == before["metadata"]["name"]
    gone(kubectl, stage)


def test_a_namespace_that_the_status_of_a_run_that_is_over_does_not_know_is_swept(
    stage: Stage, kubectl: Kubectl
) -> None:
    stage.apply("swept", **environment())
    made(kubectl, stage)
    stage.operator.kill()
    status = {"environment": None, "phase": "Error"}
    stage.cluster.patch("loadtests", "swept", stage.namespace, {"status": status}, sub="status")
    stage.operator.start().ready()
    gone(kubectl, stage)


def test_a_namespace_that_hangs_never_blocks_the_verdict_nor_the_next_run(stage: Stage, kubectl: Kubectl) -> None:
    held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/never]}\n"
    stage.apply("hung", **environment(held))
    first = stage.until("hung", "Completed")["status"]
    assert first["environment"]["phase"] == "Terminating"
    stage.annotate("hung", run_requested="again")
    stage.until("hung", "Completed", where=lambda t: t["status"]["run"]["number"] == 2)
    names = [item["metadata"]["name"] for item in namespaces(kubectl, stage)]
    assert first["environment"]["namespace"] in names
    told = stage.until("hung", "Completed", seconds=60, where=lambda t: "hangs" in _environment(t)["message"])
    assert "example.com/never" in _environment(told)["message"]
    for name in names:
        kubectl("patch", "configmap", "held", "-n", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    gone(kubectl, stage)


def test_an_installation_without_environments_says_so(stages: Any, kubectl: Kubectl) -> None:
    stage = stages(environments=False)
    stage.operator.start().ready()
    stage.apply("off", **environment())
    told = stage.until_condition("off", "Admitted", "AccessMissing")
    assert "environments.enabled=true" in told["message"]
    assert stays(lambda: not namespaces(kubectl, stage), 0.5)


def test_a_missing_right_is_told_with_the_command_that_gives_it(stages: Any, kubectl: Kubectl, tmp_path: Path) -> None:
    stage = stages(environments=True)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "op", "namespace": stage.namespace}}
    kubectl.apply(account, *[r for r in install.objects("x") if r["kind"] == "ClusterRole"])
    for role in ("loadtest-operator-runs", "cluster-admin"):
        kubectl(
            *("create", "rolebinding", f"op-{role}", "-n", stage.namespace, f"--clusterrole={role}"),
            f"--serviceaccount={stage.namespace}:op",
        )
    token = kubectl("create", "token", "op", "-n", stage.namespace).strip()
    limited = yaml.safe_load(stage.api.kubeconfig.read_text())
    limited["users"][0]["user"] = {"token": token}
    (tmp_path / "limited").write_text(yaml.safe_dump(limited))
    operator = stage.another("with-less", kubeconfig=tmp_path / "limited")
    with operator:
        stage.apply("poor", **environment())
        told = stage.until_condition("poor", "Admitted", "AccessMissing")
        assert "kubectl create clusterrolebinding loadtest-operator-environments" in told["message"]
        assert f"--serviceaccount={stage.namespace}:op" in told["message"]
        kubectl(*told["message"].partition("kubectl ")[2].split())
        try:
            where = made(kubectl, stage)
            becomes_ready(kubectl, where)
            stage.until("poor", "Completed")
            gone(kubectl, stage)
        finally:
            kubectl("delete", "clusterrolebinding", "loadtest-operator-environments")


def _environment(test: dict[str, Any]) -> dict[str, Any]:
    return condition(test, "EnvironmentReady")
