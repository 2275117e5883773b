"""Deleting children: bound to what was observed, gone is as good as deleted, and pods are told at once."""

import asyncio
from collections.abc import Mapping
from typing import Any

from loadtest_operator.io import kube as api
from loadtest_operator.io.kube import Conflict, Kube, NotFound
from loadtest_operator.runtime.objects import Objects

GRACE_SECONDS = 5
JOB_NAME = "batch.kubernetes.io/job-name"

Raw = Mapping[str, Any]


class Deleting:
    def __init__(self, kube: Kube, objects: Objects) -> None:
        self._kube = kube
        self._objects = objects

    async def take_down(self, child: Raw) -> None:
        """A Job goes in the foreground; its pods are told at once rather than when the garbage collector comes by."""
        kind, metadata = str(child["kind"]), child["metadata"]
        namespace, name, uid = metadata["namespace"], metadata["name"], metadata.get("uid")
        propagation = api.FOREGROUND if kind == "Job" else api.BACKGROUND
        version = metadata.get("resourceVersion") if kind == "LoadTest" else None
        await self._delete(kind, namespace, name, propagation, uid, version=version)
        if kind == "Job":
            await asyncio.gather(*(self._end_pod(pod) for pod in self._pods_of(metadata)))

    def _pods_of(self, job: Raw) -> list[dict[str, Any]]:
        pods = (pod for pod in self._objects.all("Pod") if pod["metadata"]["namespace"] == job["namespace"])
        return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(JOB_NAME) == job["name"]]

    async def _end_pod(self, pod: Raw) -> None:
        metadata = pod["metadata"]
        if "deletionTimestamp" in metadata or pod["status"].get("phase") in {"Succeeded", "Failed"}:
            return
        await self._delete(
            "Pod", metadata["namespace"], metadata["name"], api.BACKGROUND, metadata["uid"], GRACE_SECONDS
        )

    async def _delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        propagation: str,
        uid: str | None,
        grace: int | None = None,
        version: str | None = None,
    ) -> None:
        try:
            await self._kube.delete(
                api.BY_KIND[kind], namespace, name, propagation, uid=uid, grace=grace, version=version
            )
        except (NotFound, Conflict):  # gone, or another object of that name: either way not ours to delete
            return
