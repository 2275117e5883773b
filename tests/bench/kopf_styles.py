"""What Kopf's handler styles cost for the same objects: `python -m tests.bench.kopf_styles [--objects 500]`.

Each style runs in a process of its own (tests/bench/kopf_worker.py), on the same API server, with new objects.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.kopf_worker import GROUP, PLURAL, STYLES, VERSION
from tests.bench.processes import cpu_seconds, rss_mib
from tests.support.clusterapi import ClusterApi
from tests.support.kubectl import Kubectl, eventually
from tests.support.operator import AS_IN_THE_IMAGE
from tests.testcluster.apiserver import ApiServer

SCRIPT = "x = 1\n" * 66  # 400 bytes, as long as a short locustfile
THINGS = f"/apis/{GROUP}/{VERSION}"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": PLURAL, "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


@dataclass
class Row:
    style: str
    seconds: float
    cpu: float
    rss: float
    writes: float
    marks: str


def measure(api: ApiServer, style: str, objects: int, folder: Path) -> Row:
    """Objects are there before the operator starts: what a restart of it costs, too."""
    cluster = ClusterApi(api.server, api.ca, api.token)
    kubectl = Kubectl(api.kubectl, api.kubeconfig)
    namespace = f"style-{style}"
    kubectl("create", "namespace", namespace)
    place = f"{THINGS}/namespaces/{namespace}/{PLURAL}"
    for number in range(objects):
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Thing", "metadata": {"name": f"thing-{number}"}}
        status, answer = cluster.call("POST", place, {**body, "spec": {"script": SCRIPT}})
        assert status == 201, answer
    before = versions(cluster, place)
    out = folder / style
    argv = [sys.executable, "-m", "tests.bench.kopf_worker", style, namespace, str(api.kubeconfig), str(objects)]
    out.touch()
    with (folder / f"{style}.log").open("w") as log:
        process = subprocess.Popen([*argv, str(out)], env={**os.environ, **AS_IN_THE_IMAGE}, stderr=log)
        try:
            eventually(lambda: "handled" in out.read_text(), f"{style}: all handled", 180)
            steady(process.pid)
            cpu, rss = cpu_seconds(process.pid), rss_mib(process.pid)
            told = json.loads(out.read_text())
        finally:
            process.kill()
            process.wait()
    after = versions(cluster, place)
    changed = sum(int(after[name][0] != before[name][0]) for name in before)
    marks = ", ".join(sorted({mark for _, found in after.values() for mark in found})) or "none"
    cluster.close()
    return Row(style, told["handled"], cpu - told["imports"], rss, changed / objects, marks)


def steady(pid: int) -> None:
    """Until a second passes in which it does next to nothing."""
    used = cpu_seconds(pid)
    for _ in range(60):
        time.sleep(1)
        now = cpu_seconds(pid)
        if now - used < 0.05:
            return
        used = now


def versions(cluster: ClusterApi, place: str) -> dict[str, tuple[str, list[str]]]:
    """By name: the version, and what an operator left on the object."""
    status, answer = cluster.call("GET", place)
    assert status == 200, answer
    found = {}
    for item in answer["items"]:
        metadata: dict[str, Any] = item["metadata"]
        marks = ["finalizer"] if metadata.get("finalizers") else []
        marks += ["annotation"] if metadata.get("annotations") else []
        found[metadata["name"]] = (metadata["resourceVersion"], marks)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kopf_styles", description=__doc__)
    parser.add_argument("--objects", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, ApiServer(controllers=()) as api:
        kubectl = Kubectl(api.kubectl, api.kubeconfig)
        kubectl.apply(CRD)
        eventually(lambda: kubectl("get", PLURAL) == "", f"{PLURAL} served")
        print(f"{arguments.objects} objects; seconds until all are handled; CPU without imports, memory once quiet")
        print(f"{'style':<42} {'seconds':>8} {'CPU s':>7} {'MiB':>5} {'written':>8}  left on the object")
        for style, (says, _) in STYLES.items():
            row = measure(api, style, arguments.objects, Path(place))
            print(
                f"{says:<42} {row.seconds:>8.2f} {row.cpu:>7.2f} {row.rss:>5.0f} {row.writes:>8.0%}  {row.marks}",
                flush=True,
            )


if __name__ == "__main__":
    main()
