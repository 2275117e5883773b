"""Looks for pods that may still send load beside a run that is to begin, on the word of the API server itself."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build import hooks, names
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide.observed import Lingering
from loadtest_operator.io.kube import PODS, Kube
from loadtest_operator.model import quantities
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.sessions import Attempt
from loadtest_operator.runtime.settings import Settings

Raw = Mapping[str, Any]
_ENDED = {"Succeeded", "Failed"}


class Lookout:
    def __init__(self, kube: Kube, objects: Objects, settings: Settings) -> None:
        self._kube = kube
        self._objects = objects
        self._namespaces = settings.watch_namespaces or (None,)
        self._instance = settings.instance

    async def look(self, run: RunRef, locks: tuple[str, ...], attempt: Attempt) -> tuple[Lingering, ...]:
        """Asks until there is none: the Jobs that could make another are deleted before a run is admitted."""
        if attempt.by_itself:
            return ()
        wanted = self._places(run, locks)
        pages = await asyncio.gather(*(self._list(*place) for place in wanted))
        found = {str(pod["metadata"]["uid"]): pod for page in pages for pod in page if _earlier(pod, run)}
        masters = {_of(pod): pod for pod in found.values() if _role(pod) == "master"}
        workers = {uid: pod for uid, pod in found.items() if _role(pod) != "master"}
        now = asyncio.get_running_loop().time()  # no clock that somebody sets
        attempt.alone_since = {
            uid: attempt.alone_since.get(uid, now) for uid, pod in workers.items() if _of(pod) not in masters
        }
        attempt.by_itself = not workers
        return tuple(
            Lingering(pod, _passed(attempt.alone_since.get(uid), now), _load_ends(masters.get(_of(pod))))
            for uid, pod in workers.items()
        )

    def _places(self, run: RunRef, locks: tuple[str, ...]) -> list[tuple[str | None, str]]:
        """Namespaces and selectors, where there may be something: the first run of a LoadTest has no run before, unless
        its name had."""
        places: list[tuple[str | None, str]] = []
        if run.number > 1 or run.attempt > 1 or self._has_namesakes(run):
            places.append((run.namespace, f"{names.CHILD_SELECTOR},{names.LABEL_TEST}={run.test}"))
        if run.attempt == 1:  # it has its locks since then
            ours = f"{names.CHILD_SELECTOR},{names.LABEL_INSTANCE}={self._instance}"
            key, labels = Key(run.namespace, run.test), map(names.lock_label, locks)
            held = [f"{ours},{label}=held" for label in labels if self._objects.others_had(label, key)]
            places += [(namespace, selector) for selector in held for namespace in self._namespaces]
        return places

    def _has_namesakes(self, run: RunRef) -> bool:
        key = Key(run.namespace, run.test)
        known = [*self._objects.children(key, "Job"), *self._objects.children(key, "Pod")]
        return any(child["metadata"]["labels"].get(names.LABEL_TEST_UID) != run.uid for child in known)

    async def _list(self, namespace: str | None, selector: str) -> list[Raw]:
        return [pod async for pod in self._kube.list(PODS, namespace, selector)]


def _earlier(pod: Raw, run: RunRef) -> bool:
    """A load pod that has not ended, and is not of this attempt."""
    ended = (pod.get("status") or {}).get("phase") in _ENDED
    return not ended and _role(pod) not in hooks.ROLES and _of(pod) != (run.id, str(run.attempt))


def _role(pod: Raw) -> str:
    return str(pod["metadata"]["labels"].get(names.LABEL_ROLE))


def _of(pod: Raw) -> tuple[str, str]:
    labels = pod["metadata"]["labels"]
    return str(labels.get(names.LABEL_RUN)), str(labels.get(names.LABEL_ATTEMPT))


def _passed(since: float | None, now: float) -> timedelta | None:
    return None if since is None else timedelta(seconds=now - since)


def _load_ends(master: Raw | None) -> datetime | None:
    annotations = ((master or {}).get("metadata") or {}).get("annotations") or {}
    try:
        found = quantities.parse_timestamp(str(annotations.get(names.ANNOTATION_LOAD_ENDS, "")))
    except ValueError:
        return None  # of another version, or somebody edited it
    return found if found.tzinfo else None
