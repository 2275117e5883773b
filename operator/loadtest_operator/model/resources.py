"""CPU and memory of load pods, when the spec does not say."""

from collections.abc import Mapping
from typing import Any, Final

from loadtest_operator.model.spec import LoadTestSpec

_POD: Final = {"cpu": "1", "memory": "512Mi"}
# A worker without limits would disturb its neighbours, and itself be disturbed.
WORKER: Final[Mapping[str, Any]] = {"requests": _POD, "limits": _POD}
# A master counts and answers; it sends nothing that a lack of CPU could slow down.
MASTER: Final[Mapping[str, Any]] = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": _POD}


def of_worker(spec: LoadTestSpec) -> dict[str, Any]:
    return dict((spec.runners.resources if spec.runners else None) or WORKER)


def of_master(spec: LoadTestSpec) -> dict[str, Any]:
    master = spec.runners.master if spec.runners else None
    return dict((master.resources if master else None) or MASTER)
