"""The model of the API server in tests/faults answers as a real one does, call by call, in what is relied on."""

import asyncio
import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults import rest
from tests.faults.loop import VirtualLoop
from tests.faults.model import Refusal
from tests.faults.world import World
from tests.support.clusterapi import ClusterApi
from tests.support.loadtests import loadtest
from tests.support.stage import soon
from tests.testcluster.apiserver import ApiServer

APPLY = "application/apply-patch+yaml"
TESTS = "/apis/loadtest.dev/v1alpha1/namespaces/{ns}/loadtests"
MAPS = "/api/v1/namespaces/{ns}/configmaps"
PODS = "/api/v1/namespaces/{ns}/pods"
JOBS = "/apis/batch/v1/namespaces/{ns}/jobs"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
MANAGED = "fieldManager=loadtest-operator"
FORCED = f"{MANAGED}&force=true"

Object = dict[str, Any]


class Real:
    def __init__(self, api: ApiServer, namespace: str) -> None:
        self.namespace = namespace
        self._cluster = ClusterApi(api.server, api.ca, api.token)

    def close(self) -> None:
        self._cluster.close()

    def call(self, method: str, path: str, body: Object | None = None, content: str = "application/json"):
        return self._cluster.call(method, path.format(ns=self.namespace), body, content)

    def eventually(self, look: Callable[[], bool], what: str) -> bool:
        return bool(soon(look, what, 40))

    def let_go(self, path: str) -> None:
        self.call("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def expired(self, path: str) -> tuple[int, str]:
        """What a watch from the first version on says."""
        old = "?watch=1&resourceVersion=1&timeoutSeconds=2"
        status, said = self._cluster.call("GET", path.format(ns=self.namespace) + old)
        return (status, said["reason"]) if status != 200 else (said["object"]["code"], said["object"]["reason"])


class Modelled:
    def __init__(self) -> None:
        self.namespace = "shop"
        self._loop = VirtualLoop()
        self._world = World(self._loop, 0, operators=0)
        self._world.api.told.pop(0)  # statuses are made up here
        self._world.api.oldest = self._world.api.version

    def close(self) -> None:
        self._world.ended = True
        self._loop.close()

    def call(self, method: str, path: str, body: Object | None = None, content: str = "application/json"):
        where, _, query = path.format(ns=self.namespace).partition("?")
        given, body = dict(urllib.parse.parse_qsl(query)), json.loads(json.dumps(body))
        status, said = rest.serve(self._world.api, method, where, given, body, {"Content-Type": content})
        return status, json.loads(json.dumps(said))

    def eventually(self, look: Callable[[], bool], what: str) -> bool:
        self._loop.run_until_complete(asyncio.sleep(20))
        return look()

    def let_go(self, path: str) -> None:
        """The namespace's end takes it along here."""

    def expired(self, path: str) -> tuple[int, str]:
        try:
            self._world.api.since(path.rsplit("/", 1)[1], 1)
        except Refusal as refusal:
            return refusal.code, refusal.reason
        return 200, ""


Server = Real | Modelled
Script = Callable[[Server], Iterator[Any]]


def said(answer: tuple[int, Object]) -> tuple[int, str]:
    return answer[0], str(answer[1].get("reason", ""))


def config_map(name: str, **metadata: Any) -> Object:
    body = {"metadata": {"name": name, **metadata}, "data": {"a": "b"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", **body}


def owned(name: str, owner: Object, *, block: bool = False) -> Object:
    reference = {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTest", "controller": True}
    metadata = owner["metadata"]
    reference |= {"name": metadata["name"], "uid": metadata["uid"], "blockOwnerDeletion": block}
    return config_map(name, ownerReferences=[reference])


def made(server: Server, name: str, **metadata: Any) -> Object:
    body = loadtest(name, server.namespace)
    body["metadata"] |= metadata
    code, answer = server.call("POST", TESTS, body)
    assert code == 201, answer
    return answer


def status_of(test: Object, status: Object, **metadata: Any) -> Object:
    keep = {key: test["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {**keep, **metadata},
        "status": status,
    }


def shape(item: Object) -> Object:
    """What is the same on every server."""
    metadata = item.get("metadata") or {}
    assert item.get("kind") != "Status", str(item)
    return {
        "generation": metadata.get("generation"),
        "going": "deletionTimestamp" in metadata,
        "grace": metadata.get("deletionGracePeriodSeconds"),
        "finalizers": metadata.get("finalizers"),
        "owners": len(metadata.get("ownerReferences") or ()),
        "status": (item.get("status") or {}).get("message"),
        "phase": (item.get("status") or {}).get("phase"),
    }


def creating(server: Server) -> Iterator[Any]:
    yield said(server.call("POST", f"{MAPS}?{MANAGED}", config_map("one")))
    yield said(server.call("POST", f"{MAPS}?{MANAGED}", config_map("one")))
    yield said(server.call("POST", f"{MAPS}?{MANAGED}&dryRun=All", config_map("two")))
    yield said(server.call("POST", f"{MAPS}?{MANAGED}&dryRun=All", config_map("one")))
    yield said(server.call("GET", f"{MAPS}/two"))
    yield said(server.call("POST", "/api/v1/namespaces/nowhere/configmaps", config_map("one")))
    body = loadtest("with-status", server.namespace)
    code, answer = server.call("POST", TESTS, {**body, "status": {"message": "not taken"}})
    yield code, shape(answer)


def statuses(server: Server) -> Iterator[Any]:
    test = made(server, "told")
    path = f"{TESTS}/told/status?{FORCED}"
    code, first = server.call("PATCH", path, status_of(test, {"phase": "Pending", "message": "one"}), APPLY)
    yield code, shape(first), first["metadata"]["resourceVersion"] != test["metadata"]["resourceVersion"]
    code, same = server.call("PATCH", path, status_of(first, {"phase": "Pending", "message": "one"}), APPLY)
    yield code, same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    first = same
    yield said(server.call("PATCH", path, status_of(test, {"message": "late"}), APPLY))
    other = "11111111-2222-4333-8444-555555555555"
    code, first = server.call("PATCH", path, status_of(first, {"message": "other"}, uid=other), APPLY)
    yield code, shape(first), first["metadata"]["uid"] == test["metadata"]["uid"]
    code, less = server.call("PATCH", path, status_of(first, {"message": "two"}), APPLY)
    yield code, shape(less)
    gone = status_of(first, {"message": "gone"}, name="never-was")
    yield said(server.call("PATCH", f"{TESTS}/never-was/status?{FORCED}", gone, APPLY))


def edits(server: Server) -> Iterator[Any]:
    """Who applies a spec leaves the status; only a spec counts as a generation."""
    body = loadtest("edited", server.namespace)
    where = f"{TESTS}/edited?fieldManager=kubectl&force=true"
    code, test = server.call("PATCH", where, body, APPLY)
    yield code, shape(test)
    server.call("PATCH", f"{TESTS}/edited/status?{FORCED}", status_of(test, {"message": "kept"}), APPLY)
    code, same = server.call("PATCH", where, body, APPLY)
    yield code, shape(same)
    body["spec"]["load"] = {**body["spec"]["load"], "users": 9}
    code, new = server.call("PATCH", where, body, APPLY)
    yield code, shape(new)
    body["metadata"]["annotations"] = {"loadtest.dev/run-requested": "x"}
    code, noted = server.call("PATCH", where, body, APPLY)
    yield code, shape(noted), noted["metadata"]["resourceVersion"] != new["metadata"]["resourceVersion"]


def deletions(server: Server) -> Iterator[Any]:
    _, one = server.call("POST", MAPS, config_map("one"))
    wrong = {"preconditions": {"uid": "11111111-2222-4333-8444-555555555555"}, "propagationPolicy": "Background"}
    yield said(server.call("DELETE", f"{MAPS}/one", wrong))
    right = {"preconditions": {"uid": one["metadata"]["uid"]}, "propagationPolicy": "Background"}
    yield server.call("DELETE", f"{MAPS}/one", right)[0]
    yield said(server.call("DELETE", f"{MAPS}/one", right))
    made(server, "held", finalizers=["example.com/hold"])
    yield server.call("DELETE", f"{TESTS}/held", {"propagationPolicy": "Background"})[0]
    yield shape(server.call("GET", f"{TESTS}/held")[1])


def gone(server: Server, path: str) -> bool:
    return bool(server.call("GET", path)[0] == 404)


def propagation(server: Server) -> Iterator[Any]:
    for policy in ("Background", "Foreground", "Orphan"):
        name = policy.lower()
        test = made(server, name)
        server.call("POST", MAPS, owned(f"of-{name}", test))
        server.call("POST", MAPS, owned(f"blocking-{name}", test, block=True))
        yield server.call("DELETE", f"{TESTS}/{name}", {"propagationPolicy": policy})[0]
        yield server.eventually(lambda name=name: gone(server, f"{TESTS}/{name}"), f"{name} gone")
        if policy == "Orphan":
            yield [shape(server.call("GET", f"{MAPS}/{kind}-orphan")[1]) for kind in ("of", "blocking")]
        else:
            yield server.eventually(lambda name=name: gone(server, f"{MAPS}/of-{name}"), "its ConfigMap gone")
            yield server.eventually(
                lambda name=name: gone(server, f"{MAPS}/blocking-{name}"), "its other ConfigMap gone"
            )
    stranger = {"metadata": {"name": "nobody", "uid": "11111111-2222-4333-8444-555555555555"}}
    yield server.call("POST", MAPS, owned("of-nobody", stranger))[0]
    yield server.eventually(lambda: server.call("GET", f"{MAPS}/of-nobody")[0] == 404, "what nobody owns is gone")


def pod(name: str, node: str = "") -> Object:
    spec = {"containers": [{"name": "x", "image": "x"}], "terminationGracePeriodSeconds": 20}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {**spec, **({"nodeName": node} if node else {})},
    }


def pods(server: Server) -> Iterator[Any]:
    """One that runs nowhere goes at once; one on a node stays for its kubelet, unless it is over."""
    server.call("POST", PODS, pod("nowhere"))
    yield server.call("DELETE", f"{PODS}/nowhere", {"gracePeriodSeconds": 5, "propagationPolicy": "Background"})[0]
    yield server.call("GET", f"{PODS}/nowhere")[0]
    for name, options in (("short", {"gracePeriodSeconds": 5}), ("own", {})):
        server.call("POST", PODS, pod(name, "node-1"))
        yield server.call("DELETE", f"{PODS}/{name}", {**options, "propagationPolicy": "Background"})[0]
        found = shape(server.call("GET", f"{PODS}/{name}")[1])
        yield found["going"], found["grace"]
    yield server.call("DELETE", f"{PODS}/own", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})[0]
    yield server.call("GET", f"{PODS}/own")[0]


def lists(server: Server) -> Iterator[Any]:
    for number in range(5):
        server.call("POST", MAPS, config_map(f"page-{number}", labels={"of": "pages", "odd": str(number % 2)}))
    code, page = server.call("GET", f"{MAPS}?labelSelector=of%3Dpages&limit=2")
    names = [item["metadata"]["name"] for item in page["items"]]
    yield code, names, bool(page["metadata"].get("continue")), "kind" in page["items"][0]
    token = urllib.parse.quote(page["metadata"]["continue"])
    code, page = server.call("GET", f"{MAPS}?labelSelector=of%3Dpages&limit=2&continue={token}")
    yield code, [item["metadata"]["name"] for item in page["items"]]
    code, page = server.call("GET", f"{MAPS}?labelSelector=of%3Dpages%2Codd%3D1")
    yield code, [item["metadata"]["name"] for item in page["items"]], bool(page["metadata"].get("continue"))
    yield len(server.call("GET", f"{MAPS}?labelSelector=of%3Dnothing")[1]["items"])
    yield server.expired(TESTS)


def leases(server: Server) -> Iterator[Any]:
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "turn"}}
    _, first = server.call("POST", LEASES, {**body, "spec": {"holderIdentity": "a"}})
    code, second = server.call("PUT", f"{LEASES}/turn", {**first, "spec": {"holderIdentity": "b"}})
    yield code, second["spec"]["holderIdentity"]
    yield said(server.call("PUT", f"{LEASES}/turn", {**first, "spec": {"holderIdentity": "c"}}))
    yield said(server.call("PUT", f"{LEASES}/other", {**first, "metadata": {**first["metadata"], "name": "other"}}))[1]


def namespaces_that_go(server: Server) -> Iterator[Any]:
    where = f"lt-{server.namespace}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": where}}
    code, new = server.call("POST", "/api/v1/namespaces", body)
    yield code, new["metadata"]["labels"]["kubernetes.io/metadata.name"] == where
    maps = MAPS.replace("{ns}", where)
    server.call("POST", maps, config_map("hold", finalizers=["example.com/hold"]))
    yield server.call("DELETE", f"/api/v1/namespaces/{where}", {"propagationPolicy": "Background"})[0]
    found = server.call("GET", f"/api/v1/namespaces/{where}")[1]
    yield shape(found)["going"], shape(found)["phase"]
    yield said(server.call("POST", maps, config_map("late")))
    server.let_go(f"{maps}/hold")
    yield server.eventually(lambda: server.call("GET", f"/api/v1/namespaces/{where}")[0] == 404, "namespace gone")


SCRIPTS = (creating, statuses, edits, deletions, propagation, pods, lists, leases, namespaces_that_go)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_the_model_answers_as_a_real_server(script: Script, api: ApiServer, namespaces: Callable[[], str]) -> None:
    real, model = Real(api, namespaces()), Modelled()
    try:
        expected, got = list(script(real)), list(script(model))
    finally:
        real.close()
        model.close()
    assert got == expected
