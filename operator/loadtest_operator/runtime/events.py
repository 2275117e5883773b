"""Events on the LoadTest: transitions only, and the same one never twice, also across a restart."""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from loadtest_operator.decide.observed import Note
from loadtest_operator.io.kube import AlreadyExists, ApiError, ApiUnreachable, Kube
from loadtest_operator.runtime.clock import Clock

log = logging.getLogger(__name__)

COMPONENT = "loadtest-operator"


class Events:
    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock

    async def post(self, raw: Mapping[str, Any], note: Note) -> None:
        """Best effort: a run does not wait for its Events."""
        try:
            await self._kube.create(event(raw, note, self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")))
        except AlreadyExists:
            return
        except (ApiError, ApiUnreachable) as error:
            log.info("event not posted", extra={"reason": note.reason, "error": str(error)})


def event(raw: Mapping[str, Any], note: Note, now: str) -> dict[str, Any]:
    metadata = raw["metadata"]
    run = ((raw.get("status") or {}).get("run") or {}).get("id", "")
    same = f"{metadata['uid']}/{metadata.get('generation')}/{run}/{note.reason}/{note.message}"
    digest = hashlib.sha256(same.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": raw["apiVersion"],
            "kind": raw["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": note.type,
        "reason": note.reason,
        "message": note.message[:1024],
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
