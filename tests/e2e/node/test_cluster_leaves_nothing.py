"""Starting and stopping the native cluster leaves the machine as it was, also after a crash.

It uses a cluster of its own (LOADTEST_CLUSTER=3), beside the one that the other tests use.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.node import machine
from tests.testcluster import cluster, paths

OWN = "3"
STATE = paths.cache() / f"node{OWN}"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"} | {
    paths.INSTANCE_VARIABLE: OWN
}
UP = [sys.executable, "-m", "tests.testcluster", "up"]
Snapshot = dict[str, list[str]]


def run(command: str) -> str:
    words = [sys.executable, "-m", "tests.testcluster", command]
    done = subprocess.run(
        words, env=ENVIRONMENT, cwd=paths.REPOSITORY, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def kubectl(*words: str, stdin: str | None = None) -> str:
    program = next(paths.binaries().glob("kubernetes-*/kubectl"))
    command = [program, "--kubeconfig", STATE / "kubeconfig", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=True).stdout.strip()


def pids() -> dict[str, int]:
    found: dict[str, int] = json.loads((STATE / "run/pids.json").read_text())
    return found


def a_pod(image: str) -> dict[str, object]:
    container = {
        "name": "sleeper",
        "image": image,
        "command": ["python3", "-c", "import time; time.sleep(600)"],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    volume = {"name": "scratch", "emptyDir": {"medium": "Memory"}}
    spec = {"containers": [container], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sleeper"}, "spec": spec}


def start_with_a_pod() -> list[machine.Process]:
    run("up")
    kubectl("create", "-f", "-", stdin=json.dumps(a_pod(run("image"))))
    kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
    members = machine.family(pids()["unshare"])
    assert len(members) >= 13, "unshare, INIT, eight components, a shim, a pause and the pod's process were expected"
    return members


def running(members: list[machine.Process]) -> list[machine.Process]:
    return [process for process in members if machine.runs(process)]


@pytest.fixture
def before() -> Iterator[Snapshot]:
    if cluster.provider() is not cluster.Provider.NATIVE:
        pytest.fail("the tests of layer `node` need the native cluster: unset KUBECONFIG, stop Docker, be root")
    run("down")
    yield machine.snapshot(OWN)
    run("down")


def test_down_leaves_the_machine_as_it_was(before: Snapshot) -> None:
    members = start_with_a_pod()
    assert machine.snapshot(OWN) != before

    run("down")

    assert running(members) == []
    assert machine.snapshot(OWN) == before


def test_a_killed_node_takes_everything_along_and_up_starts_over_it(before: Snapshot) -> None:
    members = start_with_a_pod()

    os.kill(pids()["unshare"], signal.SIGKILL)

    deadline = time.monotonic() + 10
    while running(members) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(members) == []
    run("up")
    assert kubectl("get", "pods", "--output=name") == ""
    run("down")
    assert machine.snapshot(OWN) == before


def test_two_ups_at_once_make_one_cluster(before: Snapshot) -> None:
    both = [subprocess.Popen(UP, env=ENVIRONMENT, cwd=paths.REPOSITORY) for _ in range(2)]

    assert [process.wait(timeout=300) for process in both] == [0, 0]
    nodes = [line for line in machine.command_lines() if str(STATE) in line and line.startswith("unshare")]
    assert len(nodes) == 1


@pytest.mark.parametrize("at", ["run/pids.json", "run/mounted", "run/components.json"])
def test_an_up_that_is_killed_does_not_stand_in_the_way_of_the_next(before: Snapshot, at: str) -> None:
    first = subprocess.Popen(UP, env=ENVIRONMENT, cwd=paths.REPOSITORY)
    deadline = time.monotonic() + 60
    while not (STATE / at).exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    first.kill()
    first.wait(timeout=10)

    run("up")

    assert kubectl("get", "nodes", "--output=name") == "node/node1"
    run("down")
    assert machine.snapshot(OWN) == before


def test_down_without_a_cluster_does_nothing(before: Snapshot) -> None:
    assert run("down") == ""
    assert machine.snapshot(OWN) == before
    assert not Path(f"/sys/class/net/ltc{OWN}").exists()
