"""Our CRDs in an API server, ready to be used."""

from pathlib import Path

from tests.support.kubectl import Kubectl, eventually
from tests.testcluster.apiserver import ApiServer

CRDS = Path(__file__).parents[2] / "crds"
NAMES = ("loadtests.loadtest.dev", "loadtestschedules.loadtest.dev")


def install(server: ApiServer) -> None:
    kubectl = Kubectl(server.kubectl, server.kubeconfig)
    kubectl("apply", "--server-side", "-f", str(CRDS))
    for name in NAMES:
        # `kubectl wait` fails on a CRD that is too new to have conditions.
        words = ("get", "crd", name, "-o", "jsonpath={.status.conditions[?(@.type=='Established')].status}")
        eventually(lambda words=words: kubectl(*words) == "True", f"{name} established")
