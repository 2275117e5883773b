"""The plain installation: the operator as a pod, with the rights that its manifest lists and no others."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loadtest_operator.build import install

from tests.e2e import installation
from tests.e2e.place import Place, phase
from tests.e2e.release import Release
from tests.support import owned
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import SHOPPER, condition, loadtest, locust

LOAD = {"users": 4, "spawnRate": "10/s", "duration": "4s", "warmup": "1s"}
# What everybody may who is known to the cluster: ask about themselves.
EVERYBODY = {"selfsubjectreviews.authentication.k8s.io"} | {
    f"{kind}.authorization.k8s.io" for kind in ("selfsubjectaccessreviews", "selfsubjectrulesreviews")
}
# What somebody may who sees LoadTests and can say something on them, but may neither run them nor read what they need.
ONLOOKER = [
    {**rule, "verbs": [verb for verb in rule["verbs"] if verb in {"list", "watch", "patch"}]}
    for rule in install.RUN_RULES
    if {"watch", "patch"} & set(rule["verbs"])
]


@pytest.fixture
def home(kubectl: Kubectl) -> Iterator[str]:
    namespace = owned.make_namespace(kubectl, "home")
    yield namespace
    owned.remove_namespace(kubectl, namespace)
    # The chart brings these names, too, and would refuse to take over what it did not make.
    kubectl("delete", "clusterroles,clusterrolebindings", "-l", f"{owned.LABEL}={owned.process()}")


def spec(here: Place, **changes: Any) -> dict[str, Any]:
    return loadtest("one", here.namespace, here.target.url, **{"scenario": locust(SHOPPER), "load": LOAD, **changes})


@pytest.fixture
def here(unserved: Place, home: str, tmp_path: Path) -> Place:
    """With nobody at work, but whoever a test installs is shown when it fails."""
    unserved.operators.append(Release(unserved.kubectl, home, tmp_path))
    return unserved


def test_the_installed_operator_runs_a_test_with_no_more_rights_than_listed(here: Place, home: str) -> None:
    installation.install(here.kubectl, home, here.image, here.namespace)
    here.operator.ready()

    final = here.run(spec(here))

    assert final["status"]["summary"]["requests"] > 0
    here.until_no_children()
    here.operator.assert_sound()
    log = here.operator.log()
    assert not re.search(r"forbidden|Traceback", log), log
    account = f"system:serviceaccount:{home}:loadtest-operator"
    clusterwide = install.environments_rules(install.NAME)
    assert _rights(here.kubectl, account, here.namespace) == _listed([*install.RUN_RULES, *clusterwide])
    assert _rights(here.kubectl, account, home) == _listed(
        [*install.RUN_RULES, *clusterwide, *install.home_rules(install.NAME)]
    )
    for denied in ("get secrets", "create deployments", "create pods --subresource=exec", "update namespaces"):
        answer = here.kubectl.run("auth", "can-i", *denied.split(), f"--as={account}", "-n", here.namespace)
        assert answer.stdout.strip() == "no", denied


def test_a_missing_right_is_told_with_the_command_that_gives_it(here: Place, home: str) -> None:
    kubectl = here.kubectl
    _install_onlooker(here, home)

    kubectl.apply(spec(here))

    found = eventually(lambda: _access_missing(here), "AccessMissing", 30)
    assert found["status"] == "Unknown"
    assert here.children() == []
    command = found["message"].split("to allow it: ")[1]
    words = shlex.split(command)
    assert words[:3] == ["kubectl", "create", "rolebinding"]
    kubectl(*words[1:])
    eventually(lambda: phase(here.test("one")) == "Completed", "the run completed after the command", 90)
    assert here.target.requests() > 0


def test_a_script_that_may_not_be_read_is_told_with_the_command_too(here: Place, home: str) -> None:
    _install_onlooker(here, home)

    here.kubectl.apply(spec(here, scenario={"locust": {"configMap": {"name": "script"}}}))

    found = eventually(lambda: _access_missing(here), "AccessMissing", 30)
    assert "script" in found["message"]
    assert f"kubectl create rolebinding loadtest-operator -n {here.namespace}" in found["message"]


def _access_missing(here: Place) -> dict[str, Any] | None:
    found = condition(here.test("one"), "Ready")
    return found if found.get("reason") == "AccessMissing" else None


def _install_onlooker(here: Place, home: str) -> None:
    """The operator may see LoadTests in the place, but it may run them at home only."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": ONLOOKER}
    here.kubectl.apply({**role, "metadata": {"name": "onlooker", "namespace": here.namespace}})
    account, where = f"--serviceaccount={home}:loadtest-operator", ("-n", here.namespace)
    here.kubectl("create", "rolebinding", "onlooker", "--role=onlooker", account, *where)
    installation.install(here.kubectl, home, here.image, here.namespace, everywhere=False)
    here.operator.ready()


def _rights(kubectl: Kubectl, account: str, namespace: str) -> set[tuple[str, str, str]]:
    """(resource.group, object's name or nothing, verb), as the authorizer itself lists them."""
    text = kubectl("auth", "can-i", "--list", f"--as={account}", "-n", namespace, "--no-headers")
    found = set()
    for line in text.splitlines():
        resource, _, names, verbs = re.fullmatch(r"(\S*)\s+(\[.*?\])\s+(\[.*?\])\s+(\[.*?\])\s*", line).groups()  # type: ignore[union-attr]
        if resource and resource not in EVERYBODY:
            for verb in verbs[1:-1].split():
                found |= {(resource, name, verb) for name in names[1:-1].split() or [""]}
    return found


def _listed(rules: list[dict[str, list[str]]]) -> set[tuple[str, str, str]]:
    return {
        (_qualified(resource, group), name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
        for verb in rule["verbs"]
    }


def _qualified(resource: str, group: str) -> str:
    kind, slash, part = resource.partition("/")
    return f"{kind}.{group}{slash}{part}" if group else resource
