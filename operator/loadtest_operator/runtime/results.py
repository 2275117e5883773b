"""From pulled windows to a stored verdict. Statistics and SQL run in threads, never on the loop."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import hookjobs, measured, queries, scheduled, series
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.observed import Observed
from loadtest_operator.model.phases import Phase
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.runtime.questions import Questions, Unanswered
from loadtest_operator.runtime.sessions import Attempt
from loadtest_operator.store import Store, StoredRun, StoreUnavailable, judging
from loadtest_operator.verdict.record import RunRecord, Target

log = logging.getLogger(__name__)

# How a lost attempt is kept that another one follows: what is stored is not yet the run's result.
NOT_OVER = Phase.RUNNING


@dataclass(frozen=True)
class Material:
    """What is judged, and by which spec."""

    spec: LoadTestSpec
    record: RunRecord
    about: judging.Circumstances
    again: bool = False
    """It is stored already, and only the judging changed."""
    asked: bool = False
    """Its record has answers that the stored one does not have."""


class Results:
    """The store, and the HTTP session towards agents, who get none of the API server's credentials."""

    def __init__(self, store: Store, agents: aiohttp.ClientSession) -> None:
        self._store = store
        self.agents = agents

    async def look_up(self, run: RunRef, attempt: Attempt) -> None:
        """Whether the store holds this run's result, for instance because an operator died after the commit."""
        try:
            found = await asyncio.to_thread(self._store.run, run.id)
            attempt.stored = found is not None and not _of_lost(found, run)
            attempt.store_problem = ""
        except StoreUnavailable as error:
            attempt.store_problem = str(error)

    async def judge(self, seen: Observed, attempt: Attempt, questions: Questions) -> None:
        """Judged and committed when this returns, unless the store is away, or Prometheus for the moment."""
        run = seen.run
        assert run is not None
        try:
            found = await asyncio.to_thread(self._material, seen, run, attempt)
            if isinstance(found, Material):
                found = await asyncio.to_thread(self._settle, seen, await _asked(found, run, attempt, questions))
            attempt.judgement = found
            attempt.judged_generation = seen.generation
            attempt.stored, attempt.store_problem, attempt.query_problem = True, "", ""
        except StoreUnavailable as error:
            attempt.store_problem = str(error)
            log.warning("store unavailable", extra={"run": run.id, "error": str(error)})
        except Unanswered as error:
            attempt.query_problem = str(error)
            log.warning("Prometheus is asked again", extra={"run": run.id, "error": str(error)})

    async def keep(self, seen: Observed, attempt: Attempt) -> None:
        """What there is of an attempt that was lost: for its numbers, never for a verdict or a baseline."""
        run = seen.run
        assert run is not None
        state = attempt.state.get("error") or {}
        why = str(seen.status.get("message") or "") if seen.phase is Phase.JUDGING else str(state.get("message") or "")
        attempt.judgement = await asyncio.to_thread(self._keep, seen, run, attempt, why or "the attempt was lost")
        attempt.judged_generation = seen.generation

    def _keep(self, seen: Observed, run: RunRef, attempt: Attempt, why: str) -> Judgement:
        spec = _spec(seen)
        belongs_to = series.own(run.test, spec, scheduled.schedule_of(seen.raw["metadata"]))
        phase = Phase.ERROR if seen.phase is Phase.JUDGING else NOT_OVER
        about = replace(_about(seen, run, attempt), phase=phase, error=why)
        found = judging.judged(None, spec, _until_lost(_record(seen, run, attempt, belongs_to)), about)
        try:
            self._store.commit_run(found)
        except StoreUnavailable as error:
            log.warning("a lost attempt is not stored", extra={"run": run.id, "error": str(error)})
        return found.judgement

    def _material(self, seen: Observed, run: RunRef, attempt: Attempt) -> Material | Judgement:
        """What is to be judged; or a judgement that stands, because there is nothing left to judge again."""
        stored = self._store.run(run.id)
        if stored is not None and _of_lost(stored, run):
            stored = None
        kept = self._store.windows(run.id) if stored else None
        if stored is not None and kept is None and not attempt.log.complete:
            # its windows were pruned: what they said stands, and is not written over
            return hookjobs.weighed(seen, stored.judgement)
        if stored is not None and _is_of_another_load(seen):
            return hookjobs.weighed(seen, stored.judgement)
        spec = _spec(seen)
        belongs_to = series.own(run.test, spec, scheduled.schedule_of(seen.raw["metadata"]))
        if stored is not None and kept is not None:
            return Material(spec, replace(kept, series=belongs_to), judging.circumstances(stored), again=True)
        return Material(spec, _record(seen, run, attempt, belongs_to), _about(seen, run, attempt))

    def _settle(self, seen: Observed, found: Material) -> Judgement:
        """Judged and stored. The history tells the verdict that the object shows."""
        run = judging.judged(self._store, found.spec, found.record, found.about)
        run = replace(run, judgement=hookjobs.weighed(seen, run.judgement))
        self._store.commit_run(replace(run, record=None) if found.again and not found.asked else run)
        return run.judgement


