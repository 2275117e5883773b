"""NetworkPolicies of the native node in effect, for as long as a test wants them: watches, and writes the table."""

import contextlib
import http.client
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.testcluster import debian, kubeapi, native, netpol, network, running

PACKAGES = {"nft": "nftables"}
PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
WATCH_SECONDS = 300
GATHER_SECONDS = 0.02

Object = dict[str, Any]


class Enforcer:
    def __init__(self, api: kubeapi.Api) -> None:
        self._api = api
        self._found: dict[str, dict[str, Object]] = {kind: {} for kind in PATHS}
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._over = threading.Event()
        self._connections: list[http.client.HTTPSConnection] = []
        self._text = ""
        self.problem = ""

    def start(self) -> None:
        versions = {kind: self._list(kind) for kind in PATHS}
        self._write()
        self._threads = [
            *(threading.Thread(target=self._watch, args=(kind, version)) for kind, version in versions.items()),
            threading.Thread(target=self._follow),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        self._news.set()
        for connection in self._connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(2)
        for thread in self._threads:
            thread.join(timeout=10)
        nft(netpol.empty())

    @property
    def text(self) -> str:
        """The table as it is in effect."""
        return self._text

    def _list(self, kind: str) -> str:
        status, text = self._api.call("GET", PATHS[kind])
        assert status == 200, text
        found = json.loads(text)
        with self._lock:
            self._found[kind] = {item["metadata"]["uid"]: item for item in found["items"]}
        self._news.set()
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, kind: str, version: str) -> None:
        while not self._over.is_set():
            try:
                version = self._stream(kind, version)
            except (OSError, ValueError, http.client.HTTPException):
                if self._over.wait(0.2):
                    return
                version = self._list(kind)

    def _stream(self, kind: str, version: str) -> str:
        context = ssl.create_default_context(cafile=str(self._api.ca))
        connection = http.client.HTTPSConnection(
            self._api.host, self._api.port, timeout=WATCH_SECONDS + 30, context=context
        )
        self._connections.append(connection)
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}"
        connection.request("GET", PATHS[kind] + query, headers={"Authorization": f"Bearer {self._api.token}"})
        with contextlib.closing(connection), connection.getresponse() as answer:
            for line in answer:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ValueError(str(event["object"]))
                version = event["object"]["metadata"]["resourceVersion"]
                self._put(kind, event)
        return version

    def _put(self, kind: str, event: Object) -> None:
        uid = event["object"]["metadata"]["uid"]
        with self._lock:
            if event["type"] == "DELETED":
                self._found[kind].pop(uid, None)
            else:
                self._found[kind][uid] = event["object"]
        self._news.set()

    def _follow(self) -> None:
        while not self._over.is_set():
            self._news.wait()
            time.sleep(GATHER_SECONDS)
            self._news.clear()
            if not self._over.is_set():
                self._write()

    def _write(self) -> None:
        with self._lock:
            found = {kind: tuple(items.values()) for kind, items in self._found.items()}
        text = netpol.ruleset(netpol.world(**found), network.HOST_ADDRESS)
        if text == self._text:
            return
        self.problem = nft(text)
        if not self.problem:
            self._text = text


def nft(text: str) -> str:
    """What it complains about."""
    done = subprocess.run(
        running.inside("nft", "-f", "-"), input=text, capture_output=True, text=True, timeout=20, check=False
    )
    return done.stderr if done.returncode else ""


@contextlib.contextmanager
def enforcing() -> Iterator[Enforcer]:
    debian.ensure(PACKAGES)
    made = Enforcer(native.api())
    made.start()
    try:
        yield made
        assert not made.problem, made.problem
    finally:
        made.stop()
