"""manifests/install.yaml as a test installs it: in a namespace of its own, and serving only what the test names."""

from collections.abc import Callable
from typing import Any

import yaml

from tests.support import owned
from tests.support.kubectl import Kubectl
from tests.testcluster import paths

MANIFEST = paths.REPOSITORY / "manifests" / "install.yaml"
NAMESPACE = "loadtest-system"
NAME = "loadtest-operator"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

Object = dict[str, Any]


def objects(accept: Callable[[Object], bool] = lambda _: True) -> list[Object]:
    found = yaml.safe_load_all(MANIFEST.read_text())
    return [item for item in found if accept(item)]


def cluster_roles(kubectl: Kubectl) -> None:
    """Their names are part of what users type, so they keep them; ours, and gone in the end, if we bring them."""
    for role in objects(lambda item: item["kind"] == "ClusterRole"):
        if kubectl.get("clusterrole", role["metadata"]["name"], "") is None:
            role["metadata"]["labels"][owned.LABEL] = owned.process()
            kubectl.apply(role)


def install(kubectl: Kubectl, home: str, image: str, *served: str, everywhere: bool = True) -> None:
    """The namespace `home` is there already; without `everywhere` the operator has its rights at home only."""
    cluster_roles(kubectl)
    for item in objects(lambda item: item["kind"] not in {"Namespace", "ClusterRole"}):
        wanted = _moved(item, home)
        if item["kind"] == "ClusterRoleBinding":
            if not everywhere:
                continue
            wanted["metadata"]["name"] = owned.name("runs")
            wanted["metadata"]["labels"][owned.LABEL] = owned.process()
        if item["kind"] == "ConfigMap":
            settings = yaml.safe_load(wanted["data"]["settings.yaml"])
            wanted["data"]["settings.yaml"] = yaml.safe_dump(
                {**settings, "image": image, "watch_namespaces": list(served)}
            )
        if item["kind"] == "Deployment":
            _local(wanted["spec"]["template"]["spec"], image, volume=_has_volumes(kubectl))
        if item["kind"] != "PersistentVolumeClaim" or _has_volumes(kubectl):
            kubectl.apply(wanted)


def _moved(item: Object, home: str) -> Object:
    moved: Object = yaml.safe_load(yaml.safe_dump(item).replace(NAMESPACE, home))
    return moved


def _local(pod: Object, image: str, *, volume: bool) -> None:
    pod["containers"][0]["image"] = image
    if not volume:
        [store] = [item for item in pod["volumes"] if item["name"] == "store"]
        store.pop("persistentVolumeClaim")
        store["emptyDir"] = {}


def _has_volumes(kubectl: Kubectl) -> bool:
    classes = kubectl.list("storageclasses", "")
    return any((item["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for item in classes)
