"""The manifests of an environment: from text to objects, and in a sentence what cannot be used."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from loadtest_operator.model.errors import InvalidSpec, Problem

Object = dict[str, Any]

NODES_MAX = 100_000

# Kinds whose path the API server need not be asked for.
NAMESPACED: Mapping[tuple[str, str], str] = {
    **{
        ("v1", kind): f"{kind.lower()}s"
        for kind in (
            "ConfigMap",
            "PersistentVolumeClaim",
            "Pod",
            "ReplicationController",
            "Secret",
            "Service",
            "ServiceAccount",
        )
    },
    **{("apps/v1", kind): f"{kind.lower()}s" for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")},
    ("batch/v1", "CronJob"): "cronjobs",
    ("batch/v1", "Job"): "jobs",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
}
# The API server is asked about the others, too; these are refused before anything is created.
CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
# What fences the environment in is not to be changed from inside.
OURS = {
    "LimitRange": "limits come from the operator",
    "NetworkPolicy": "the environment's own policy would be opened by it",
    "ResourceQuota": "use environment.quota",
    "Role": "an environment grants no rights",
    "RoleBinding": "an environment grants no rights",
}


@dataclass(frozen=True)
class Source:
    """One text, and how a person calls it."""

    name: str
    text: str


def sources(raw_environment: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]) -> list[Source]:
    """All texts in their order; a ConfigMap without `key` means all its keys."""
    found = []
    for index, item in enumerate(raw_environment.get("manifests") or ()):
        if "inline" in item:
            found.append(Source(f"environment.manifests[{index}].inline", item["inline"]))
            continue
        reference = item["configMap"]
        data = config_maps[reference["name"]]
        keys = [reference["key"]] if reference.get("key") else sorted(data)
        found += [Source(f"key {key} of ConfigMap {reference['name']}", data[key]) for key in keys]
    return found


def parse(texts: Sequence[Source], images: Mapping[str, str] | None = None) -> tuple[Object, ...]:
    """The objects, without a namespace yet. Raises InvalidSpec with a sentence that names text, document and line."""
    objects = [_object(where, item) for source in texts for where, item in _documents(source)]
    if not objects:
        raise _wrong("environment.manifests contain no object: write down what the target consists of")
    _once(objects)
    unused = set(images or ()) - {name for item in objects for name in _use(item, images or {})}
    if unused:
        raise _wrong(
            f"environment.images names {', '.join(sorted(unused))}, but no container of the manifests has that name"
        )
    return tuple(objects)


def placed(objects: Sequence[Mapping[str, Any]], namespace: str) -> tuple[Object, ...]:
    """The objects as they are applied: all in this namespace, whatever was written."""
    return tuple({**item, "metadata": {**item["metadata"], "namespace": namespace}} for item in objects)


def _wrong(text: str) -> InvalidSpec:
    return InvalidSpec([Problem("", text)])


class _Loader(yaml.CSafeLoader):
    """Without dates, which the API knows as text only."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as its base has it
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _documents(source: Source) -> list[tuple[str, Object]]:
    try:
        documents = list(yaml.load_all(source.text, _Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f", line {mark.line + 1}" if mark else ""
        raise _wrong(f"{source.name}{at} is not YAML: {error.problem or error.context}; correct it") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _wrong(f"{source.name} is not YAML: {' '.join(str(error).split())}; correct it") from error
    found: list[tuple[str, Object]] = []
    for number, document in enumerate(documents, start=1):
        if document is not None:
            where = f"{source.name}, document {number}"
            _bounded(where, document)
            found += _objects(where, document)
    return found


def _bounded(where: str, document: object) -> None:
    """Aliases within aliases can make a page of text fill the memory."""
    waiting, count = [document], 0
    while waiting:
        item = waiting.pop()
        count += 1
        if count > NODES_MAX:
            raise _wrong(f"{where} has more than {NODES_MAX} values, aliases written out: make it smaller")
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, bytes | set):
            raise _wrong(f"{where} has a value of a type that JSON does not know: write it as text")


def _objects(where: str, document: object) -> Iterator[tuple[str, Object]]:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise _wrong(f"{where} is not a Kubernetes object: it needs apiVersion, kind and metadata.name")
    items = document.get("items")
    if document["kind"].endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _objects(f"{where}, items[{index}]", item)
        return
    yield where, document


def _object(where: str, item: Object) -> Object:
    kind, metadata = item["kind"], item.get("metadata")
    if not isinstance(item.get("apiVersion"), str):
        raise _wrong(f"{where}, a {kind}, has no apiVersion: add it")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        raise _wrong(f"{where}, a {kind}, has no metadata.name: give it one (generateName does not work here)")
    if kind in CLUSTER_SCOPED:
        raise _wrong(
            f"{where}: {kind} {name} is not part of a namespace, and an environment is one namespace: remove it, or "
            "install it once for the whole cluster"
        )
    if kind in OURS:
        raise _wrong(f"{where}: {kind} {name} cannot be part of an environment ({OURS[kind]}): remove it")
    kept = {key: value for key, value in item.items() if key != "status"}
    # Aliases of YAML may share parts between objects; what is changed here is changed once.
    return copy.deepcopy({**kept, "metadata": metadata})


def _once(objects: Sequence[Object]) -> None:
    seen = set()
    for item in objects:
        who = (item["apiVersion"].rpartition("/")[0], item["kind"], item["metadata"]["name"])
        if who in seen:
            raise _wrong(f"environment.manifests have {who[1]} {who[2]} twice: keep one of them")
        seen.add(who)


def _use(item: Object, images: Mapping[str, str]) -> set[str]:
    """Puts the images in; answers the names of the containers that were found."""
    found = set()
    for container in _containers(item.get("spec")):
        name = str(container.get("name"))
        if name in images:
            container["image"] = images[name]
            found.add(name)
    return found


def _containers(spec: object) -> Iterator[Object]:
    """Of a Pod, or of whatever has a pod template below its spec."""
    if not isinstance(spec, dict):
        return
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            if isinstance(container, dict):
                yield container
    for field in ("template", "jobTemplate"):
        below = spec.get(field)
        if isinstance(below, dict):
            yield from _containers(below.get("spec"))
