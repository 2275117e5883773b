"""What watching and listing told us: raw objects by kind and name, and which LoadTest each child belongs to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from loadtest_operator.build import names
from loadtest_operator.decide import children, scheduled

Object = dict[str, Any]

_NONE: dict[str, Any] = {}
_TWO = 2  # one of them is another than whoever asks
OWN = ("LoadTest", "LoadTestSchedule")


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """One LoadTest, or one LoadTestSchedule."""

    namespace: str
    name: str
    kind: str = "LoadTest"

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Objects:
    def __init__(
        self, wake: Callable[[Key], None] = lambda _: None, see: Callable[[Key, Object | None], None] = lambda *_: None
    ) -> None:
        """`wake` is told of a schedule whose LoadTests appeared, went on to another phase, or vanished; `see` of every
        LoadTest that changed, before anything else can be decided."""
        self._wake = wake
        self._see = see
        self._tests: dict[Key, Object] = {}
        self._made: dict[Key, set[Key]] = {}  # by LoadTestSchedule
        self._locked: dict[str, set[Key]] = {}  # by a lock's label: whose children had it, two at most
        self._children: dict[Key, dict[str, dict[str, Object]]] = {}  # by LoadTest, kind and name

    def put(self, kind: str, raw: Object) -> Key | None:
        """Keeps the object and answers whose look it deserves; None when nothing that a decision reads changed, or it
        is nobody's."""
        key = self._key(kind, raw)
        if key is None:
            return None
        own = kind in OWN
        place: dict[Any, Object] = self._tests if own else self._children.setdefault(key, {}).setdefault(kind, {})
        slot = key if own else raw["metadata"]["name"]
        old = place.get(slot)
        if old is not None and not _newer(raw["metadata"], old["metadata"]):
            return None
        slim = place[slot] = _slim(kind, raw)
        if not own and (old is None or old["metadata"]["uid"] != raw["metadata"]["uid"]):
            self._remember_locks(key, raw)
        if not own:
            return None if old is not None and children.telling(old) == children.telling(slim) else key
        if kind == "LoadTest":
            self._made_by(key, old, slim)
            self._see(key, slim)
        return key

    def drop(self, kind: str, raw: Object) -> Key | None:
        key = self._key(kind, raw)
        if key is None:
            return None
        if kind in OWN:
            known = self._tests.get(key)
            if known is not None and known["metadata"]["uid"] != raw["metadata"]["uid"]:
                return key  # an older namesake's end
            gone = self._tests.pop(key, None)
            if kind == "LoadTest":
                self._made_by(key, gone, None)
                self._see(key, None)
            return key
        of_kind = self._children.get(key, {}).get(kind, {})
        known = of_kind.get(raw["metadata"]["name"])
        if known is not None and known["metadata"]["uid"] == raw["metadata"]["uid"]:
            del of_kind[raw["metadata"]["name"]]
            if not any(self._children[key].values()):
                del self._children[key]
        return key

    def others_had(self, lock: str, key: Key) -> bool:
        """Whether another LoadTest may have pods with this lock's label: of each there was a Job here when it was made,
        or the pod when this process began."""
        return any(other != key for other in self._locked.get(lock, ()))

    def _remember_locks(self, key: Key, child: Object) -> None:
        for label in child["metadata"]["labels"]:
            if label.startswith(names.LOCKS):
                known = self._locked.setdefault(label, set())
                if len(known) < _TWO:
                    known.add(key)

    def test(self, key: Key) -> Object | None:
        return self._tests.get(key)

    def made_by(self, schedule: Key) -> list[Object]:
        """The LoadTests that a schedule of this name controls."""
        return [self._tests[key] for key in self._made.get(schedule, ())]

    def _made_by(self, key: Key, old: Object | None, new: Object | None) -> None:
        before, after = _schedule(old), _schedule(new)
        if before is not None and before != after:
            self._made[before].discard(key)
            if not self._made[before]:
                del self._made[before]
        if after is not None:
            self._made.setdefault(after, set()).add(key)
        if before != after or _standing(old) != _standing(new):
            for schedule in {before, after}:
                if schedule is not None:
                    self._wake(schedule)

    def children(self, key: Key, kind: str) -> list[Object]:
        return list(self._children.get(key, _NONE).get(kind, _NONE).values())

    def all(self, kind: str) -> Iterator[Object]:
        if kind in OWN:
            yield from [item for key, item in self._tests.items() if key.kind == kind]
        else:
            for of_test in list(self._children.values()):
                yield from list(of_test.get(kind, {}).values())

    def count(self) -> int:
        return sum(key.kind == "LoadTest" for key in self._tests)

    @staticmethod
    def _key(kind: str, raw: Object) -> Key | None:
        metadata = raw["metadata"]
        if kind in OWN:
            return Key(metadata["namespace"], metadata["name"], kind)
        test = (metadata.get("labels") or {}).get(names.LABEL_TEST)
        return Key(metadata["namespace"], test) if test else None


def _schedule(test: Object | None) -> Key | None:
    name = None if test is None else scheduled.schedule_of(test["metadata"])
    return None if test is None or name is None else Key(test["metadata"]["namespace"], name, scheduled.KIND)


def _standing(test: Object | None) -> tuple[Any, ...]:
    """What a schedule would see, in a cheap form."""
    status = (test or {}).get("status") or {}
    return status.get("phase"), status.get("verdict"), len(status.get("conditions") or ())


def _newer(new: Object, old: Object) -> bool:
    """A list that was on its way while watching told more must not bring the past back."""
    this, that = str(new.get("resourceVersion", "")), str(old.get("resourceVersion", ""))
    if this.isdigit() and that.isdigit():  # of one kind on one server, also across namesakes
        return int(this) > int(that)
    return this != that


_POD_SPEC = ("nodeName",)
_POD_STATUS = (
    "phase",
    "reason",
    "message",
    "podIP",
    "startTime",
    "conditions",
    "containerStatuses",
    "initContainerStatuses",
)


def _slim(kind: str, raw: Object) -> Object:
    """Only what decisions read: a thousand pods with their whole spec are 10 MiB."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    if kind == scheduled.KIND:  # when its spec was written
        entries = raw["metadata"].get("managedFields") or ()
        kept = [{key: item[key] for key in ("time", "subresource") if key in item} for item in entries]
        return {**raw, "metadata": {**metadata, "managedFields": kept}}
    if kind in OWN:
        return {**raw, "metadata": metadata}
    slim: Object = {"apiVersion": raw.get("apiVersion"), "kind": kind, "metadata": metadata}
    status = raw.get("status") or {}
    if kind == "Pod":
        spec = raw.get("spec") or {}
        slim["spec"] = {key: spec[key] for key in _POD_SPEC if key in spec}
        slim["status"] = {key: status[key] for key in _POD_STATUS if key in status}
    else:
        if (raw.get("spec") or {}).get("suspend"):
            slim["spec"] = {"suspend": True}
        slim["status"] = status
    return slim
