"""The operator as people install it: a Helm release, its pod, what that says, what it stored, and its end."""

import contextlib
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.support import loops, owned, storage
from tests.support.helm import CHART, Helm, Object, image_values
from tests.support.killer import Killer
from tests.support.kubectl import Kubectl, eventually
from tests.support.recorder import Recorder, Version
from tests.testcluster.shell import WITH_US

NAME = "loadtest-operator"
DEPLOYMENT = f"deployment/{NAME}"
READY_SECONDS = 60  # with two cores full of load pods
STORE = "/var/lib/loadtest-operator/store.db"
# By SQLite's own backup, which also reads what is still in the write-ahead log.
COPY = f"""
import sqlite3, sys
copy = sqlite3.connect(":memory:")
sqlite3.connect("{STORE}").backup(copy)
copy.execute("PRAGMA journal_mode = DELETE")
sys.stdout.buffer.write(copy.serialize())
"""
LOCK = f"""
import sqlite3, sys
sqlite3.connect("{STORE}", isolation_level=None).execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Ended:
    seconds: float
    exit_code: int


@dataclass
class Release:
    kubectl: Kubectl
    home: str
    folder: Path
    killer: Killer | None = None
    wanted: int = 1
    _container: str = ""
    _kept: list[str] = field(default_factory=list)
    _copies: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self, replicas: int = 1) -> Self:
        self._scale(replicas)
        return self

    def ready(self, seconds: float = READY_SECONDS) -> Self:
        """One process holds the Lease and works; a second one beside it stands by and is not Ready."""
        look = lambda: next((pod for pod in self.pods() if _is_ready(pod)), None)  # noqa: E731
        self._container = _container(eventually(look, f"an operator ready in {self.home}", seconds))
        return self

    def pods(self) -> list[Object]:
        found = self.kubectl.list("pods", self.home, f"app.kubernetes.io/name={NAME}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def kill(self) -> None:
        """The process dies as when memory is short, and nothing comes in its place before `start`."""
        self._killer().kill(self._container)
        dead = self.pods()
        self._scale(0)
        for pod in dead:
            self._bury(pod)

    def kill_pod(self, name: str) -> None:
        """One of several; the Deployment makes another one in its place."""
        [pod] = [pod for pod in self.pods() if pod["metadata"]["name"] == name]
        self._killer().kill(_container(pod))
        self._bury(pod)

    def _killer(self) -> Killer:
        assert self.killer is not None, "this release was installed without a killer"
        return self.killer

    def _bury(self, pod: Object) -> None:
        """Without its pod there is no restart in place, whose back-off grows with each death."""
        self._keep_logs([pod])
        name = pod["metadata"]["name"]
        self.kubectl("delete", "pod", name, "-n", self.home, "--force", "--grace-period=0", "--ignore-not-found")

    def stop(self) -> Ended:
        """As an upgrade or a drained node does it."""
        [pod] = self.pods()
        with Recorder(self.kubectl, "pods", self.home) as seen:
            begun = time.monotonic()
            self._scale(0)
            over = seen.until(lambda version: _exit_code(version) is not None, "the operator's process ended", 30)
            code = _exit_code(over)
            assert code is not None
            self._keep_logs([pod])
            return Ended(over.at - begun, code)

    def patch(self, pod: Object) -> None:
        """Another pod template, and the operator that is made by it at work."""
        patch = {"spec": {"template": {"spec": pod}}}
        self.kubectl("patch", DEPLOYMENT, "-n", self.home, "-p", json.dumps(patch))
        self.kubectl("rollout", "status", DEPLOYMENT, "-n", self.home, f"--timeout={READY_SECONDS}s", timeout=90)
        self.ready()

    def metrics(self, pod: str = "") -> str:
        name = pod or self.pods()[0]["metadata"]["name"]
        return self.kubectl("get", "--raw", f"/api/v1/namespaces/{self.home}/pods/{name}:8080/proxy/metrics")

    def log(self) -> str:
        """Of all its pods since the installation."""
        return "\n".join([*self._kept, *(self._log_of(pod) for pod in self.pods())])

    def store(self) -> Path:
        """A copy of the store as it is now, which nobody writes."""
        copy = self.folder / f"{self.home}-copy{next(self._copies)}.db"  # operators may share the folder
        done = subprocess.run(self._exec("python3", "-c", COPY), capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        copy.write_bytes(done.stdout)
        return copy

    @contextlib.contextmanager
    def locked_store(self) -> Iterator[None]:
        """Nobody can commit anything."""
        argv = [*WITH_US, *self._exec("python3", "-c", LOCK, stdin=True)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holding:
            assert holding.stdout is not None
            assert holding.stdout.readline().strip() == "locked"
            try:
                yield
            finally:
                holding.communicate(timeout=20)

    def assert_sound(self) -> None:
        """What must hold at the end of any story: it never crashed by itself, and nothing unforeseen was raised."""
        restarts = {
            pod["metadata"]["name"]: status["restartCount"]
            for pod in self.pods()
            for status in pod["status"].get("containerStatuses", [])
        }
        assert not any(restarts.values()), f"the operator ended by itself: {restarts}\n{self.log()[-5000:]}"
        assert "unexpected error" not in (log := self.log()), log[log.index("unexpected error") - 300 :][:3000]

    def _scale(self, replicas: int) -> None:
        self.wanted = replicas
        self.kubectl("scale", DEPLOYMENT, "-n", self.home, f"--replicas={replicas}")

    def _keep_logs(self, pods: list[Object]) -> None:
        self._kept += [self._log_of(pod) for pod in pods]

    def _log_of(self, pod: Object) -> str:
        words = ("logs", "-n", self.home, pod["metadata"]["name"])
        return self.kubectl(*words, "--previous", check=False) + self.kubectl(*words, check=False)

    def _exec(self, *words: str, stdin: bool = False) -> list[str]:
        kubectl = [str(self.kubectl.program), "--kubeconfig", str(self.kubectl.kubeconfig), "exec"]
        return [*kubectl, *(["-i"] if stdin else []), "-n", self.home, DEPLOYMENT, "--", *words]


@contextlib.contextmanager
def release(
    kubectl: Kubectl, image: str, folder: Path, *, killer: Killer | None = None, **values: Any
) -> Iterator[Release]:
    """Installed, ready, and uninstalled when the stories are over; `values` are the chart's."""
    home = owned.make_namespace(kubectl, "operator")
    helm = Helm(kubectl.kubeconfig)
    mark = {owned.LABEL: owned.process()}  # what is left of a session that was killed is swept by it
    told = {
        "image": image_values(image),
        "crds": {"install": False},
        "store": storage.values(kubectl, home, NAME, folder / f"{home}-store"),
        "commonLabels": mark,
        **values,
    }
    made = Release(kubectl, home, folder, killer)
    with contextlib.ExitStack() as closing:
        closing.callback(owned.remove_namespace, kubectl, home)
        closing.callback(helm, "uninstall", NAME, "-n", home, "--ignore-not-found")
        helm("install", NAME, str(CHART), "-n", home, values=told)
        yield made.ready()
        made.assert_sound()
        if made.wanted == 1:
            loops.keep(made.metrics())


def told_about(log: str, namespace: str, lines: int) -> str:
    """The last lines that name this namespace, and the last of all."""
    every = log.splitlines()
    about = [line for line in every if namespace in line]
    return "\n".join([*about[-lines:], f"--- its last {lines // 3} lines of all:", *every[-lines // 3 :]])


def _is_ready(pod: Object) -> bool:
    found = {item["type"]: item["status"] for item in pod["status"].get("conditions", [])}
    return found.get("Ready") == "True"


def _container(pod: Object) -> str:
    return str(pod["status"]["containerStatuses"][0]["containerID"])


def _exit_code(version: Version) -> int | None:
    """Of a pod whose process is over."""
    for status in version.status.get("containerStatuses", []):
        if over := status["state"].get("terminated"):
            return int(over["exitCode"])
    return None


def holder(operator: Release) -> str:
    """Who holds the Lease; empty when nobody does."""
    lease = json.loads(operator.kubectl("get", "lease", NAME, "-n", operator.home, "-o", "json"))
    return str(lease["spec"].get("holderIdentity") or "")
