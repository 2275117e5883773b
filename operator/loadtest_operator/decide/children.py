"""Which changes of a Job or pod are news: kubelets and network plugins write much that no decision reads."""

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]

# What decisions begin to read of a child belongs here, or its change is seen at the next look only.
_STATUS = ("reason", "message", "podIP", "containerStatuses", "initContainerStatuses")
_CONDITIONS = frozenset({"Ready", "PodScheduled", "DisruptionTarget"})


def telling(child: Raw) -> tuple[Any, ...]:
    """All that decisions read of a child and that can change. A node's name is only told, so it is not news."""
    metadata, status = child["metadata"], child.get("status") or {}
    known = metadata["uid"], metadata.get("deletionTimestamp"), metadata.get("labels")
    if child["kind"] != "Pod":
        return *known, child.get("spec"), status.get("conditions")
    conditions = [item for item in status.get("conditions") or () if item["type"] in _CONDITIONS]
    # That it was scheduled is as good as nothing said about it.
    news = [item for item in conditions if (item["type"], item["status"]) != ("PodScheduled", "True")]
    return *known, status.get("phase") or "Pending", *(status.get(name) for name in _STATUS), news
