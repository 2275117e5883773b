"""What tests make in a cluster that they share with others: named and labelled as theirs, and gone afterwards.

Everything carries the process that made it, so that the next session finds what a killed one has left.
"""

import itertools
import os
from pathlib import Path
from typing import Any

from tests.support.kubectl import Kubectl, eventually

PREFIX = "lt-e2e-"
LABEL = "e2e.loadtest.dev/process"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
CLUSTER_KINDS = ("namespaces", "clusterrolebindings", "clusterroles", "persistentvolumes")

_numbers = itertools.count(1)


def process() -> str:
    """This process; its number alone may be given again, with its start time it is unique."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def ours() -> str:
    """What all names begin with that this process gives."""
    return f"{PREFIX}{os.getpid()}-"


def name(what: str) -> str:
    """A name that nobody else has."""
    return f"{ours()}{next(_numbers)}-{what}"


def make_namespace(kubectl: Kubectl, what: str, security: dict[str, str] = RESTRICTED) -> str:
    """Load pods must do everywhere what the strictest namespace asks for, so ours all ask for it."""
    namespace = name(what)
    labels = {LABEL: process(), **security}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    # Pods are refused until the controller has made it; a bare pod, unlike a Deployment's, is not tried again.
    eventually(lambda: kubectl.get("serviceaccount", "default", namespace), f"default ServiceAccount in {namespace}")
    return namespace


def remove_namespace(kubectl: Kubectl, namespace: str) -> None:
    """Asked for here, waited for at the end of the session."""
    kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")


def remove_all_of(kubectl: Kubectl, owner: str, seconds: float = 90) -> None:
    """Deletes and waits until it is gone."""
    selector = f"{LABEL}={owner}"
    kubectl("delete", ",".join(CLUSTER_KINDS), "-l", selector, "--wait=false", "--ignore-not-found")
    eventually(lambda: not _there(kubectl, selector), f"everything with {selector} gone", seconds)


def sweep(kubectl: Kubectl) -> None:
    """What sessions left that are no more."""
    found = _there(kubectl, LABEL)
    for owner in sorted({item["metadata"]["labels"][LABEL] for item in found}):
        if not _alive(owner):
            remove_all_of(kubectl, owner)


def _there(kubectl: Kubectl, selector: str) -> list[dict[str, Any]]:
    return kubectl.list(",".join(CLUSTER_KINDS), "", selector)


def _alive(owner: str) -> bool:
    pid, _, started = owner.partition("-")
    try:
        return _started(int(pid)) == started
    except OSError:
        return False


def _started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
