"""The API server, in the calls that we need: what to send is one line each, sending and reading errors is shared."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pydantic_core

from loadtest_operator.io.credentials import Access, CredentialsError

FIELD_MANAGER = "loadtest-operator"
TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
PAGE = 500
JSON = "application/json"
APPLY = "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
FOREGROUND = "Foreground"
BACKGROUND = "Background"


class ApiError(Exception):
    """The API server refused."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        return self.status in {408, 409, 410, 429} or self.status >= 500


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    """Somebody was quicker: observe again."""


class AlreadyExists(ApiError):
    pass


class ApiUnreachable(Exception):
    """Nobody answered, or not in time; whether the call took effect is not known."""


@dataclass(frozen=True)
class Resource:
    """A kind, as the API server's paths know it."""

    version: str  # v1, batch/v1, loadtest.dev/v1alpha1
    kind: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, sub: str | None = None) -> str:
        root = f"/api/{self.version}" if "/" not in self.version else f"/apis/{self.version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.plural, *((name,) if name else ())]
        return "/".join([*parts, *((sub,) if sub else ())])


LOADTESTS = Resource("loadtest.dev/v1alpha1", "LoadTest", "loadtests")
SCHEDULES = Resource("loadtest.dev/v1alpha1", "LoadTestSchedule", "loadtestschedules")
JOBS = Resource("batch/v1", "Job", "jobs")
PODS = Resource("v1", "Pod", "pods")
SERVICES = Resource("v1", "Service", "services")
CONFIG_MAPS = Resource("v1", "ConfigMap", "configmaps")
SECRETS = Resource("v1", "Secret", "secrets")
EVENTS = Resource("v1", "Event", "events")
NAMESPACES = Resource("v1", "Namespace", "namespaces")
QUOTAS = Resource("v1", "ResourceQuota", "resourcequotas")
LIMIT_RANGES = Resource("v1", "LimitRange", "limitranges")
SERVICE_ACCOUNTS = Resource("v1", "ServiceAccount", "serviceaccounts")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
NETWORK_POLICIES = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
_IN_RUNS = (LOADTESTS, SCHEDULES, JOBS, PODS, SERVICES, CONFIG_MAPS, SECRETS, EVENTS, LEASES)
_IN_ENVIRONMENTS = (NAMESPACES, QUOTAS, LIMIT_RANGES, SERVICE_ACCOUNTS, ROLE_BINDINGS, NETWORK_POLICIES)
BY_KIND = {item.kind: item for item in (*_IN_RUNS, *_IN_ENVIRONMENTS)}

Object = dict[str, Any]


