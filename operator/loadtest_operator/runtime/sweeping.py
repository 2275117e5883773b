"""Namespaces of this installation that nobody needs any more: no owner, another run, or their time is up."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from loadtest_operator.build.names import (
    ANNOTATION_EXPIRES,
    ANNOTATION_OWNER_NAME,
    ANNOTATION_OWNER_NAMESPACE,
    ANNOTATION_OWNER_UID,
    LABEL_ENVIRONMENT,
    LABEL_INSTANCE,
    LABEL_RUN,
)
from loadtest_operator.io import kube as api
from loadtest_operator.io.kube import ApiError, Kube, NotFound
from loadtest_operator.model import quantities
from loadtest_operator.model.phases import Phase
from loadtest_operator.runtime.environments import Environments
from loadtest_operator.runtime.objects import Key

log = logging.getLogger(__name__)

FORBIDDEN = 403


class Sweeper:
    def __init__(
        self,
        kube: Kube,
        environments: Environments,
        *,
        instance: str,
        namespaces: tuple[str, ...],
        clock: Callable[[], datetime],
        leading: Callable[[], bool],
    ) -> None:
        self._kube = kube
        self._environments = environments
        self._selector = f"{LABEL_ENVIRONMENT}=true,{LABEL_INSTANCE}={instance}"
        self._namespaces = namespaces
        self._clock = clock
        self._leading = leading

    async def sweep(self, only: Key | None = None) -> None:
        """All, or those of one LoadTest, if it ever had one."""
        if only is not None and (only.namespace, only.name) not in self._environments.owners:
            return
        try:
            found = [item async for item in self._kube.list(api.NAMESPACES, None, self._selector)]
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            log.debug("no environments here: %s", error.message)  # nor can there be any that we made
            return
        if only is None:
            self._environments.owners |= {(owner.namespace, owner.name) for owner in map(_owner, found)}
        for raw in found:
            owner = _owner(raw)
            if (only is None or owner == only) and await self._useless(raw, owner) and self._leading():
                log.info("deleting a namespace that no run needs", extra={"namespace": raw["metadata"]["name"]})
                await self._environments.end(raw)

    async def _useless(self, raw: Mapping[str, Any], owner: Key) -> bool:
        """On the word of a direct GET, never of a list or a cache."""
        metadata = raw["metadata"]
        if "deletionTimestamp" in metadata or (self._namespaces and owner.namespace not in self._namespaces):
            return False
        annotations = metadata.get("annotations") or {}
        if self._expired(str(annotations.get(ANNOTATION_EXPIRES, ""))):
            return True
        try:
            test = await self._kube.get(api.LOADTESTS, owner.namespace, owner.name)
        except NotFound:
            return True
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            return False  # whether anybody needs it is not known
        if test["metadata"]["uid"] != annotations.get(ANNOTATION_OWNER_UID):
            return True
        status = test.get("status") or {}
        over = status.get("phase") in {str(phase) for phase in Phase if phase.terminal}
        return over or (status.get("run") or {}).get("id") != metadata["labels"].get(LABEL_RUN)

    def _expired(self, text: str) -> bool:
        try:
            return self._clock() >= quantities.parse_timestamp(text)
        except (ValueError, TypeError):
            return False  # somebody edited it; its owner decides


def _owner(raw: Mapping[str, Any]) -> Key:
    found = raw["metadata"].get("annotations") or {}
    return Key(str(found.get(ANNOTATION_OWNER_NAMESPACE, "")), str(found.get(ANNOTATION_OWNER_NAME, "")))
