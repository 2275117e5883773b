"""A component of the native node: NetworkPolicies in effect. Watches pods and policies, and writes the table.

It runs inside, like kube-proxy, and INIT starts it again when it ends. It imports nothing but the standard library.
"""

import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.testcluster import kubeapi, netpol

NAME = "network-policies"
SOURCES = ("enforcer.py", "netpol.py", "kubeapi.py")
PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
WATCH_SECONDS = 300
GATHER_SECONDS = 0.02

Object = dict[str, Any]


class Enforcer:
    def __init__(self, api: kubeapi.Api, node: str, machine: str) -> None:
        """`machine` reaches every pod; the name server is a process of `node`."""
        self._api = api
        self._name_server = netpol.name_server(node)
        self._machine = machine
        self._found: dict[str, dict[str, Object]] = {kind: {} for kind in PATHS}
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._text = ""

    def run(self) -> None:
        for kind in PATHS:
            version = self._list(kind)
            threading.Thread(target=self._watch, args=(kind, version), daemon=True).start()
        while True:
            self._write()
            self._news.wait()
            time.sleep(GATHER_SECONDS)  # what changes together is written together
            self._news.clear()

    def _list(self, kind: str) -> str:
        status, text = self._api.call("GET", PATHS[kind])
        if status != 200:
            raise OSError(f"{PATHS[kind]}: {text}")
        found = json.loads(text)
        with self._lock:
            self._found[kind] = {item["metadata"]["uid"]: item for item in found["items"]}
        self._news.set()
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, kind: str, version: str) -> None:
        while True:
            try:
                version = self._stream(kind, version or self._list(kind))
            except (OSError, ValueError, http.client.HTTPException):
                version = ""  # the API server is away, or this version is too old
                time.sleep(0.2)

    def _stream(self, kind: str, version: str) -> str:
        context = ssl.create_default_context(cafile=str(self._api.ca))
        connection = http.client.HTTPSConnection(
            self._api.host, self._api.port, timeout=WATCH_SECONDS + 30, context=context
        )
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}"
        try:
            connection.request("GET", PATHS[kind] + query, headers={"Authorization": f"Bearer {self._api.token}"})
            with connection.getresponse() as answer:
                for line in answer:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise ValueError(str(event["object"]))
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._put(kind, event)
        finally:
            connection.close()
        return version

    def _put(self, kind: str, event: Object) -> None:
        uid = event["object"]["metadata"]["uid"]
        with self._lock:
            if event["type"] == "DELETED":
                self._found[kind].pop(uid, None)
            else:
                self._found[kind][uid] = event["object"]
        self._news.set()

    def _write(self) -> None:
        with self._lock:
            found = {kind: tuple(items.values()) for kind, items in self._found.items()}
        found["pods"] = (*found["pods"], self._name_server)
        text = netpol.ruleset(netpol.world(**found), self._machine)
        if text != self._text:
            nft = ["nft", "-f", "-"]
            subprocess.run(nft, input=text, text=True, timeout=60, check=True)  # its complaint is in our log
            self._text = text


def main(host: str, port: str, ca: str, token: str, node: str, machine: str) -> None:
    api = kubeapi.Api(host, int(port), Path(ca), Path(token).read_text())
    try:
        Enforcer(api, node, machine).run()
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        sys.stderr.flush()
        os._exit(1)  # also from the threads; the table stays as it was


if __name__ == "__main__":
    main(*sys.argv[1:])