class Kube:
    def __init__(self, access: Access, hear: Callable[[str, float], None] | None = None) -> None:
        """`hear` is told the date of each answer, and how many seconds it took."""
        self.access = access
        self.session = access.session()
        self._hear = hear

    async def close(self) -> None:
        await self.session.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return await self._call("GET", resource.path(namespace, name))

    async def list(self, resource: Resource, namespace: str | None = None, selector: str = "") -> AsyncIterator[Object]:
        """All objects, page by page; each gets its kind, which lists leave out."""
        params = {"limit": str(PAGE), **({"labelSelector": selector} if selector else {})}
        while True:
            page = await self._call("GET", resource.path(namespace), params=params)
            for item in page["items"]:
                yield {"apiVersion": resource.version, "kind": resource.kind, **item}
            token = page["metadata"].get("continue")
            if not token:
                return
            params["continue"] = token

    async def create(self, body: Mapping[str, Any], *, dry_run: bool = False, brief: bool = False) -> Object:
        """Brief: only the new object's metadata is answered; a Job's answer is four times what was sent."""
        resource = BY_KIND[body["kind"]]
        params = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        made = await self._call(
            "POST",
            resource.path(body["metadata"].get("namespace")),
            params=params,
            body=body,
            accept=METADATA if brief or dry_run else JSON,
        )
        return {**made, "apiVersion": resource.version, "kind": resource.kind}

    async def replace(self, body: Mapping[str, Any]) -> Object:
        """With the resourceVersion that was read, so that two writers cannot both win."""
        resource = BY_KIND[body["kind"]]
        path = resource.path(body["metadata"]["namespace"], body["metadata"]["name"])
        return await self._call("PUT", path, body=body)

    async def apply(self, resource: Resource, body: Mapping[str, Any]) -> Object:
        """Server-side; fields that somebody else holds are taken over."""
        path = resource.path(body["metadata"]["namespace"], body["metadata"]["name"])
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._call("PATCH", path, params=params, body=body, content_type=APPLY)

    async def kinds(self, version: str) -> dict[str, tuple[str, bool]]:
        """What the server knows in this group and version: plural and whether it is namespaced, by kind."""
        found = (await self._call("GET", Resource(version, "", "").path().rstrip("/")))["resources"]
        return {item["kind"]: (item["name"], item["namespaced"]) for item in found if "/" not in item["name"]}

    async def token(self, namespace: str, account: str, seconds: int) -> str:
        """A short-lived token of a ServiceAccount."""
        version = "authentication.k8s.io/v1"
        body = {"apiVersion": version, "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
        path = SERVICE_ACCOUNTS.path(namespace, account, "token")
        return str((await self._call("POST", path, body=body))["status"]["token"])

    async def whoami(self) -> str:
        version = "authentication.k8s.io/v1"
        body = {"apiVersion": version, "kind": "SelfSubjectReview"}
        answer = await self._call("POST", f"/apis/{version}/selfsubjectreviews", body=body)
        return str(answer["status"]["userInfo"]["username"])

    async def apply_status(self, observed: Mapping[str, Any], status: Mapping[str, Any]) -> Object:
        """The whole status, bound to the version that was observed."""
        resource = BY_KIND[observed["kind"]]
        seen = observed["metadata"]
        metadata = {key: seen[key] for key in ("name", "namespace", "uid", "resourceVersion")}
        body = {"apiVersion": observed["apiVersion"], "kind": observed["kind"], "metadata": metadata, "status": status}
        path = resource.path(seen["namespace"], seen["name"], "status")
        params = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._call("PATCH", path, params=params, body=body, content_type=APPLY)

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        propagation: str,
        *,
        uid: str | None = None,
        grace: int | None = None,
        version: str | None = None,
    ) -> None:
        """No default for `propagation`: the server's own default orphans a Job's pods."""
        body: dict[str, Any] = {"propagationPolicy": propagation}
        wanted = {"uid": uid, "resourceVersion": version}
        if known := {key: text for key, text in wanted.items() if text}:
            body["preconditions"] = known
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        await self._call("DELETE", resource.path(namespace, name), body=body)

    def proxy(self, namespace: str, pod: str, port: int) -> str:
        """The base URL of a pod's port through the API server, for a driver outside the cluster."""
        return f"{self.access.server}{PODS.path(namespace, f'{pod}:{port}', 'proxy')}"

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Object:
        data = None if body is None else pydantic_core.to_json(body)
        headers = {"Accept": accept, **({"Content-Type": content_type} if data else {})}
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with self.session.request(
                method,
                self.access.server + path,
                params=params,
                data=data,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,  # our credentials are for this server alone
            ) as response:
                if self._hear is not None:
                    self._hear(response.headers.get("Date", ""), loop.time() - asked)
                text = await response.read()
                if response.status >= 300:
                    raise _error(response, text)
        except (aiohttp.ClientError, TimeoutError, OSError, CredentialsError) as error:
            raise ApiUnreachable(f"{method} {path}: {type(error).__name__}: {error}") from error
        return _object(text, f"{method} {path}")


def _object(text: bytes, call: str) -> Object:
    try:
        answer = pydantic_core.from_json(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiUnreachable(f"{call}: something that is not the API server answered")
    return answer


def _error(response: aiohttp.ClientResponse, text: bytes) -> ApiError:
    try:
        answer = json.loads(text)
        reason, message = str(answer.get("reason") or ""), str(answer.get("message") or "")
    except (ValueError, AttributeError):
        reason, message = "", text[:300].decode(errors="replace")
    kind = ApiError
    if response.status == 404:
        kind = NotFound
    elif response.status == 409:
        kind = AlreadyExists if reason == "AlreadyExists" else Conflict
    after = response.headers.get("Retry-After", "")
    return kind(response.status, reason, message, float(after) if after.isdigit() else None)
