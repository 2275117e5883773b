"""From pulled windows to a stored verdict. Statistics and SQL run in threads, never on the loop."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import measured
from loadtest_operator.decide.judge import Judgement, judge
from loadtest_operator.decide.observed import Observed
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.runtime.sessions import Attempt
from loadtest_operator.store import Store, StoredRun, StoreUnavailable
from loadtest_operator.verdict import validity
from loadtest_operator.verdict.record import RunRecord, Target

log = logging.getLogger(__name__)


class Results:
    """The store, and the HTTP session towards agents, who get none of the API server's credentials."""

    def __init__(self, store: Store, agents: aiohttp.ClientSession) -> None:
        self._store = store
        self.agents = agents

    async def look_up(self, run: RunRef, attempt: Attempt) -> None:
        """Whether the store holds this run's result, for instance because an operator died after the commit."""
        try:
            attempt.stored = await asyncio.to_thread(self._store.run, run.id) is not None
            attempt.store_problem = ""
        except StoreUnavailable as error:
            attempt.store_problem = str(error)

    async def judge(self, seen: Observed, attempt: Attempt) -> None:
        """Judged and committed when this returns, unless the store is away."""
        run = seen.run
        assert run is not None
        try:
            attempt.judgement = await asyncio.to_thread(self._judge, seen, run, attempt)
            attempt.judged_generation = seen.generation
            attempt.stored, attempt.store_problem = True, ""
        except StoreUnavailable as error:
            attempt.store_problem = str(error)
            log.warning("store unavailable", extra={"run": run.id, "error": str(error)})

    def _judge(self, seen: Observed, run: RunRef, attempt: Attempt) -> Judgement:
        stored = self._store.run(run.id)
        kept = self._store.windows(run.id) if stored else None
        if stored is not None and kept is None and not attempt.log.complete:
            return stored.judgement  # its windows were pruned: what they said stands, and is not written over
        found = kept or self._record(seen, run, attempt)
        spec = _spec(seen)
        lost = stored.workers_lost if stored else measured.workers_lost(attempt.state)
        judgement = judge(spec, found, validity=validity.assess(found, measured.expected(spec, lost)))
        if stored is None or kept is None:
            self._store.commit_run(_stored(seen, run, found, judgement, lost))
        else:  # judged again: the history tells the verdict that the object shows
            self._store.commit_run(replace(stored, judgement=judgement, record=None))
        return judgement

    def _record(self, seen: Observed, run: RunRef, attempt: Attempt) -> RunRecord:
        spec = seen.frozen.test.spec if seen.frozen else _spec(seen)
        target = Target(version=spec.target.version, images=_images(seen), url=spec.target.url)
        return measured.run_record(attempt.log, attempt.state, run, spec, seen.status["run"]["runKey"], target)


def _spec(seen: Observed) -> LoadTestSpec:
    """The current spec, with thresholds and gate of today; but never one that describes another load."""
    same_load = seen.inputs.run_key == seen.status["run"]["runKey"]
    frozen = seen.frozen.test if seen.frozen else None
    test = seen.inputs.test if same_load or frozen is None else frozen
    assert test is not None
    return test.spec


def _images(seen: Observed) -> dict[str, str]:
    """The digests of what generated the load."""
    found: dict[str, str] = {}
    for pod in seen.children.all_pods:
        statuses: list[Mapping[str, Any]] = (pod.get("status") or {}).get("containerStatuses") or []
        found.update({item["name"]: item["imageID"] for item in statuses if item.get("imageID")})
    return found


def _stored(seen: Observed, run: RunRef, found: RunRecord, judgement: Judgement, lost: int) -> StoredRun:
    return StoredRun.of(found, uid=run.uid, judgement=judgement, phase=str(seen.phase), workers_lost=lost)
