"""A volume for a claim, also where the cluster has no storage class that makes one."""

from pathlib import Path

from tests.support import owned
from tests.support.helm import Object
from tests.support.kubectl import Kubectl

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def values(kubectl: Kubectl, namespace: str, claim: str, folder: Path) -> Object:
    """The chart's `store`; without a default class, a folder of this machine becomes a volume for that claim alone."""
    classes = kubectl.list("storageclasses", "")
    if any((item["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for item in classes):
        return {"size": "64Mi"}
    node = kubectl.list("nodes", "")[0]["metadata"]["name"]
    folder.mkdir(parents=True)
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{namespace}-{claim}", "labels": {owned.LABEL: owned.process()}},
            "spec": {
                "capacity": {"storage": "64Mi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": namespace, "name": claim},
                "local": {"path": str(folder)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
                "persistentVolumeReclaimPolicy": "Retain",
            },
        }
    )
    return {"size": "64Mi", "storageClassName": ""}
