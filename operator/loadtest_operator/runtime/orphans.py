"""What a run leaves when its LoadTest is gone and no owner reference takes it along, as after `--cascade=orphan`."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from loadtest_operator.build.names import LABEL_ATTEMPT, LABEL_RUN, LABEL_TEST, LABEL_TEST_UID, RunRef
from loadtest_operator.io.kube import CONFIG_MAPS, NETWORK_POLICIES, SERVICES, ApiError, Kube, NotFound, Resource
from loadtest_operator.runtime.execute import Executor

FORBIDDEN = 403

log = logging.getLogger(__name__)


def ours(job: Mapping[str, Any]) -> bool:
    """Whether its labels are such as we write them; anybody may write labels that look alike."""
    labels = job["metadata"].get("labels") or {}
    number = str(labels.get(LABEL_RUN, "")).rsplit("-", 2)[1:2]
    numbers = [*number, str(labels.get(LABEL_ATTEMPT, ""))]
    return len(numbers) == 2 and all(text.isdigit() for text in numbers) and LABEL_TEST_UID in labels


def left(job: Mapping[str, Any]) -> bool:
    """Whether somebody has to take down what was made with it. A Job that goes may have been deleted with its attempt,
    before its LoadTest was: then it has no owner any more, and nor has the rest."""
    metadata = job["metadata"]
    return ours(job) and not ("deletionTimestamp" in metadata and metadata.get("ownerReferences"))


def owned_attempts(jobs: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Those that the garbage collector takes along, by the word of Jobs that did not go before their LoadTest."""
    staying = (job["metadata"] for job in jobs if "deletionTimestamp" not in job["metadata"])
    owned = (metadata.get("labels") or {} for metadata in staying if metadata.get("ownerReferences"))
    return {(str(labels.get(LABEL_RUN)), str(labels.get(LABEL_ATTEMPT))) for labels in owned}


async def take_down(kube: Kube, executor: Executor, job: Mapping[str, Any]) -> None:
    """All of the Job's run; the Job last, because it tells who looks next that there is something to take down."""
    metadata, labels = job["metadata"], job["metadata"]["labels"]
    number = labels[LABEL_RUN].rsplit("-", 2)[1]
    run = RunRef(
        metadata["namespace"], labels[LABEL_TEST], labels[LABEL_TEST_UID], int(number), int(labels[LABEL_ATTEMPT])
    )
    log.info("taking down what no LoadTest owns", extra={"job": metadata["name"], "namespace": run.namespace})
    await take_down_beside(kube, executor, run)
    await executor.take_down({**job, "kind": "Job"})


async def take_down_beside(kube: Kube, executor: Executor, run: RunRef) -> None:
    """What is made before the Jobs."""
    for resource, name in ((SERVICES, run.service), (CONFIG_MAPS, run.config), (NETWORK_POLICIES, run.network)):
        await _one(kube, executor, resource, run, name)


async def _one(kube: Kube, executor: Executor, resource: Resource, run: RunRef, name: str) -> None:
    """A LoadTest of the same name may be there again, with children of the same names."""
    try:
        found = await kube.get(resource, run.namespace, name)
    except NotFound:
        return
    except ApiError as error:
        if error.status == FORBIDDEN and resource is NETWORK_POLICIES:
            return  # an installation without the fence
        raise
    if (found["metadata"].get("labels") or {}).get(LABEL_TEST_UID) == run.uid:
        await executor.take_down({**found, "kind": resource.kind})
