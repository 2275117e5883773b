"""Who else works in a cluster: the garbage collector, the namespace, Job, Deployment and TTL controllers."""

from typing import TYPE_CHECKING, Any

from tests.faults.model import FOREGROUND, ORPHAN, Api, Change, Object, Place

if TYPE_CHECKING:
    from tests.faults.world import World


class Collector:
    """Owner references and finalizers of deletion, as the garbage collector treats them."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._api: Api = world.api
        self._owned: dict[str, dict[str, tuple[str, Place]]] = {}  # by the owner's UID, then by their own

    def hear(self, change: Change) -> None:
        metadata = change.object["metadata"]
        uid, owners = metadata["uid"], metadata.get("ownerReferences") or ()
        if change.type == "ADDED":
            for owner in owners:
                place = (metadata.get("namespace", ""), metadata["name"])
                self._owned.setdefault(owner["uid"], {})[uid] = change.plural, place
                if owner["uid"] not in self._api.by_uid:
                    self._soon(uid)
        elif change.type == "DELETED":
            for owner in owners:
                self._owned.get(owner["uid"], {}).pop(uid, None)
                self._finish_later(owner["uid"])
            for dependent in list(self._owned.get(uid, {})):
                self._soon(dependent)
        elif change.marked and metadata.get("finalizers") and change.plural != "namespaces":
            self._world.later(self._delay(), lambda: self._begin(uid))

    def _delay(self) -> float:
        return self._world.chance.seconds(0.05, 1.5)

    def _soon(self, uid: str) -> None:
        self._world.later(self._delay(), lambda: self._collect(uid))

    def _collect(self, uid: str) -> None:
        """Nobody of its owners is there any more."""
        found = self._find(uid)
        if found is None:
            return
        plural, item = found
        owners = item["metadata"].get("ownerReferences") or ()
        if owners and not any(owner["uid"] in self._api.by_uid for owner in owners):
            self._delete(plural, item, "Background")

    def _begin(self, uid: str) -> None:
        found = self._find(uid)
        if found is None:
            return
        plural, item = found
        finalizers = item["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            for dependent in list(self._owned.pop(uid, {})):
                self._let_go(dependent, uid)
            self._api.finalize(plural, item, ORPHAN)
        elif FOREGROUND in finalizers:
            for its_plural, one in self._dependents(uid, blocking=True):
                self._delete(its_plural, one, "Foreground" if self._owned.get(one["metadata"]["uid"]) else "Background")
            self._finish(uid)

    def _let_go(self, dependent: str, owner: str) -> None:
        found = self._find(dependent)
        if found is None:
            return
        plural, item = found
        kept = [one for one in item["metadata"].get("ownerReferences") or () if one["uid"] != owner]
        self._api.edit(plural, item, {}, {"ownerReferences": kept})

    def _finish_later(self, uid: str) -> None:
        found = self._find(uid)
        if found is not None and FOREGROUND in (found[1]["metadata"].get("finalizers") or ()):
            self._world.later(0.02, lambda: self._finish(uid))

    def _finish(self, uid: str) -> None:
        found = self._find(uid)
        if found is not None and not self._dependents(uid, blocking=True):
            self._api.finalize(*found, FOREGROUND)

    def _dependents(self, uid: str, *, blocking: bool) -> list[tuple[str, Object]]:
        found = [one for dependent in list(self._owned.get(uid, {})) if (one := self._find(dependent))]
        return [(plural, item) for plural, item in found if not blocking or _blocks(item, uid)]

    def _find(self, uid: str) -> tuple[str, Object] | None:
        where = self._api.by_uid.get(uid)
        return None if where is None else (where[0], self._api.objects[where[0]][where[1]])

    def _delete(self, plural: str, item: Object, propagation: str) -> None:
        metadata = item["metadata"]
        if "deletionTimestamp" not in metadata:
            self._api.delete(plural, metadata.get("namespace", ""), metadata["name"], propagation)


def _blocks(item: Object, owner: str) -> bool:
    references = item["metadata"].get("ownerReferences") or ()
    return any(one["uid"] == owner and one.get("blockOwnerDeletion") for one in references)


class Namespaces:
    """A namespace that is deleted takes everything in it along."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def hear(self, change: Change) -> None:
        if change.plural != "namespaces" or change.type != "MODIFIED":
            return
        if "deletionTimestamp" in change.object["metadata"]:
            name = change.object["metadata"]["name"]
            self._world.later(self._world.chance.seconds(0.5, 4), lambda: self._empty(name))

    def _empty(self, name: str) -> None:
        api = self._world.api
        home = api.objects["namespaces"].get(("", name))
        if home is None:
            return
        for plural, places in api.objects.items():
            for place in [place for place in places if place[0] == name]:
                api.remove(plural, places[place])
        api.finalize("namespaces", home, "kubernetes")


