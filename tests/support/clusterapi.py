"""Questions to an API server in a millisecond each: kubectl needs fifty, and polls are many on two cores."""

import http.client
import json
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOADTEST = "/apis/loadtest.dev/v1alpha1"
ROOTS = {
    "loadtests": LOADTEST,
    "loadtestschedules": LOADTEST,
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
}
TIMEOUT_SECONDS = 30


class ClusterApi:
    """One kept-alive connection, for one thread."""

    def __init__(self, server: str, ca: Path, token: str) -> None:
        self._address = urlsplit(server).netloc
        self._context = ssl.create_default_context(cafile=str(ca))
        self._token = token
        self._connection: http.client.HTTPSConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """None when it is not there."""
        status, found = self.call("GET", path(kind, namespace, name))
        if status == 404:
            return None
        return _checked(status, found)

    def all(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = _checked(*self.call("GET", path(kind, namespace)))["items"]
        return items

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        return _checked(*self.call("POST", path(kind, body["metadata"].get("namespace", "")), body))

    def patch(self, kind: str, name: str, namespace: str, body: dict[str, Any], sub: str = "") -> dict[str, Any]:
        target = path(kind, namespace, name) + (f"/{sub}" if sub else "")
        return _checked(*self.call("PATCH", target, body, "application/merge-patch+json"))

    def delete(self, kind: str, name: str, namespace: str, propagation: str = "Background") -> None:
        _checked(*self.call("DELETE", path(kind, namespace, name), {"propagationPolicy": propagation}))

    def call(
        self, method: str, where: str, body: dict[str, Any] | None = None, content: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self._address, timeout=TIMEOUT_SECONDS, context=self._context
            )
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content}
        try:
            self._connection.request(method, where, body=json.dumps(body) if body else None, headers=headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise AssertionError(f"{method} {where}: {error!r}") from error


def path(kind: str, namespace: str = "", name: str = "") -> str:
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{ROOTS.get(kind, '/api/v1')}{place}/{kind}" + (f"/{name}" if name else "")


def _checked(status: int, answer: dict[str, Any]) -> dict[str, Any]:
    if status >= 300:
        raise AssertionError(f"{status}: {answer.get('message')}")
    return answer


class Watch:
    """Every version of the objects of one kind in one namespace from now on; read on a thread of its own."""

    def __init__(self, server: str, ca: Path, token: str, kind: str, namespace: str) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        context = ssl.create_default_context(cafile=str(ca))
        self._connection = http.client.HTTPSConnection(urlsplit(server).netloc, context=context)
        self._connection.request(
            "GET", f"{path(kind, namespace)}?watch=1", headers={"Authorization": f"Bearer {token}"}
        )
        self._answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self._thread.join(10)
        self._answer.close()
        self._connection.close()

    def of(self, name: str) -> list[dict[str, Any]]:
        return [found for _, found in self.events if found["metadata"]["name"] == name]

    def told(self) -> list[tuple[str, str]]:
        """Kinds of events and names of objects."""
        return [(kind, found["metadata"]["name"]) for kind, found in self.events]

    def _read(self) -> None:
        try:
            for line in self._answer:
                event = json.loads(line)
                self.events.append((event["type"], event["object"]))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return
