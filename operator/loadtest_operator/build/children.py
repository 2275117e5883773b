"""The children of one attempt: ConfigMap of the frozen inputs, headless Service, two Jobs; and the dry-run pods."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtest_operator.build import names, pods
from loadtest_operator.build.agent_config import (
    AGENT_PORT,
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    HOLD_SECONDS,
    MASTER_PORT,
    SPEC_FILE,
)
from loadtest_operator.build.names import RunRef
from loadtest_operator.build.pods import PodPlan

# From the end of the load to the last report: in-flight requests (5 s), the last windows (10 s), and a slow node.
SLACK_SECONDS = 120
RESTARTS_PER_WORKER = 6
# Beyond the time that `retention` gives them finished Jobs stay only while the operator is away.
AWAY_SECONDS = 3600


@dataclass(frozen=True)
class Timing:
    """The seconds that the dead man's switches are made of."""

    start_timeout: float
    health_timeout: float
    duration: float
    keep: float = 3600.0  # of finished pods

    @property
    def load_deadline(self) -> int:
        return int(self.start_timeout + self.health_timeout + self.duration + SLACK_SECONDS)


def config_map(
    run: RunRef,
    instance: str,
    image: str,
    config: Mapping[str, Any],
    spec: Mapping[str, Any],
    files: Mapping[str, str],
    environment: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Frozen: an edit of the user's ConfigMap or spec in mid-run changes nothing that is running."""
    data = {**files, CONFIG_FILE: _json(config), SPEC_FILE: _json(spec)}
    if environment:
        data[ENVIRONMENT_FILE] = _json(environment)
    metadata = _metadata(run, run.config, "config", instance)
    metadata["annotations"] = {names.ANNOTATION_IMAGE: image}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "immutable": True,
        "data": data,
    }


def service(run: RunRef, instance: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(run, run.service, "master", instance),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # workers may look for the master before its first probe
            "selector": {names.LABEL_RUN: run.id, names.LABEL_ATTEMPT: str(run.attempt), names.LABEL_ROLE: "master"},
            "ports": [{"name": "locust", "port": MASTER_PORT}, {"name": "agent", "port": AGENT_PORT}],
        },
    }


def service_host(run: RunRef) -> str:
    return f"{run.service}.{run.namespace}.svc"


def master_job(plan: PodPlan, timing: Timing) -> dict[str, Any]:
    return job(
        plan,
        plan.run.master,
        "master",
        {
            "ttlSecondsAfterFinished": int(timing.keep) + AWAY_SECONDS,
            "backoffLimit": 0,
            "activeDeadlineSeconds": timing.load_deadline + int(HOLD_SECONDS),
            "template": pods.template(plan, "master", "Never"),
        },
    )


def worker_job(plan: PodPlan, timing: Timing, workers: int, kueue: str = "") -> dict[str, Any]:
    """With the name of a LocalQueue it is suspended until Kueue lets it go."""
    found = job(
        plan,
        plan.run.workers,
        "worker",
        {
            "ttlSecondsAfterFinished": int(timing.keep) + AWAY_SECONDS,
            "completionMode": "Indexed",
            "completions": workers,
            "parallelism": workers,
            "backoffLimit": RESTARTS_PER_WORKER * workers,
            "activeDeadlineSeconds": timing.load_deadline,
            **({"suspend": True} if kueue else {}),
            "template": pods.template(plan, "worker", "OnFailure"),
        },
    )
    if kueue:
        found["metadata"]["labels"][names.LABEL_KUEUE] = kueue
    return found


def dry_run_pod(plan: PodPlan, role: str) -> dict[str, Any]:
    """One load pod as it would be: quota, LimitRange, Pod Security and webhooks refuse pods, not Jobs."""
    template = pods.template(plan, role, "Never")
    name = plan.run.master if role == "master" else plan.run.workers
    metadata = {**template["metadata"], "name": f"{name}-dry-run", "namespace": plan.run.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def job(plan: PodPlan, name: str, role: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = _metadata(plan.run, name, role, plan.instance)
    metadata["labels"] |= plan.lock_labels
    metadata["annotations"] = {names.ANNOTATION_PLAN: hashlib.sha256(_json(spec).encode()).hexdigest()[:16]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _metadata(run: RunRef, name: str, role: str, instance: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": run.namespace,
        "labels": names.labels(run, role, instance),
        "ownerReferences": [names.owner_reference(run)],
    }


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
