"""The model of the API server as HTTP says it: a method, a path and a body in, a status and a body out."""

import functools
from collections.abc import Mapping
from typing import Any

from tests.faults.model import KINDS, Api, Object, Refusal

METADATA = "as=PartialObjectMetadata"
APPLY = "application/apply-patch+yaml"


@functools.lru_cache(maxsize=4096)
def parse(path: str) -> tuple[str, str, str, str]:
    """Plural, namespace, name, subresource."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] in KINDS:
        namespace, rest = rest[1], rest[2:]
    plural, name, sub = (*rest, "", "", "")[:3]
    return plural, namespace, name, sub


def serve(
    api: Api, method: str, path: str, query: Mapping[str, str], body: Object | None, headers: Mapping[str, str]
) -> tuple[int, Object]:
    try:
        return _serve(api, method, path, query, body, headers)
    except Refusal as refusal:
        return refusal.code, status(refusal.code, refusal.reason, refusal.message)


def status(code: int, reason: str, message: str) -> Object:
    said = {"status": "Failure", "reason": reason, "message": message, "code": code}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, **said}


def _serve(
    api: Api, method: str, path: str, query: Mapping[str, str], body: Object | None, headers: Mapping[str, str]
) -> tuple[int, Object]:
    plural, namespace, name, sub = parse(path)
    if plural == "selfsubjectreviews":
        return 201, {"status": {"userInfo": {"username": "system:serviceaccount:operator:operator"}}}
    if sub == "token":
        api.get(plural, namespace, name)
        return 201, {"status": {"token": f"token of {namespace}"}}
    if plural not in KINDS:
        raise Refusal("NotFound", "the server could not find the requested resource")
    if method == "GET":
        return (200, api.get(plural, namespace, name)) if name else (200, _list(api, plural, namespace, query))
    manager = query.get("fieldManager", "unknown")
    if method == "DELETE":
        return 200, _delete(api, plural, namespace, name, body or {})
    assert body is not None
    if method == "POST":
        made = api.create(plural, namespace, body, manager, dry_run="dryRun" in query)
        return 201, _shown(made, headers)
    if method == "PUT":
        return 200, api.replace(plural, namespace, name, body)
    assert method == "PATCH"
    assert headers.get("Content-Type") == APPLY
    if sub == "status":
        return 200, api.apply_status(plural, namespace, name, body)
    before = (namespace, name) in api.objects[plural]
    return 200 if before else 201, api.apply(plural, namespace, name, body, manager)


def _list(api: Api, plural: str, namespace: str, query: Mapping[str, str]) -> Object:
    """A page goes on where the one before ended, as long as its version is not compacted."""
    found = list(api.select(plural, namespace, query.get("labelSelector", "")))
    version, start = api.version, 0
    if token := query.get("continue"):
        version, start = (int(part) for part in token.split("."))
        if version < api.oldest:
            raise Refusal("Expired", "The provided continue parameter is too old")
    end = start + int(query.get("limit", 0) or len(found))
    more = {"continue": f"{version}.{end}"} if end < len(found) else {}
    kind = KINDS[plural]
    items = [{key: item[key] for key in item if key not in {"kind", "apiVersion"}} for item in found[start:end]]
    return {
        "kind": f"{kind.name}List",
        "apiVersion": kind.version,
        "metadata": {"resourceVersion": str(version), **more},
        "items": items,
    }


def _delete(api: Api, plural: str, namespace: str, name: str, body: Object) -> Object:
    api.delete(
        plural,
        namespace,
        name,
        body.get("propagationPolicy", "Background"),
        (body.get("preconditions") or {}).get("uid"),
        body.get("gracePeriodSeconds"),
    )
    return {"kind": "Status", "status": "Success"}


def _shown(made: Object, headers: Mapping[str, str]) -> Any:
    if METADATA in headers.get("Accept", ""):
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
    return made
