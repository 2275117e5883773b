"""What watching and listing told us: raw objects by kind and name, and which LoadTest each child belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from loadtest_operator.build import names

Object = dict[str, Any]

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
    def __init__(self) -> None:
        self._tests: dict[Key, Object] = {}
        self._children: dict[Key, dict[tuple[str, str], Object]] = {}  # by LoadTest, then (kind, name)

    def put(self, kind: str, raw: Object) -> Key | None:
        """Keeps the object and answers whose look it deserves; None when nothing changed or it is nobody's."""
        key = self._key(kind, raw)
        if key is None:
            return None
        slim = _slim(kind, raw)
        place: dict[Any, Object] = self._tests if kind in OWN else self._children.setdefault(key, {})
        slot = key if kind in OWN else (kind, raw["metadata"]["name"])
        old = place.get(slot)
        if old is not None and not _newer(slim["metadata"], old["metadata"]):
            return None
        place[slot] = slim
        return key

    def drop(self, kind: str, raw: Object) -> Key | None:
        key = self._key(kind, raw)
        if key is None:
            return None
        if kind in OWN:
            known = self._tests.get(key)
            if known is not None and known["metadata"]["uid"] != raw["metadata"]["uid"]:
                return key  # an older namesake's end
            self._tests.pop(key, None)
            return key
        children = self._children.get(key, {})
        known = children.get((kind, raw["metadata"]["name"]))
        if known is not None and known["metadata"]["uid"] == raw["metadata"]["uid"]:
            del children[kind, raw["metadata"]["name"]]
            if not children:
                del self._children[key]
        return key

    def test(self, key: Key) -> Object | None:
        return self._tests.get(key)

    def children(self, key: Key, kind: str) -> list[Object]:
        return [item for (its_kind, _), item in self._children.get(key, {}).items() if its_kind == kind]

    def all(self, kind: str) -> Iterator[Object]:
        if kind in OWN:
            yield from [item for key, item in self._tests.items() if key.kind == kind]
        else:
            for children in list(self._children.values()):
                yield from [item for (its_kind, _), item in children.items() if its_kind == kind]

    def count(self) -> int:
        return sum(key.kind == "LoadTest" for key in self._tests)

    @staticmethod
    def _key(kind: str, raw: Object) -> Key | None:
        metadata = raw["metadata"]
        if kind in OWN:
            return Key(metadata["namespace"], metadata["name"], kind)
        test = (metadata.get("labels") or {}).get(names.LABEL_TEST)
        return Key(metadata["namespace"], test) if test else None


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
    if kind in OWN:
        return {**raw, "metadata": metadata}
    slim: Object = {"apiVersion": raw.get("apiVersion"), "kind": kind, "metadata": metadata}
    status = raw.get("status") or {}
    if kind == "Pod":
        spec = raw.get("spec") or {}
        slim["spec"] = {key: spec[key] for key in _POD_SPEC if key in spec}
        slim["status"] = {key: status[key] for key in _POD_STATUS if key in status}
    else:
        slim["status"] = status
    return slim