class Deployments:
    """Available after some seconds."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def hear(self, change: Change) -> None:
        if change.plural == "deployments" and change.type == "ADDED":
            metadata = change.object["metadata"]
            wait = self._world.chance.seconds(0.5, 5)
            self._world.later(wait, lambda: self._available(metadata["namespace"], metadata["name"]))

    def _available(self, namespace: str, name: str) -> None:
        found = self._world.api.objects["deployments"].get((namespace, name))
        if found is not None:
            count = found["spec"].get("replicas", 1)
            told = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), count)
            status = {"observedGeneration": found["metadata"]["generation"], **told}
            self._world.api.set_status("deployments", found, status)


class Jobs:
    """Pods of Jobs: one for a master, one per index for workers; replaced, counted, ended."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._api: Api = world.api
        self._failures: dict[str, set[str]] = {}  # by the Job's UID, of pods
        self._done: dict[str, set[int]] = {}  # indexes that succeeded
        self._count = 0

    def hear(self, change: Change) -> None:
        if change.plural == "jobs" and change.type == "ADDED":
            uid, spec = change.object["metadata"]["uid"], change.object["spec"]
            self._failures[uid], self._done[uid] = set(), set()
            self._later(uid)
            if limit := spec.get("activeDeadlineSeconds"):
                self._world.later(limit, lambda: self._fail(uid, "DeadlineExceeded"))
        elif change.plural == "pods" and change.type != "ADDED":
            self._hear_pod(change.object, gone=change.type == "DELETED")

    def _hear_pod(self, pod: Object, *, gone: bool) -> None:
        job = next(iter(pod["metadata"].get("ownerReferences") or ()), {}).get("uid")
        if job not in self._failures:
            return
        phase = (pod.get("status") or {}).get("phase")
        uid = pod["metadata"]["uid"]
        if phase == "Succeeded":
            self._done[job].add(_index(pod))
        elif phase == "Failed" or (gone and uid not in self._failures[job]):
            self._failures[job].add(uid)
        elif not gone and "deletionTimestamp" not in pod["metadata"]:
            return
        self._later(job)

    def _later(self, uid: str) -> None:
        self._world.later(self._world.chance.seconds(0.02, 0.4), lambda: self._sync(uid))

    def _sync(self, uid: str) -> None:
        job = self._job(uid)
        if job is None:
            return
        wanted = job["spec"].get("completions", 1)
        if len(self._failures[uid]) > job["spec"].get("backoffLimit", 6):
            self._fail(uid, "BackoffLimitExceeded")
            return
        if len(self._done[uid]) >= wanted:
            self._end(job, "Complete", "")
            return
        there = {_index(pod) for pod in self._pods(uid) if "deletionTimestamp" not in pod["metadata"]}
        over = {_index(pod) for pod in self._pods(uid) if (pod.get("status") or {}).get("phase") == "Failed"}
        for index in range(wanted):
            if index not in there - over and index not in self._done[uid]:
                self._create(job, index)

    def _create(self, job: Object, index: int) -> None:
        metadata, template = job["metadata"], job["spec"]["template"]
        self._count += 1
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
        labels = {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": metadata["name"]}
        labels |= {"job-name": metadata["name"], "batch.kubernetes.io/job-completion-index": str(index)}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{metadata['name']}-{index}-{self._count:05d}",
                "labels": labels,
                "annotations": template["metadata"].get("annotations") or {},
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": template["spec"],
        }
        home = self._api.objects["namespaces"].get(("", metadata["namespace"]))
        if home is not None and "deletionTimestamp" not in home["metadata"]:
            self._api.create("pods", metadata["namespace"], body, "job-controller")

    def _fail(self, uid: str, reason: str) -> None:
        job = self._job(uid)
        if job is not None:
            self._end(job, "Failed", reason)
            for pod in self._pods(uid):
                if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}:
                    self._api.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _end(self, job: Object, kind: str, reason: str) -> None:
        self._api.set_status("jobs", job, {"conditions": [{"type": kind, "status": "True", "reason": reason}]})
        uid = job["metadata"]["uid"]
        if ttl := job["spec"].get("ttlSecondsAfterFinished"):
            self._world.later(ttl, lambda: self._expire(uid))

    def _expire(self, uid: str) -> None:
        where = self._api.by_uid.get(uid)
        if where is not None:
            self._api.delete("jobs", *where[1], propagation="Foreground")

    def _job(self, uid: str) -> Any:
        """Unless it is over, or going."""
        where = self._api.by_uid.get(uid)
        if where is None:
            return None
        job = self._api.objects["jobs"][where[1]]
        over = "deletionTimestamp" in job["metadata"] or (job.get("status") or {}).get("conditions")
        return None if over else job

    def _pods(self, uid: str) -> list[Object]:
        pods = self._api.objects["pods"].values()
        return [pod for pod in pods if any(one["uid"] == uid for one in pod["metadata"].get("ownerReferences") or ())]


def _index(pod: Object) -> int:
    return int(pod["metadata"]["labels"].get("batch.kubernetes.io/job-completion-index", 0))
