"""One namespace with all parts: the operator as a process, a played kubelet, and short words for what tests do."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.support.clusterapi import ClusterApi, Watch
from tests.support.kubectl import Kubectl, WaitedTooLong
from tests.support.loadtests import condition, loadtest, phase
from tests.support.operator import OperatorProcess
from tests.support.played import PlayedKubelet
from tests.testcluster.apiserver import ApiServer

LOOK_SECONDS = 0.02
TERMINAL = ("Completed", "Error", "Cancelled")

Object = dict[str, Any]


@dataclass
class Stage:
    api: ApiServer
    namespace: str
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            where = (self.api.server, self.api.ca, self.api.token)
            self.kubectl = Kubectl(self.api.kubectl, self.api.kubeconfig)
            self.cluster = ClusterApi(*where)
            stack.callback(self.cluster.close)
            self.kubelet = stack.enter_context(PlayedKubelet(*where, self.namespace))
            self.operator = self.another()
            stack.callback(self.operator.end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def another(self, name: str = "operator", **settings: Any) -> OperatorProcess:
        """One more operator for this namespace, not started."""
        values = {
            "namespace": self.namespace,
            "watch_namespaces": self.namespace,
            "agent_access": "direct",
            "image": "played",
            **self.settings,
            **settings,
        }
        kubeconfig = values.pop("kubeconfig", self.api.kubeconfig)
        return OperatorProcess(kubeconfig, self.folder / name, **values)

    def watch(self, kind: str) -> contextlib.closing[Watch]:
        return contextlib.closing(Watch(self.api.server, self.api.ca, self.api.token, kind, self.namespace))

    def apply(self, name: str, labels: dict[str, str] | None = None, **changes: Any) -> Object:
        """A LoadTest as `kubectl apply` writes it."""
        body = loadtest(name, self.namespace, **changes)
        body["metadata"]["labels"] = labels or {}
        where = f"/apis/loadtest.dev/v1alpha1/namespaces/{self.namespace}/loadtests/{name}"
        query = "?fieldManager=kubectl&force=true"
        status, made = self.cluster.call("PATCH", where + query, body, "application/apply-patch+yaml")
        assert status < 300, made
        return made

    def annotate(self, name: str, **annotations: str) -> None:
        body = {"metadata": {"annotations": {f"loadtest.dev/{k.replace('_', '-')}": v for k, v in annotations.items()}}}
        self.cluster.patch("loadtests", name, self.namespace, body)

    def get(self, name: str) -> Object:
        found = self.cluster.get("loadtests", name, self.namespace)
        assert found is not None, f"{name} is not there"
        return found

    def all(self, kind: str) -> list[Object]:
        return self.cluster.all(kind, self.namespace)

    def jobs(self) -> list[str]:
        return sorted(item["metadata"]["name"] for item in self.all("jobs"))

    def named(self, kind: str, prefix: str) -> list[Object]:
        return [item for item in self.all(kind) if item["metadata"]["name"].startswith(prefix)]

    def pod(self, job: str) -> Object:
        """A pod of this Job, once there is one."""
        pods = lambda: [p for p in self.all("pods") if p["metadata"]["labels"].get("job-name") == job]  # noqa: E731
        return soon(pods, f"a pod of Job {job}")[0]

    def until(
        self, name: str, *phases: str, seconds: float = 20, where: Callable[[Object], Any] | None = None
    ) -> Object:
        """The LoadTest once it is in one of these phases, and `where` holds."""

        def look() -> Object | None:
            found = self.get(name)
            return found if phase(found) in phases and (where is None or where(found)) else None

        try:
            found: Object = soon(look, f"{name} in {phases}", seconds)
        except WaitedTooLong as late:
            status = self.get(name).get("status")
            log = self.operator.log.read_text()[-3000:] if self.operator.log.exists() else ""
            raise AssertionError(f"{late}\nstatus: {status}\nlog: {log}") from None
        return found

    def until_condition(self, name: str, kind: str, reason: str, seconds: float = 20) -> Object:
        """The condition, once it has this reason."""

        def look() -> Object | None:
            found = condition(self.get(name), kind)
            return found if found.get("reason") == reason else None

        found: Object = soon(look, f"{name}: {kind} with reason {reason}", seconds)
        return found

    def events(self, name: str) -> list[Object]:
        return [item for item in self.all("events") if item["involvedObject"]["name"] == name]


def soon(look: Callable[[], Any], what: str, seconds: float = 20, every: float = LOOK_SECONDS) -> Any:
    """`eventually`, for questions that cost a millisecond."""
    until = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            if last := look():
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > until:
            raise WaitedTooLong(f"{what}: not within {seconds:g} s; last seen: {last!r}")
        time.sleep(every)


def stays(look: Callable[[], Any], seconds: float) -> bool:
    """True all the time; the first other answer ends it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not look():
            return False
        time.sleep(LOOK_SECONDS)
    return True
