"""The sample target in a namespace of a test: what it was asked, and how it shall behave."""

import asyncio
import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from loadtest_operator.io import credentials

from tests.support.kubectl import Kubectl, eventually

MANIFESTS = Path(__file__).parents[2] / "manifests" / "sample-target"
NAME = "sample-target"


@dataclass(frozen=True)
class SampleTarget:
    kubectl: Kubectl
    namespace: str
    pod: str

    @property
    def url(self) -> str:
        return f"http://{NAME}.{self.namespace}"

    def stats(self) -> dict[str, Any]:
        """Requests by endpoint, and when the first and the last came, since the start."""
        found: dict[str, Any] = json.loads(self.kubectl("get", "--raw", self._path("_stats")))
        return found

    def requests(self) -> int:
        return int(self.stats()["requests"])

    def control(self, **asked: Any) -> None:
        """For example healthy=False, or slowdown={"all": 100}."""
        self._ask("_control", "POST", json.dumps(asked).encode())

    def forget(self) -> None:
        """Counts begin anew."""
        self._ask("_stats", "DELETE", b"")

    def _ask(self, path: str, method: str, body: bytes) -> None:
        # Not by `kubectl create --raw`: it sends no Content-Length, which the target insists on.
        access = credentials.from_kubeconfig(self.kubectl.kubeconfig)
        token = asyncio.run(access.authorization())
        headers = {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
        url, context = access.server + self._path(path), access.ssl if access.ssl is not True else None
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            answer.read()

    def _path(self, path: str) -> str:
        """To the pod and not to the Service, which has no address while the pod is not Ready."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}:8080/proxy/{path}"


def deploy(kubectl: Kubectl, namespace: str, image: str) -> SampleTarget:
    """As manifests/sample-target has it, except that the load still finds a target that says it is unhealthy."""
    deployment = yaml.safe_load((MANIFESTS / "deployment.yaml").read_text())
    service = yaml.safe_load((MANIFESTS / "service.yaml").read_text())
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["image"] = image
    container["readinessProbe"]["periodSeconds"] = 1
    deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    service["spec"]["publishNotReadyAddresses"] = True
    for item in (deployment, service):
        item["metadata"]["namespace"] = namespace
    kubectl.apply(deployment, service)
    pod = eventually(lambda: _ready_pod(kubectl, namespace), f"a ready {NAME} in {namespace}", 60)
    return SampleTarget(kubectl, namespace, pod)


def _ready_pod(kubectl: Kubectl, namespace: str) -> str:
    for pod in kubectl.list("pods", namespace, f"app.kubernetes.io/name={NAME}"):
        conditions = pod["status"].get("conditions", [])
        if any(item["type"] == "Ready" and item["status"] == "True" for item in conditions):
            return str(pod["metadata"]["name"])
    return ""
