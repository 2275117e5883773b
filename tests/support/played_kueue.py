"""Kueue's part in a Job's life: a webhook suspends whatever bears a queue's name; who may go is said by the test."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from loadtest_operator.build.names import LABEL_KUEUE

from tests.support.clusterapi import ClusterApi
from tests.testcluster import paths
from tests.testcluster.apiserver import ApiServer

HOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"

Object = dict[str, Any]


class PlayedKueue:
    """`with PlayedKueue(api, namespace) as kueue:`; Jobs of other namespaces are none of its business."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._cluster = ClusterApi(api.server, api.ca, api.token)
        self._namespace = namespace
        self._name = f"played-kueue-{namespace}"
        self.asked: list[str] = []  # Jobs, as they were created

    def __enter__(self) -> Self:
        keys = paths.api_pki()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")  # good for 127.0.0.1
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.asked))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="played-kueue")
        self._thread.start()
        ca = base64.b64encode((keys / "ca.crt").read_bytes()).decode()
        status, said = self._cluster.call("POST", HOOKS, self._hook(ca))
        assert status == 201, said
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.call("DELETE", f"{HOOKS}/{self._name}")
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        self._cluster.close()

    def let_go(self, job: str) -> None:
        self._suspend(job, suspend=False)

    def take_back(self, job: str) -> None:
        self._suspend(job, suspend=True)

    def _suspend(self, job: str, *, suspend: bool) -> None:
        self._cluster.patch("jobs", job, self._namespace, {"spec": {"suspend": suspend}})

    def _hook(self, ca: str) -> Object:
        rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": self._name},
            "webhooks": [
                {
                    "name": "jobs.kueue.example.com",
                    "clientConfig": {"url": f"https://127.0.0.1:{self._server.server_port}/", "caBundle": ca},
                    "rules": [rule],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
                    "objectSelector": {"matchExpressions": [{"key": LABEL_KUEUE, "operator": "Exists"}]},
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                }
            ],
        }


def _handler(asked: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = review["request"]
            asked.append(request["object"]["metadata"]["name"])
            patch = json.dumps([{"op": "add", "path": "/spec/suspend", "value": True}]).encode()
            answer = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch"}
            answer["patch"] = base64.b64encode(patch).decode()
            body = json.dumps({**review, "response": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nobody reads it."""

    return Handler
