"""The invariants can fail: the operator broken on purpose, in ways that are easy to get wrong."""

from collections.abc import Callable

import pytest
from loadtest_operator.decide import after
from loadtest_operator.decide.observed import Do, Observed, Plan
from loadtest_operator.runtime import observe
from loadtest_operator.runtime.execute import Executor

from tests.faults.history import play

ENOUGH = range(10, 60)


def first_broken() -> str:
    for seed in ENOUGH:
        if broken := play(seed).broken:
            return broken
    return ""


def acknowledges_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    do = Executor._do

    async def hasty(self: Executor, work: Do, seen: Observed) -> None:
        if work is Do.JUDGE:
            log = self._sessions.of(observe.Key(seen.run.namespace, seen.run.test)).of(seen.run.fence).log
            client = self._observer.client(seen.run, seen.children.master) if seen.children.master else None
            if client is not None and log.complete:
                await client.acknowledge(log.cursor)
        await do(self, work, seen)

    monkeypatch.setattr(Executor, "_do", hasty)


def leaves_the_run_before_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No fence: what an earlier run still does is not ended when the next one begins."""

    def nothing(seen: Observed, plan: Plan) -> Plan:
        return plan

    monkeypatch.setattr(after, "give_way", nothing)
    monkeypatch.setattr("loadtest_operator.decide.ending.stop_load", lambda seen: ())


BROKEN = {
    acknowledges_before_the_commit: "was let go",
    leaves_the_run_before_alone: "was not let go",
}


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda one: one.__name__)
def test_what_is_broken_is_found(breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch)
    found = first_broken()
    assert BROKEN[breaks] in found, found
