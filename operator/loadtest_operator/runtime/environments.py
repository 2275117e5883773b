"""Ephemeral namespaces: made, filled as an account that has rights nowhere else, looked at, and deleted."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from loadtest_operator.build import environment as build
from loadtest_operator.build.manifests import NAMESPACED
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide.observed import Frozen, Surroundings
from loadtest_operator.decide.readiness import RULES, Live
from loadtest_operator.io import kube as api
from loadtest_operator.io.kube import AlreadyExists, ApiError, Kube, NotFound, Resource
from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import Reason
from loadtest_operator.runtime import refusals
from loadtest_operator.runtime.refusals import Refused

log = logging.getLogger(__name__)

TOKEN_SECONDS = 3600
RENEW_SECONDS = 3000.0
# How long a RoleBinding may take until every part of the API server knows it; milliseconds as a rule.
RIGHTS_SECONDS = 10.0
FORBIDDEN = 403

Object = dict[str, Any]


class NotYet(Exception):
    """Something that the API server does by itself has not happened yet."""


class Environments:
    def __init__(self, kube: Kube, instance: str, *, enabled: bool, clock: Callable[[], datetime]) -> None:
        self._kube = kube
        self._instance = instance
        self._enabled = enabled
        self._clock = clock
        self._clients: dict[str, tuple[Kube, float]] = {}  # by namespace, and until when the token is used
        self.owners: set[tuple[str, str]] = set()  # LoadTests that have, or had, one: namespace and name
        self._myself: Object = {}  # as the subject of a RoleBinding
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}  # kinds by group and version

    async def close(self) -> None:
        for client, _ in self._clients.values():
            await client.close()
        self._clients.clear()

    async def observe(self, run: RunRef, frozen: Frozen | None, *, applied: bool, preparing: bool) -> Surroundings:
        try:
            raw = await self._kube.get(api.NAMESPACES, None, run.environment)
        except NotFound:
            return Surroundings(run.environment, None, applied)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            return Surroundings(run.environment, None, applied, unknown=True)  # nor create, and that is told
        if not build.is_of(raw, run, self._instance):
            return Surroundings(run.environment, None, applied)
        live = Live()
        if preparing and applied and frozen is not None and "deletionTimestamp" not in raw["metadata"]:
            live = await self._live(run, frozen)
        return Surroundings(run.environment, raw, applied, live)

    async def build(self, run: RunRef, frozen: Frozen, started: datetime) -> bool:
        """Whether all is applied; what is there already from an earlier look, or process, stays."""
        self._switched_on()
        self.owners.add((run.namespace, run.test))
        until = build.expires(frozen.test, started)
        asked = frozen.test.spec.environment
        made = await self._namespace(run, until)
        young = self._clock() - quantities.parse_timestamp(made["metadata"]["creationTimestamp"])
        try:
            for body in build.bindings(run, self._instance, await self._subject()):
                await self._once(body)
            await asyncio.gather(*(self._once(body) for body in build.guards(run, self._instance, asked)))
            client = await self._client(run)
            for item in frozen.environment:
                await self._apply(client, item)
        except NotYet as error:
            log.debug("environment: %s", error, extra={"namespace": run.environment})
            return False
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            if young.total_seconds() < RIGHTS_SECONDS:
                return False
            raise self._missing(error) from error
        return True

    async def end(self, raw: Mapping[str, Any]) -> None:
        """Everything in it goes with it."""
        name = raw["metadata"]["name"]
        with contextlib.suppress(NotFound, api.Conflict):  # gone, or another one of that name
            await self._kube.delete(api.NAMESPACES, None, name, api.BACKGROUND, uid=raw["metadata"]["uid"])
        if client := self._clients.pop(name, None):
            await client[0].close()

    def _switched_on(self) -> None:
        if not self._enabled:
            raise Refused(
                Reason.ACCESS_MISSING,
                "environments are switched off in this installation (setting environments): install the chart with "
                "environments.enabled=true and without watchNamespaces, or use a target that is there already",
            )

    async def _namespace(self, run: RunRef, until: datetime) -> Object:
        try:
            return await self._kube.create(build.namespace(run, self._instance, until))
        except AlreadyExists:
            there = await self._kube.get(api.NAMESPACES, None, run.environment)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            raise self._missing(error) from error
        if build.is_of(there, run, self._instance):
            return there
        raise Refused(
            Reason.NAME_TAKEN,
            f"namespace {run.environment} exists and does not belong to this run: "
            f"kubectl delete namespace {run.environment}",
        )

    def _missing(self, error: ApiError) -> Refused:
        return Refused(
            Reason.ACCESS_MISSING, refusals.environments_missing(error.message, f"{self._instance}-environments")
        )

    async def _subject(self) -> Object:
        if not self._myself:
            name = await self._kube.whoami()
            account = name.removeprefix("system:serviceaccount:").split(":")
            if len(account) == 2 and name.startswith("system:serviceaccount:"):
                self._myself = {"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}
            else:
                self._myself = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}
        return self._myself

    async def _once(self, body: Mapping[str, Any]) -> None:
        with contextlib.suppress(AlreadyExists):
            await self._kube.create(body)

    async def _client(self, run: RunRef) -> Kube:
        """Who may work in this namespace and nowhere else."""
        now = asyncio.get_running_loop().time()
        found = self._clients.get(run.environment)
        if found is not None and now < found[1]:
            return found[0]
        token = await self._kube.token(run.environment, build.ACCOUNT, TOKEN_SECONDS)
        if found is not None:
            await found[0].close()
        client = Kube(self._kube.access.as_bearer(token))
        self._clients[run.environment] = client, now + RENEW_SECONDS
        return client

    async def _apply(self, client: Kube, body: Mapping[str, Any]) -> None:
        resource = await self._resource(client, body)
        kind, name = body["kind"], body["metadata"]["name"]
        try:
            await client.apply(resource, body)
        except ApiError as error:
            text = error.message
            if error.status == FORBIDDEN and ("service account" in text or "serviceaccount" in text.lower()):
                if "not found" in text:
                    raise NotYet(text) from error  # a bare Pod before the namespace's own account is there
                if "cannot" in text and await self._rights_are_new(client, body):
                    raise NotYet(text) from error
            said = f"{kind} {name} of environment.manifests: {text}"
            # A field of a wrong type is a server error to the API server's server-side apply.
            if error.status in {400, 403, 404, 409, 422} or "failed to create typed patch object" in text:
                raise Refused(Reason.ENVIRONMENT_FAILED, said) from error
            if error.status == 500:  # such as a webhook that does not answer: it may come back
                raise Refused(Reason.ENVIRONMENT_NOT_READY, said) from error
            raise

    async def _rights_are_new(self, client: Kube, body: Mapping[str, Any]) -> bool:
        """Whether the account may do nothing at all yet, rather than not this."""
        try:
            await client.get(api.CONFIG_MAPS, body["metadata"]["namespace"], "kube-root-ca.crt")
        except NotFound:
            return False
        except ApiError as error:
            return error.status == FORBIDDEN
        return False

    async def _resource(self, client: Kube, body: Mapping[str, Any]) -> Resource:
        version, kind = str(body["apiVersion"]), str(body["kind"])
        plural = NAMESPACED.get((version, kind))
        if plural is not None:
            return Resource(version, kind, plural)
        name = body["metadata"]["name"]
        if kind not in self._known.get(version, {}):
            try:
                self._known[version] = await client.kinds(version)
            except NotFound:
                self._known[version] = {}
        found = self._known[version].get(kind)
        if found is None:
            raise Refused(
                Reason.ENVIRONMENT_FAILED,
                f"{kind} {name} of environment.manifests: this cluster knows no kind {kind} in {version}; correct it, "
                "or install its CustomResourceDefinition first",
            )
        if not found[1]:
            raise Refused(
                Reason.ENVIRONMENT_FAILED,
                f"{kind} {name} of environment.manifests is not part of a namespace, and an environment is one "
                "namespace: remove it, or install it once for the whole cluster",
            )
        return Resource(version, kind, found[0])

    async def _live(self, run: RunRef, frozen: Frozen) -> Live:
        try:
            client = await self._client(run)
            kinds = {item["kind"]: item["apiVersion"] for item in frozen.environment if item["kind"] in RULES}
            found = [
                item
                for kind, version in kinds.items()
                if (version, kind) in NAMESPACED
                for item in await self._list(client, Resource(version, kind, NAMESPACED[version, kind]), run)
            ]
            pods = await self._list(client, api.PODS, run) if kinds else []
            warnings = [item for item in await self._list(client, api.EVENTS, run) if item.get("type") == "Warning"]
        except NotFound:
            return Live()
        return Live(tuple(found), tuple(pods), tuple(warnings))

    async def _list(self, client: Kube, resource: Resource, run: RunRef) -> list[Object]:
        return [item async for item in client.list(resource, run.environment)]


def objects_in(text: str | None) -> tuple[Object, ...]:
    """What was frozen, read back."""
    return tuple(json.loads(text)) if text else ()
