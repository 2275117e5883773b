"""The Lease that the one active process holds: admission, numbers and deletions need one renewed a moment ago."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from loadtest_operator.io.kube import LEASES, AlreadyExists, ApiError, ApiUnreachable, Conflict, Kube, NotFound
from loadtest_operator.runtime.clock import Clock

log = logging.getLogger(__name__)

# Renewed three times in its duration; trusted for two thirds of it, so that a clock or a call may be off by a third.
RENEW_SHARE = 1 / 3
TRUST_SHARE = 2 / 3


class Lease:
    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        seconds: float,
        clock: Clock,
        returned: Callable[[], None] = lambda: None,
    ) -> None:
        """`returned` is told when it is trusted again, after a while without."""
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seconds = seconds
        self._clock = clock
        self._held: dict[str, Any] | None = None
        self._renewed = float("-inf")
        self._returned = returned
        self._taken = False  # by another process, after we held it
        # Another holder's version, and since when it has not moved.
        self._seen: tuple[str, float] = ("", 0.0)

    @property
    def trusted(self) -> bool:
        return asyncio.get_running_loop().time() - self._renewed < self._seconds * TRUST_SHARE

    async def acquire(self) -> None:
        """Waits until it is ours. Expired means, by our own clock: it has not moved for its whole duration."""
        told = False
        while not await self._try():
            if not told:
                log.info("standing by: another process holds the Lease", extra={"lease": self._name})
                told = True
            await asyncio.sleep(self._soon)
        log.info("holding the Lease", extra={"lease": self._name, "identity": self._identity})

    async def keep(self) -> None:
        """Renews until cancelled; returns when another process has taken it, which ends this one.

        An API server that does not answer gives it to nobody else. Without trust nothing is written, and we go on when
        it answers again: a process that ends instead comes back later, by a wait that grows with each end.
        """
        told, renewed = False, True
        while True:
            await asyncio.sleep(self._seconds * RENEW_SHARE if renewed else self._soon)
            renewed = await self._try()
            if self._taken:
                log.error("lost the Lease", extra={"lease": self._name})
                return
            if renewed and told:
                log.info("the Lease is renewed again", extra={"lease": self._name})
                self._returned()
                told = False
            elif not renewed and not told and not self.trusted:
                log.warning(
                    "the Lease cannot be renewed: until it can, nothing is written", extra={"lease": self._name}
                )
                told = True

    @property
    def _soon(self) -> float:
        return min(1.0, self._seconds / 10)

    async def release(self) -> None:
        """So that the next process need not wait."""
        if self._held is None:
            return
        self._renewed = float("-inf")
        body = {**self._held, "spec": {**self._held["spec"], "holderIdentity": ""}}
        try:
            await self._kube.replace({**body, "apiVersion": LEASES.version, "kind": LEASES.kind})
        except (ApiError, ApiUnreachable) as error:
            log.info("lease not released: %s", error)

    async def _try(self) -> bool:
        begun = asyncio.get_running_loop().time()
        try:
            held = await self._take(await self._read())
        except (Conflict, AlreadyExists):
            return False
        except (ApiError, ApiUnreachable) as error:
            log.warning("lease: %s", error)
            return False
        if held is None:
            return False
        self._held, self._renewed = held, begun
        return True

    async def _read(self) -> dict[str, Any] | None:
        try:
            return await self._kube.get(LEASES, self._namespace, self._name)
        except NotFound:
            return None

    async def _take(self, current: dict[str, Any] | None) -> dict[str, Any] | None:
        now = self._clock()
        if current is None:
            metadata = {"name": self._name, "namespace": self._namespace}
            return await self._kube.create(self._body(metadata, self._spec(now, now, 0)))
        spec = current.get("spec") or {}
        holder = spec.get("holderIdentity")
        if self._held is not None and holder != self._identity:
            self._taken = True
            return None
        if holder not in {"", None, self._identity} and not self._expired(current):
            return None
        changes = int(spec.get("leaseTransitions") or 0) + (holder != self._identity)
        since = datetime.fromisoformat(spec["acquireTime"]) if holder == self._identity else now
        return await self._kube.replace(self._body(current["metadata"], self._spec(since, now, changes)))

    def _expired(self, current: dict[str, Any]) -> bool:
        version = str(current["metadata"]["resourceVersion"])
        now = asyncio.get_running_loop().time()
        if self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] > float(current["spec"].get("leaseDurationSeconds") or self._seconds)

    def _spec(self, acquired: datetime, renewed: datetime, transitions: int) -> dict[str, Any]:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "acquireTime": acquired.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "renewTime": renewed.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "leaseTransitions": transitions,
        }

    @staticmethod
    def _body(metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in metadata.items() if key != "managedFields"}
        return {"apiVersion": LEASES.version, "kind": LEASES.kind, "metadata": kept, "spec": spec}
