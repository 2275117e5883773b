"""What a set of values becomes, without the CRDs unless they are what the question is about."""

from typing import Any

from tests.support.helm import Helm, Object

NAME = "loadtest-operator"
NAMESPACE = "loadtest-system"


def render(helm: Helm, values: Object | None = None, name: str = NAME) -> list[Object]:
    return helm.template(name, NAMESPACE, {"crds": {"install": False}, **(values or {})})


def kinds(objects: list[Object]) -> list[str]:
    return sorted(str(item["kind"]) for item in objects)


def one(objects: list[Object], kind: str, name: str | None = None) -> Object:
    found = [item for item in objects if item["kind"] == kind and name in {None, item["metadata"]["name"]}]
    assert len(found) == 1, f"{len(found)} of kind {kind} and name {name}"
    return found[0]


def pod(objects: list[Object]) -> dict[str, Any]:
    found: dict[str, Any] = one(objects, "Deployment")["spec"]["template"]
    return found
