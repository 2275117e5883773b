"""An operator that serves every namespace must meet nobody else's LoadTests: who may use the cluster, and when not."""

import json

from tests.support import owned
from tests.support.kubectl import Kubectl

SESSION = f"{owned.PREFIX}session"
OPERATORS = "app.kubernetes.io/part-of=loadtest-operator"
KINDS = ("loadtests", "loadtestschedules")
EACH = '{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'


class Refused(AssertionError):
    """One sentence."""


def take(kubectl: Kubectl) -> None:
    """The cluster is ours until everything of this process is removed."""
    metadata = {"name": SESSION, "labels": {owned.LABEL: owned.process()}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    made = kubectl.run("create", "-f", "-", stdin=json.dumps(namespace))
    if made.returncode:
        there = kubectl.get("namespace", SESSION, "") or {"metadata": {}}
        who = there["metadata"].get("labels", {}).get(owned.LABEL, "unknown")
        raise Refused(f"another session of these tests uses this cluster (process {who}): {made.stderr.strip()}")


def refuse_what_is_not_ours(kubectl: Kubectl) -> None:
    ours = {item["metadata"]["name"] for item in kubectl.list("namespaces", "", owned.LABEL)}
    bindings = kubectl("get", "clusterrolebindings", "-l", f"{OPERATORS},!{owned.LABEL}", "-o", "name").split()
    if bindings:
        raise Refused(f"an operator serves every namespace of this cluster already ({bindings[0]})")
    known = [kind for kind in KINDS if kubectl.get("crd", f"{kind}.loadtest.dev", "")]
    for kind, selector in [("deployments", OPERATORS), *((kind, "") for kind in known)]:
        for line in kubectl("get", kind, "-A", "-l", selector, "-o", f"jsonpath={EACH}").split():
            if line.partition("/")[0] not in ours:
                raise Refused(
                    f"{kind} {line} is not from these tests: they install an operator for all namespaces of the"
                    " cluster, so they want one where nobody else has LoadTests"
                )
