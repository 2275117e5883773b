"""The operator broken on purpose, in ways that are easy to get wrong: each has to be found by some invariant.

They change this process for good, so they are made in processes of their own (`runner.run(breaks=...)`).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import after, ending, lingering
from loadtest_operator.decide.observed import Do, Lingering, Observed, Plan
from loadtest_operator.io.kube import APPLY, BY_KIND, Kube
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.phases import Phase
from loadtest_operator.runtime import observe, orphans
from loadtest_operator.runtime.execute import Executor
from loadtest_operator.runtime.lingering import Lookout
from loadtest_operator.runtime.sessions import Attempt
from loadtest_operator.runtime.turns import Turns


def acknowledges_before_the_commit() -> None:
    do = Executor._do

    async def hasty(self: Executor, work: Do, seen: Observed) -> None:
        if work is Do.JUDGE and seen.run is not None:
            log = self._sessions.of(observe.Key(seen.run.namespace, seen.run.test)).of(seen.run.fence).log
            client = self._observer.masters.client(seen.run, seen.children.master) if seen.children.master else None
            if client is not None and log.complete:
                await client.acknowledge(log.cursor)
        await do(self, work, seen)

    Executor._do = hasty  # type: ignore[method-assign]


def leaves_the_run_before_alone() -> None:
    """No fence: what an earlier run still does is not ended when the next one begins."""
    after.give_way = lambda seen, plan: plan
    ending.stop_load = lambda seen: ()


def writes_over_what_came_meanwhile() -> None:
    """No optimistic locking: a status is written whatever version it was decided from."""

    async def blunt(self: Kube, observed: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
        kind, seen = BY_KIND[observed["kind"]], observed["metadata"]
        metadata = {"name": seen["name"], "namespace": seen["namespace"]}
        body = {"apiVersion": kind.version, "kind": kind.kind, "metadata": metadata, "status": status}
        path = kind.path(seen["namespace"], seen["name"], "status")
        return await self._call("PATCH", path, body=body, content_type=APPLY)

    Kube.apply_status = blunt  # type: ignore[method-assign]


def starts_again_beside_the_lost_attempt() -> None:
    """Also when this is another run."""
    lingering.waits = lambda seen, now: None


def gives_a_lock_on_at_once() -> None:
    """What its last holder left is not looked for, unless that was of the same LoadTest."""
    look = Lookout.look

    async def trusting(self: Lookout, run: RunRef, locks: tuple[str, ...], attempt: Attempt) -> tuple[Lingering, ...]:
        return await look(self, run, (), attempt)

    Lookout.look = trusting  # type: ignore[method-assign]


def tells_another_end_after_a_restart() -> None:
    """A terminal status is decided afresh by a process that does not remember the results."""
    decide = after._decide

    def forgetful(seen: Observed, now: datetime) -> Plan:
        if seen.phase is Phase.COMPLETED and not seen.unsettled and seen.judgement is None:
            return ending.broken(seen, now, Reason.MASTER_LOST, "the master is gone")
        return decide(seen, now)

    after._decide = forgetful


def counts_nobody_in_the_queue() -> None:
    """Locks are given to whoever asks."""
    Turns._under_way = lambda self, besides: iter(())  # type: ignore[method-assign]


def answers_a_request_again_and_again() -> None:
    Observed.new_request = property(lambda self: bool(self.request))  # type: ignore[method-assign,assignment]


def leaves_what_nobody_owns() -> None:
    orphans.ours = lambda job: False


Mutation = Callable[[], None]

# What the first history says that finds it, and from which seed on one is near.
BROKEN: dict[Mutation, tuple[str, int]] = {
    acknowledges_before_the_commit: ("was let go", 10),
    leaves_the_run_before_alone: ("was not let go", 10),
    writes_over_what_came_meanwhile: ("", 80),  # in many ways
    starts_again_beside_the_lost_attempt: ("two attempts load at once", 20),
    gives_a_lock_on_at_once: ("load at once, and both had", 30),
    tells_another_end_after_a_restart: ("became", 30),
    counts_nobody_in_the_queue: ("both hold", 10),
    answers_a_request_again_and_again: ("was not asked for", 10),
    leaves_what_nobody_owns: ("has no LoadTest", 50),
}


def named(name: str) -> Mutation:
    return next(one for one in BROKEN if one.__name__ == name)
