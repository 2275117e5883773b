"""What `kubectl get -o json` answers, at a fraction of its price: polls are many, and a kubectl is 60 ms of CPU."""

import asyncio
import http.client
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from loadtest_operator.io import credentials

TIMEOUT_SECONDS = 30
BROKEN = (OSError, http.client.HTTPException, ValueError)  # ValueError: an answer that is no JSON

Object = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    version: str
    plural: str
    name: str
    namespaced: bool = True

    def path(self, namespace: str, name: str = "") -> str:
        root = f"/apis/{self.version}" if "/" in self.version else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{place}/{self.plural}" + (f"/{name}" if name else "")


OWN = "loadtest.dev/v1alpha1"
KINDS = {
    key: kind
    for kind in (
        Kind(OWN, "loadtests", "LoadTest"),
        Kind(OWN, "loadtestschedules", "LoadTestSchedule"),
        Kind("batch/v1", "jobs", "Job"),
        Kind("v1", "pods", "Pod"),
        Kind("v1", "services", "Service"),
        Kind("v1", "configmaps", "ConfigMap"),
        Kind("v1", "resourcequotas", "ResourceQuota"),
        Kind("v1", "serviceaccounts", "ServiceAccount"),
        Kind("v1", "namespaces", "Namespace", namespaced=False),
        Kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
        Kind("apps/v1", "deployments", "Deployment"),
    )
    for key in (kind.plural, kind.name.lower())
}


@dataclass
class Reads:
    """Connections are kept, one for each thread."""

    kubeconfig: Path
    _kept: threading.local = field(default_factory=threading.local)

    def knows(self, kinds: str, namespace: str) -> bool:
        return all(kind in KINDS and (namespace or not KINDS[kind].namespaced) for kind in kinds.split(","))

    def get(self, kind: str, name: str, namespace: str) -> Object | None:
        status, found = self._ask(KINDS[kind].path(namespace, name))
        return None if status == 404 else _checked(status, found)

    def list(self, kinds: str, namespace: str, selector: str) -> list[Object]:
        query = f"?labelSelector={quote(selector)}" if selector else ""
        return [
            {"apiVersion": kind.version, "kind": kind.name, **item}
            for kind in map(KINDS.__getitem__, kinds.split(","))
            for item in _checked(*self._ask(kind.path(namespace) + query))["items"]
        ]

    def _ask(self, where: str) -> tuple[int, Object]:
        """A kept connection may be one whose server is gone: then again, on a new one."""
        kept: _Connection | None = getattr(self._kept, "one", None)
        if kept is not None:
            try:
                return kept.ask(where)
            except BROKEN:
                kept.close()
        made = self._kept.one = _Connection(self.kubeconfig)
        try:
            return made.ask(where)
        except BROKEN as error:
            made.close()
            raise AssertionError(f"GET {where}: {error!r}") from error


class _Connection:
    def __init__(self, kubeconfig: Path) -> None:
        access = credentials.from_kubeconfig(kubeconfig)
        where, tls = urlsplit(access.server), access.ssl
        if isinstance(tls, bool):
            self._line = http.client.HTTPConnection(where.netloc, timeout=TIMEOUT_SECONDS)
        else:
            self._line = http.client.HTTPSConnection(where.netloc, timeout=TIMEOUT_SECONDS, context=tls)
        said = asyncio.run(access.authorization())
        self._headers = {"Authorization": said} if said else {}

    def ask(self, where: str) -> tuple[int, Object]:
        self._line.request("GET", where, headers=self._headers)
        answer = self._line.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self._line.close()

    __del__ = close  # with the thread, or the Kubectl, that it was kept for


def _checked(status: int, answer: Object) -> Object:
    if status >= 300:
        raise AssertionError(f"{status}: {answer.get('message')}")
    return answer
