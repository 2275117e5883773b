"""A plan becomes calls: dry runs, creations, work, deletions, ONE status write, then Events."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from loadtest_operator.build import names
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import prepare, scheduled
from loadtest_operator.decide.observed import Do, Note, Observed, Plan
from loadtest_operator.io import kube as api
from loadtest_operator.io.agent import AgentError, AgentUnreachable
from loadtest_operator.io.kube import AlreadyExists, ApiError, Conflict, Kube, NotFound
from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import Reason
from loadtest_operator.runtime import refusals
from loadtest_operator.runtime.deleting import Deleting
from loadtest_operator.runtime.environments import Environments
from loadtest_operator.runtime.events import Events
from loadtest_operator.runtime.metrics import Metrics
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.observe import Observer
from loadtest_operator.runtime.refusals import Refused
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.sessions import Attempt, Session, Sessions
from loadtest_operator.verdict.aborted import Aborted
from loadtest_operator.verdict.windows import WindowLog

log = logging.getLogger(__name__)

WRITE_TRIES = 5

Raw = Mapping[str, Any]


class NotLeading(Exception):
    """Another process may be at work: nothing is written any more."""


class Executor:
    def __init__(
        self,
        kube: Kube,
        objects: Objects,
        sessions: Sessions,
        results: Results,
        observer: Observer,
        events: Events,
        metrics: Metrics,
        environments: Environments,
        *,
        account: str,
        instance: str,
        leading: Callable[[], bool],
    ) -> None:
        self._kube = kube
        self._objects = objects
        self._sessions = sessions
        self._results = results
        self._observer = observer
        self._events = events
        self._metrics = metrics
        self._environments = environments
        self._account = account
        self._instance = instance
        self._leading = leading
        self._deleting = Deleting(kube, objects)

    async def execute(self, plan: Plan, seen: Observed) -> None:
        self._guard()
        for child in plan.stop:
            await self.take_down(child)
        if plan.dry_run:
            await asyncio.gather(*(self._dry_run(body) for body in plan.dry_run))
        for body in plan.create:
            await self._create(body, seen)
        for work in plan.do:
            await self._do(work, seen)
        if plan.abort is not None:
            await self._stop(seen, plan.abort.says, plan.abort)
        for child in plan.delete:
            await self._clear(child, seen)
        if plan.status is not None:
            await self.write_status(seen.raw, plan.status)
        for note in plan.notes:
            await self._events.post(seen.raw, note)

    async def tell(self, raw: Raw | None, note: Note) -> None:
        """An Event beside any plan."""
        if raw is not None:
            await self._events.post(raw, note)

    async def make(self, body: Raw, owner: str) -> Key | None:
        """What a schedule makes; one that is there already is adopted when the schedule with this UID controls it.

        Answers whose look it deserves: the watch tells nothing new of it.
        """
        self._guard()
        try:
            made = await self._kube.create(body)
        except AlreadyExists:
            made = await self._made_before(body, owner)
        except ApiError as error:
            self._refuse(error, body)
            raise  # _refuse always raises; this tells the reader
        return self._objects.put(str(body["kind"]), made)

    async def _made_before(self, body: Raw, owner: str) -> dict[str, Any]:
        kind, metadata = str(body["kind"]), body["metadata"]
        there = await self._kube.get(api.BY_KIND[kind], metadata["namespace"], metadata["name"])
        reference = scheduled.owner(there["metadata"])
        if reference is not None and reference.get("uid") == owner:
            return there
        raise Refused(
            Reason.NAME_TAKEN,
            f"{kind} {metadata['name']} exists and does not belong to this schedule: delete it "
            f"(kubectl delete {kind.lower()} {metadata['name']} -n {metadata['namespace']})",
        )

    def _guard(self) -> None:
        if not self._leading():
            raise NotLeading("the Lease was not renewed in time")

    async def _dry_run(self, body: Raw) -> None:
        try:
            await self._kube.create(body, dry_run=True)
        except AlreadyExists:
            return
        except ApiError as error:
            if not refusals.dry_run_not_supported(error):
                self._refuse(error, body)

    async def _create(self, body: Raw, seen: Observed) -> None:
        """Once per attempt; what is there already is adopted when it is ours."""
        if seen.run is not None:  # from here on it may be there, whatever becomes of the answer
            self._attempt(seen.run).unborn = False
            self._attempt(seen.run).cleared.discard((str(body["kind"]), _name(body)))
            if body["kind"] == "ConfigMap":
                self._session(seen.run).made.add(seen.run)
        try:
            made = await self._kube.create(body, brief=True)
            if body["kind"] == "ConfigMap":
                self._froze(seen)
        except AlreadyExists:
            made = await self._adopt(body, seen)
        except ApiError as error:
            self._refuse(error, body)
            raise  # _refuse always raises; this tells the reader
        if body["kind"] == "Job":  # what is not watched would never be dropped again
            self._objects.put("Job", made)

    def _froze(self, seen: Observed) -> None:
        """What was just written need not be read back."""
        run = seen.run
        if run is None:
            return
        if seen.frozen is not None:
            self._attempt(run).frozen = replace(seen.frozen, inherited=False, image=seen.images.own)
        elif seen.inputs.test is not None:
            self._attempt(run).frozen = prepare.freeze(seen)

    def _session(self, run: RunRef) -> Session:
        return self._sessions.of(Key(run.namespace, run.test))

    def _attempt(self, run: RunRef) -> Attempt:
        return self._session(run).of(run.fence)

    def _refuse(self, error: ApiError, body: Raw) -> None:
        found = refusals.refusal(error, str(body["kind"]), body["metadata"]["namespace"], self._account, self._instance)
        raise found or error

    async def _adopt(self, body: Raw, seen: Observed) -> dict[str, Any]:
        kind, metadata = str(body["kind"]), body["metadata"]
        there = await self._kube.get(api.BY_KIND[kind], metadata["namespace"], metadata["name"])
        owners = [item.get("uid") for item in there["metadata"].get("ownerReferences") or ()]
        wanted, got = metadata["labels"], there["metadata"].get("labels") or {}
        same_attempt = all(got.get(label) == wanted[label] for label in (names.LABEL_RUN, names.LABEL_ATTEMPT))
        if seen.raw["metadata"]["uid"] in owners and same_attempt and "deletionTimestamp" not in there["metadata"]:
            return there
        raise Refused(
            Reason.NAME_TAKEN,
            f"{kind} {metadata['name']} exists and does not belong to this run: delete or rename it "
            f"(kubectl delete {kind.lower()} {metadata['name']} -n {metadata['namespace']})",
        )

    async def _do(self, work: Do, seen: Observed) -> None:
        key = Key(seen.raw["metadata"]["namespace"], seen.raw["metadata"]["name"])
        run = seen.run
        assert run is not None
        attempt = self._attempt(run)
        if work is Do.BUILD_ENVIRONMENT:
            if attempt.frozen is not None:
                started = quantities.parse_timestamp(seen.status["run"]["startTime"])
                attempt.environment_applied = await self._environments.build(run, attempt.frozen, started)
        elif work is Do.END_ENVIRONMENT:
            if seen.environment is not None and seen.environment.raw is not None:
                await self._environments.end(seen.environment.raw)
        elif work is Do.JUDGE:
            await self._judge(seen, key, attempt)
        elif work is Do.KEEP:
            await self._results.keep(seen, attempt)
        elif work is Do.STOP:
            await self._stop(seen, str(seen.stop_reason))
        elif work is Do.ACKNOWLEDGE:
            await self._acknowledge(seen, run)

    async def _judge(self, seen: Observed, key: Key, attempt: Attempt) -> None:
        with self._metrics.judging():
            await self._results.judge(seen, attempt, self._observer.questions)
        if attempt.judgement is not None:
            self._metrics.judged(key, attempt.judgement)

    async def _acknowledge(self, seen: Observed, run: RunRef) -> None:
        attempt = self._attempt(run)
        if seen.children.master is None:
            return
        try:
            await self._observer.masters.client(run, seen.children.master).acknowledge(attempt.log.cursor)
            attempt.released = True
            attempt.state = {**attempt.state, "state": "Released"}
            attempt.log = WindowLog()  # a megabyte a run, and the store has it
        except (AgentError, AgentUnreachable) as error:
            log.info("acknowledge failed, will be repeated", extra={"run": run.id, "error": str(error)})

    async def _stop(self, seen: Observed, reason: str, aborted: Aborted | None = None) -> None:
        run, pod = seen.run, seen.children.master
        if run is None or pod is None:
            return
        try:
            await self._observer.masters.client(run, pod).stop(reason, aborted.to_json() if aborted else None)
        except (AgentError, AgentUnreachable) as error:
            log.info("stop failed, will be repeated", extra={"run": run.id, "error": str(error)})

    async def take_down(self, child: Raw) -> None:
        self._guard()
        await self._deleting.take_down(child)

    async def _clear(self, child: Raw, seen: Observed) -> None:
        """What is deleted by its name alone, once: else every event of pods that go would ask for it again."""
        run = seen.run
        if run is None or "uid" in child["metadata"]:
            await self.take_down(child)
            return
        place, cleared = (str(child["kind"]), _name(child)), self._attempt(run).cleared
        if place not in cleared:
            await self.take_down(child)
            cleared.add(place)
            if place[0] == "ConfigMap":
                self._session(run).unmade(place[1])

    async def write_status(self, raw: Raw, status: dict[str, Any]) -> None:
        """Bound to the version that was observed, or to one that differs in nothing that was decided from.

        Else a controller that writes an annotation every few milliseconds would keep a run from ever going on.
        """
        observed = raw
        for tries_left in reversed(range(WRITE_TRIES)):
            self._guard()
            try:
                written = await self._kube.apply_status(observed, status)
            except NotFound:
                # Its event may have been lost: nothing is decided from it again.
                self._objects.drop(str(raw["kind"]), dict(raw))
                return
            except Conflict:
                fresh = await self._kube.get(api.BY_KIND[raw["kind"]], raw["metadata"]["namespace"], _name(raw))
                if not tries_left or _decided_from(fresh) != _decided_from(raw):
                    raise
                observed = fresh
            else:
                self._metrics.status_written()
                self._objects.put(str(raw["kind"]), written)
                self._note_admission(raw, written)
                return

    def _note_admission(self, before: Raw, written: Raw) -> None:
        """What cannot be there need not be looked for."""
        run = Observed(written).run
        if written["kind"] == "LoadTest" and run is not None and run != Observed(before).run:
            self._attempt(run).unborn = run.attempt == 1


def _name(raw: Raw) -> str:
    return str(raw["metadata"]["name"])


def _decided_from(raw: Raw) -> tuple[Any, ...]:
    """All that a decision reads of the object itself."""
    metadata = raw["metadata"]
    ours = {key: text for key, text in (metadata.get("annotations") or {}).items() if key.startswith(f"{names.GROUP}/")}
    return metadata["uid"], metadata.get("generation"), metadata.get("deletionTimestamp"), ours, raw.get("status")
