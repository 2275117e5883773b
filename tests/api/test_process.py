"""The process itself: what it serves, what it imports, what it says when it cannot start."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from loadtest_operator.build import install

from tests.support.operator import AS_IN_THE_IMAGE
from tests.support.stage import Stage, soon

NAMES = (
    "loadtest_reconcile_seconds_count",
    "loadtest_judge_seconds_count 1.0",
    "loadtest_status_writes_total",
    "loadtest_workqueue_depth",
    "loadtest_objects 1.0",
    "loadtest_loop_lag_seconds",
    "loadtest_leader 1.0",
    "loadtest_run_p95_seconds",
    "process_resident_memory_bytes",
)


def limited(stage: Stage, barred: str = "pods") -> Path:
    """A kubeconfig of somebody who may do all that the operator needs, but create none of these."""
    rules = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if rule["resources"] != [barred] or verb != "create"]}
        for rule in (*install.RUN_RULES, *install.home_rules(install.NAME))
    ]
    named = {"metadata": {"name": "limited", "namespace": stage.namespace}}
    rbac = "rbac.authorization.k8s.io"
    role = {"apiGroup": rbac, "kind": "Role", "name": "limited"}
    subject = {"kind": "ServiceAccount", "name": "limited", "namespace": stage.namespace}
    stage.kubectl.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", **named},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", **named, "rules": rules},
        {"apiVersion": f"{rbac}/v1", "kind": "RoleBinding", **named, "roleRef": role, "subjects": [subject]},
    )
    token = stage.kubectl("create", "token", "limited", "-n", stage.namespace).strip()
    path = stage.folder / "limited.kubeconfig"
    path.write_text(stage.api.kubeconfig.read_text().replace(stage.api.token, token))
    return path


def text(stage: Stage, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{stage.operator.port}{path}", timeout=5) as answer:
        return answer.read().decode()


def test_its_own_numbers_are_there_for_prometheus(stage: Stage) -> None:
    stage.apply("counted")
    stage.until("counted", "Completed")
    found = text(stage, "/metrics")
    assert [name for name in NAMES if name not in found] == []
    labels = f'namespace="{stage.namespace}",test="counted"'
    assert f'loadtest_run_verdict{{{labels},verdict="Passed"}} 1.0' in found
    assert f'loadtest_run_verdict{{{labels},verdict="Failed"}} 0.0' in found
    stage.cluster.delete("loadtests", "counted", stage.namespace)
    soon(lambda: labels not in text(stage, "/metrics"), "series of a deleted test gone")


def test_healthz_and_readyz_answer(stage: Stage) -> None:
    assert (text(stage, "/healthz"), text(stage, "/readyz")) == ("ok\n", "ok\n")


def test_it_runs_without_the_kubernetes_package_and_never_imports_locust(stages) -> None:
    stage = stages(env=AS_IN_THE_IMAGE)
    stage.operator.start().ready()
    stage.apply("lean")
    stage.until("lean", "Completed")
    listing = "import json, sys, loadtest_operator.runtime.main; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert "locust" not in json.loads(done.stdout)


def test_a_kubeconfig_that_it_cannot_read_ends_it_with_a_sentence(stages) -> None:
    stage = stages()
    broken = stage.folder / "kubeconfig"
    broken.write_text(stage.api.kubeconfig.read_text().replace("current-context", "no-context"))
    operator = stage.another("broken", kubeconfig=broken)
    operator.start()
    assert operator.process.wait(10) == 2
    assert "current-context" in operator.log.read_text()


def test_without_rights_the_condition_shows_the_command_that_grants_them(stages) -> None:
    stage = stages()
    operator = stage.another("limited", kubeconfig=limited(stage))
    try:
        operator.start().ready()
        stage.apply("barred")
        told = stage.until_condition("barred", "Admitted", "AccessMissing")
        assert "kubectl create rolebinding" in told["message"]
        assert f"-n {stage.namespace}" in told["message"]
    finally:
        operator.kill()