async def _asked(found: Material, run: RunRef, attempt: Attempt, questions: Questions) -> Material:
    """With what Prometheus says to queries that the record does not know yet."""
    asked = queries.unanswered(found.spec, found.record)
    if not asked:
        return found
    span = queries.judged_span(found.record)
    answers = await questions.answers(asked, span, run.namespace, run.environment, attempt)
    return replace(found, record=queries.with_answers(found.spec, found.record, answers), asked=True)


def _of_lost(stored: StoredRun, run: RunRef) -> bool:
    """Whether it is what was kept of an attempt that another one follows."""
    return stored.attempt < run.attempt or stored.phase == NOT_OVER


def _until_lost(record: RunRecord) -> RunRecord:
    """There was load as long as there are windows."""
    end = max((one.w + 1 for one in record.run_windows), default=0) * record.window_s
    return replace(record, duration_s=min(record.duration_s, end))


def _record(seen: Observed, run: RunRef, attempt: Attempt, belongs_to: str) -> RunRecord:
    frozen = seen.frozen
    spec, raw = (frozen.test.spec, frozen.raw) if frozen else (_spec(seen), seen.raw["spec"])
    files = frozen.files if frozen else seen.inputs.files
    return measured.run_record(
        attempt.log,
        attempt.state,
        run,
        spec,
        series=belongs_to,
        config_hash=series.comparable_key(spec, raw, files, attempt.state.get("locust")),
        target=Target(version=spec.target.version, images=_images(seen), url=spec.target.url),
    )


def _about(seen: Observed, run: RunRef, attempt: Attempt) -> judging.Circumstances:
    if seen.stop_reason is not None:
        return judging.Circumstances(
            run.uid, measured.workers_lost(attempt.state), _generator(seen), phase=Phase.CANCELLED
        )
    error = attempt.state.get("error") or {}
    return judging.Circumstances(
        uid=run.uid,
        workers_lost=measured.workers_lost(attempt.state),
        generator=_generator(seen),
        phase=Phase.ERROR if error else Phase.COMPLETED,
        error=str(error.get("message") or error.get("reason") or ""),
    )


def _generator(seen: Observed) -> str:
    """Which build of the load generator it was; empty: its pods are gone."""
    images = sorted(set(_images(seen).values()))
    return hashlib.sha256("\n".join(images).encode()).hexdigest()[:16] if images else ""


def _is_of_another_load(seen: Observed) -> bool:
    """Nothing is left that says what this run was to do: its frozen inputs went with its pods, and the spec changed."""
    return seen.frozen is None and not seen.inputs.answered_by(seen.run_key)


def _spec(seen: Observed) -> LoadTestSpec:
    """The current spec, with thresholds and gate of today; but never one that describes another load."""
    same_load = seen.inputs.answered_by(seen.run_key)
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
