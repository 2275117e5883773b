"""Our CRDs in an API server, ready to be used."""

from pathlib import Path
from typing import Any

from tests.support.kubectl import Kubectl, eventually
from tests.testcluster.apiserver import ApiServer

CRDS = Path(__file__).parents[2] / "crds"
NAMES = ("loadtests.loadtest.dev", "loadtestschedules.loadtest.dev")


def api_server(**options: Any) -> ApiServer:
    """One with our kinds, known to its garbage collector from the start: that looks for new kinds twice a minute."""
    return ApiServer(before_controllers=install, **options)


def install(server: ApiServer) -> None:
    kubectl = Kubectl(server.kubectl, server.kubeconfig)
    kubectl("apply", "--server-side", "-f", str(CRDS))
    for name in NAMES:
        # `kubectl wait` fails on a CRD that is too new to have conditions.
        words = ("get", "crd", name, "-o", "jsonpath={.status.conditions[?(@.type=='Established')].status}")
        eventually(lambda words=words: kubectl(*words) == "True", f"{name} established")
    # Established is not yet discovered: a garbage collector that starts in between looks again after half a minute.
    discover = ("api-resources", "--api-group=loadtest.dev", "--cached=false", "-o", "name")
    eventually(lambda: set(NAMES) <= set(kubectl(*discover).split()), "our kinds in the discovery")
