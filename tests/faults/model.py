"""The API server as far as the operator uses it: objects, versions, subresources, preconditions, deletion, events.

Synchronous and without faults; `web.py` speaks HTTP for it, `controllers.py` plays who else works on it.
test_api_model.py shows that a real API server answers alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Place = tuple[str, str]  # namespace and name

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


@dataclass(frozen=True)
class Kind:
    version: str
    name: str
    namespaced: bool = True
    status: bool = False  # has the subresource: a write to the object leaves it, and the other way round
    generation: bool = False


GROUP = "loadtest.dev/v1alpha1"
KINDS = {
    "loadtests": Kind(GROUP, "LoadTest", status=True, generation=True),
    "loadtestschedules": Kind(GROUP, "LoadTestSchedule", status=True, generation=True),
    "jobs": Kind("batch/v1", "Job", status=True, generation=True),
    "pods": Kind("v1", "Pod", status=True, generation=True),
    "deployments": Kind("apps/v1", "Deployment", status=True, generation=True),
    "services": Kind("v1", "Service"),
    "configmaps": Kind("v1", "ConfigMap"),
    "secrets": Kind("v1", "Secret"),
    "events": Kind("v1", "Event"),
    "namespaces": Kind("v1", "Namespace", namespaced=False, status=True),
    "resourcequotas": Kind("v1", "ResourceQuota"),
    "limitranges": Kind("v1", "LimitRange"),
    "serviceaccounts": Kind("v1", "ServiceAccount"),
    "rolebindings": Kind("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "networkpolicies": Kind("networking.k8s.io/v1", "NetworkPolicy", generation=True),
    "leases": Kind("coordination.k8s.io/v1", "Lease"),
}
CODES = {
    "BadRequest": 400,
    "Forbidden": 403,
    "NotFound": 404,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Expired": 410,
    "Invalid": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
}


class Refusal(Exception):
    """As a Status object would say it."""

    def __init__(self, reason: str, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = code or CODES[reason]


@dataclass(frozen=True, slots=True)
class Change:
    version: int
    plural: str
    type: str  # ADDED, MODIFIED, DELETED
    object: Object
    old: Object | None

    @property
    def marked(self) -> bool:
        """It was not to be deleted before, and is now."""
        before = self.old
        return (
            before is not None
            and "deletionTimestamp" in self.object["metadata"]
            and "deletionTimestamp" not in before["metadata"]
        )


class Api:
    """`told` hears of every change at once."""

    def __init__(self, stamp: Callable[[], str]) -> None:
        self._stamp = stamp
        self.objects: dict[str, dict[Place, Object]] = {plural: {} for plural in KINDS}
        self.by_uid: dict[str, tuple[str, Place]] = {}
        self.log: dict[str, list[Change]] = {plural: [] for plural in KINDS}
        self.oldest = 0  # versions up to here are compacted: nobody can watch from them on
        self.version = 1000
        self.told: list[Callable[[Change], None]] = []
        self._uids = 0

    # Reading

    def get(self, plural: str, namespace: str, name: str) -> Object:
        found = self.objects[plural].get((namespace, name))
        if found is None:
            raise Refusal("NotFound", f'{plural} "{name}" not found')
        return found

    def select(self, plural: str, namespace: str, selector: str) -> Iterator[Object]:
        pairs = [pair.partition("=") for pair in selector.split(",") if pair]
        wanted = [(key.removesuffix("!"), value, not key.endswith("!")) for key, _, value in pairs]
        places = self.objects[plural]
        for place in sorted(places):
            if namespace and place[0] != namespace:
                continue
            labels = places[place]["metadata"].get("labels") or {}
            if all((labels.get(key) == value) is same for key, value, same in wanted):
                yield places[place]

    def since(self, plural: str, version: int) -> list[Change]:
        """What a watch from this version on tells."""
        if version < self.oldest:
            raise Refusal("Expired", f"too old resource version: {version} ({self.oldest})")
        found = []
        for change in reversed(self.log[plural]):
            if change.version <= version:
                break
            found.append(change)
        return found[::-1]

    # Writing

    def create(self, plural: str, namespace: str, body: Object, manager: str, *, dry_run: bool = False) -> Object:
        kind, metadata = KINDS[plural], dict(body["metadata"])
        self._check_namespace(namespace, plural, metadata["name"])
        place = (namespace, metadata["name"])
        if place in self.objects[plural]:
            raise Refusal("AlreadyExists", f'{plural} "{metadata["name"]}" already exists')
        self._uids += 1
        for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
            metadata.pop(key, None)
        now = self._stamp()
        metadata |= {
            **({"namespace": namespace} if kind.namespaced else {}),
            "uid": f"00000000-0000-4000-8000-{self._uids:012d}",
            "creationTimestamp": now,
            "managedFields": [{"manager": manager, "operation": "Update", "time": now}],
            **({"generation": 1} if kind.generation else {}),
        }
        made = {**body, "metadata": metadata}
        if kind.status:
            made.pop("status", None)
        if plural == "namespaces":
            labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
            made = {**made, "metadata": {**metadata, "labels": labels}, "status": {"phase": "Active"}}
        return made if dry_run else self._keep(plural, place, made, None)

    def replace(self, plural: str, namespace: str, name: str, body: Object) -> Object:
        old = self._for_update(plural, namespace, name, body["metadata"])
        return self.edit(plural, old, {key: body[key] for key in body if key not in {"metadata", "status"}})

    def apply(self, plural: str, namespace: str, name: str, body: Object, manager: str) -> Object:
        """One manager per object, which always sends all that is its own."""
        if (namespace, name) not in self.objects[plural]:
            return self.create(plural, namespace, body, manager)
        old = self.get(plural, namespace, name)
        changes = {key: body[key] for key in body if key not in {"metadata", "status", "apiVersion", "kind"}}
        given = {key: body["metadata"][key] for key in ("labels", "annotations") if key in body["metadata"]}
        return self.edit(plural, old, changes, given)

    def apply_status(self, plural: str, namespace: str, name: str, body: Object) -> Object:
        """One manager, which always sends all of it. The UID says nothing here: status writes leave metadata alone."""
        old = self.get(plural, namespace, name)
        self._check_version(plural, old, {**body["metadata"], "uid": old["metadata"]["uid"]})
        return self.set_status(plural, old, body.get("status") or {})

    def set_status(self, plural: str, old: Object, status: Object) -> Object:
        if old.get("status") == status:
            return old
        place = _place(old)
        return self._keep(plural, place, {**self.objects[plural][place], "status": status}, old)

    def edit(self, plural: str, old: Object, changes: Object, given: Object | None = None) -> Object:
        """Somebody writes the object: a new generation when more than metadata differs."""
        place = _place(old)
        old = self.objects[plural][place]
        new = {**old, **changes}
        metadata = {**old["metadata"], **(given or {})}
        if new == old and metadata == old["metadata"]:
            return old
        if new != old and KINDS[plural].generation:
            metadata["generation"] += 1
        entry = {**metadata["managedFields"][0], "time": self._stamp()}
        metadata["managedFields"] = [entry, *metadata["managedFields"][1:]]
        return self._keep(plural, place, {**new, "metadata": metadata}, old)

    def delete(
        self,
        plural: str,
        namespace: str,
        name: str,
        propagation: str = "Background",
        uid: str | None = None,
        grace: int | None = None,
    ) -> None:
        old = self.get(plural, namespace, name)
        if uid and uid != old["metadata"]["uid"]:
            raise Refusal("Conflict", f"the UID in the precondition ({uid}) does not match {old['metadata']['uid']}")
        if plural == "pods":
            self._delete_pod(old, grace)
            return
        finalizers = list(old["metadata"].get("finalizers") or ())
        wanted = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(propagation)
        if plural == "namespaces":
            wanted = "kubernetes"  # spec.finalizers, in effect
        if wanted and wanted not in finalizers:
            finalizers.append(wanted)
        if not finalizers:
            self.remove(plural, old)
        elif "deletionTimestamp" not in old["metadata"]:
            self._mark(plural, old, {"finalizers": finalizers})

    def _delete_pod(self, pod: Object, grace: int | None) -> None:
        """Graceful: it stays until the kubelet has ended its containers."""
        spec = pod.get("spec") or {}
        seconds = spec.get("terminationGracePeriodSeconds", 30) if grace is None else grace
        over = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
        if seconds == 0 or over or not spec.get("nodeName"):
            self.remove("pods", pod)
        elif "deletionTimestamp" not in pod["metadata"]:
            self._mark("pods", pod, {"deletionGracePeriodSeconds": seconds})

    def _mark(self, plural: str, old: Object, more: Object) -> None:
        """The generation counts this, too."""
        generation = {"generation": old["metadata"]["generation"] + 1} if KINDS[plural].generation else {}
        grace = {"deletionGracePeriodSeconds": 0}
        metadata = {**old["metadata"], **grace, **more, **generation, "deletionTimestamp": self._stamp()}
        status = {"status": {"phase": "Terminating"}} if plural == "namespaces" else {}
        self._keep(plural, _place(old), {**old, **status, "metadata": metadata}, old)

    def finalize(self, plural: str, old: Object, finalizer: str) -> None:
        """The last one that goes takes the object along."""
        finalizers = [item for item in old["metadata"].get("finalizers") or () if item != finalizer]
        if not finalizers and "deletionTimestamp" in old["metadata"]:
            self.remove(plural, old)
            return
        metadata = {**old["metadata"], "finalizers": finalizers}
        self._keep(plural, _place(old), {**old, "metadata": metadata}, old)

    def remove(self, plural: str, old: Object) -> None:
        place = _place(old)
        gone = self.objects[plural].pop(place, None)
        if gone is None:
            return
        self.by_uid.pop(gone["metadata"]["uid"], None)
        self.version += 1
        last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
        self._tell(Change(self.version, plural, "DELETED", last, gone))

    def _keep(self, plural: str, place: Place, new: Object, old: Object | None) -> Object:
        self.version += 1
        made = {**new, "metadata": {**new["metadata"], "resourceVersion": str(self.version)}}
        self.objects[plural][place] = made
        self.by_uid[made["metadata"]["uid"]] = plural, place
        self._tell(Change(self.version, plural, "MODIFIED" if old else "ADDED", made, old))
        return made

    def _tell(self, change: Change) -> None:
        self.log[change.plural].append(change)
        for hear in self.told:
            hear(change)

    def _check_namespace(self, namespace: str, plural: str, name: str) -> None:
        if not namespace:
            return
        home = self.objects["namespaces"].get(("", namespace))
        if home is None:
            raise Refusal("NotFound", f'namespaces "{namespace}" not found')
        if "deletionTimestamp" in home["metadata"]:
            text = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise Refusal("Forbidden", f'{plural} "{name}" is forbidden: {text}')

    def _for_update(self, plural: str, namespace: str, name: str, given: Object) -> Object:
        """Who names a UID means that object: another one, or none, is a conflict."""
        if (namespace, name) not in self.objects[plural] and "uid" in given:
            raise Refusal("Conflict", f'{plural} "{name}": uid mismatch: no existing object was found')
        old = self.get(plural, namespace, name)
        self._check_version(plural, old, given)
        return old

    @staticmethod
    def _check_version(plural: str, old: Object, given: Object) -> None:
        for key, said in (("uid", "UID"), ("resourceVersion", "version")):
            if key in given and given[key] != old["metadata"][key]:
                name = old["metadata"]["name"]
                text = "the object has been modified; please apply your changes to the latest version and try again"
                raise Refusal("Conflict", f'Operation cannot be fulfilled on {plural} "{name}": {said}: {text}')


def _place(item: Object) -> Place:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
