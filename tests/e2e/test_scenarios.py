"""What a newcomer does: the sample target, then each file in scenarios/, with the commands of the README."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.place import OVER
from tests.e2e.release import Release
from tests.support import owned, showing
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import phase
from tests.testcluster import paths

SCENARIOS = sorted((paths.REPOSITORY / "scenarios").glob("*.yaml"))
README = (paths.REPOSITORY / "README.md").read_text()
DOCUMENTED_IMAGE = "loadtest-operator/loadtest-operator:0.1.0"
# The README's own way to see one through quickly; the demo and the night's run are as short as they are.
[SHORTER] = re.findall(r"^sed -E '(s/duration.*)' scenarios/load\.yaml \| kubectl apply -f -$", README, re.MULTILINE)
NIGHTLY = (paths.REPOSITORY / "scenarios/nightly.yaml").read_text()
[EVERY_MINUTE] = re.findall(r"kubectl patch loadtestschedule nightly --type merge -p '(.*)'", NIGHTLY)
OVER_SECONDS = 120  # 20 s of load, an environment before it, and a busy node


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl, image: str, operator: Release) -> Iterator[str]:
    """With the sample target, as the README puts it there when the image has another name."""
    made = owned.make_namespace(kubectl, "newcomer")
    target = kubectl("kustomize", str(paths.REPOSITORY / "manifests/sample-target"))
    kubectl("apply", "-n", made, "-f", "-", stdin=renamed(target, image))
    kubectl("rollout", "status", "deployment/sample-target", "-n", made, "--timeout=60s", timeout=70)
    yield made
    owned.remove_namespace(kubectl, made)


def renamed(text: str, image: str) -> str:
    assert DOCUMENTED_IMAGE in text
    return text.replace(DOCUMENTED_IMAGE, image)


def shorter(text: str) -> str:
    done = subprocess.run(["sed", "-E", SHORTER], input=text, capture_output=True, text=True, check=True)
    assert done.stdout != text
    return done.stdout


def apply(kubectl: Kubectl, namespace: str, path: Path, image: str) -> str:
    """As it is, but for the name of the image and, where it lasts minutes, the time; answers the LoadTest's name."""
    text = path.read_text()
    text = renamed(text, image) if DOCUMENTED_IMAGE in text else text
    text = shorter(text) if re.search(r"duration: \d+m", text) else text
    kubectl("apply", "-n", namespace, "-f", "-", stdin=text)
    kinds = {item["kind"]: item["metadata"]["name"] for item in yaml.safe_load_all(text)}
    return str(kinds.get("LoadTest") or kinds["LoadTestSchedule"])


def crowded(test: dict[str, Any]) -> bool:
    """All that was wrong is that others took the CPU of the load pods; there are more cores where it counts."""
    reasons = test["status"]["validity"]["reasons"]
    return bool(reasons) and all(reason.startswith("GeneratorSaturated") for reason in reasons)


def passed(kubectl: Kubectl, namespace: str, name: str) -> None:
    look = lambda: phase(kubectl.get("loadtest", name, namespace)) in OVER  # noqa: E731
    try:
        eventually(look, f"{name} over", OVER_SECONDS)
        test = kubectl.get("loadtest", name, namespace)
        assert test is not None
        assert phase(test) == "Completed", test["status"]["message"]
        assert test["status"]["verdict"] == "Passed" or crowded(test), test["status"]["message"]
    except AssertionError as error:
        error.add_note(showing.show(kubectl, namespace, {}))
        raise


@pytest.mark.parametrize("path", [one for one in SCENARIOS if one.stem != "nightly"], ids=lambda one: one.stem)
def test_a_scenario_passes_against_the_sample_target(kubectl: Kubectl, namespace: str, image: str, path: Path) -> None:
    passed(kubectl, namespace, apply(kubectl, namespace, path, image))


def test_the_nightly_schedule_names_its_next_night_and_runs_every_minute_when_asked_to(
    kubectl: Kubectl, namespace: str, image: str
) -> None:
    name = apply(kubectl, namespace, paths.REPOSITORY / "scenarios/nightly.yaml", image)
    planned = eventually(lambda: _schedule(kubectl, namespace, name).get("nextRun"), "the next night", 30)
    assert re.search(r"T0[01]:00:00Z$", planned), "two o'clock in Berlin"

    kubectl("patch", "loadtestschedule", name, "-n", namespace, "--type", "merge", "-p", EVERY_MINUTE)

    made = eventually(lambda: kubectl.list("loadtests", namespace, f"loadtest.dev/schedule={name}"), "a run", 75)
    assert made[0]["metadata"]["labels"]["purpose"] == "nightly"
    passed(kubectl, namespace, made[0]["metadata"]["name"])
    kubectl("delete", "loadtestschedule", name, "-n", namespace)


def _schedule(kubectl: Kubectl, namespace: str, name: str) -> dict[str, Any]:
    found = kubectl.get("loadtestschedule", name, namespace)
    assert found is not None
    status: dict[str, Any] = found.get("status") or {}
    return status
