"""One look at one LoadTest: observe, decide, execute, and when to look again."""

import logging
from collections.abc import Mapping
from typing import Any

from loadtest_operator.build.names import LABEL_INSTANCE, LABEL_TEST_UID
from loadtest_operator.decide.observed import Note
from loadtest_operator.decide.queue import Name
from loadtest_operator.decide.run import decide
from loadtest_operator.decide.run import refused as decide_refused
from loadtest_operator.io.kube import BY_KIND, ApiError, ApiUnreachable, Conflict, Kube, NotFound
from loadtest_operator.io.kube import LOADTESTS as TESTS
from loadtest_operator.runtime import orphans, refusals, schedules
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.execute import Executor, NotLeading
from loadtest_operator.runtime.metrics import Metrics
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.observe import Observer
from loadtest_operator.runtime.refusals import Refused
from loadtest_operator.runtime.sessions import Sessions
from loadtest_operator.runtime.sweeping import Sweeper
from loadtest_operator.runtime.turns import Turns
from loadtest_operator.runtime.workqueue import WorkQueue

log = logging.getLogger(__name__)

UNEXPECTED = Note(
    "Warning", "UnexpectedError", "the operator made a mistake here and tries again; its log has the traceback"
)


class Reconciler:
    def __init__(
        self,
        kube: Kube,
        objects: Objects,
        sessions: Sessions,
        queue: WorkQueue[Key],
        observer: Observer,
        executor: Executor,
        metrics: Metrics,
        clock: Clock,
        sweeper: Sweeper,
        turns: Turns,
        instance: str = "loadtest-operator",
    ) -> None:
        self._instance = instance
        self._kube = kube
        self._objects = objects
        self._sessions = sessions
        self._queue = queue
        self._observer = observer
        self._executor = executor
        self._metrics = metrics
        self._clock = clock
        self._sweeper = sweeper
        self._turns = turns

    async def __call__(self, key: Key) -> None:
        """Never raises: what goes wrong for one LoadTest must not stop the others."""
        with self._metrics.reconciling():
            try:
                await self._look(key)
                self._queue.succeed(key)
            except NotLeading as error:
                log.warning("not leading: %s", error)
                self._queue.fail(key)  # the Lease may be renewed in a moment, and nobody else asks for this look
            except Conflict:
                await self._refresh(key)
                self._queue.fail(key)
            except (ApiError, ApiUnreachable) as error:
                self._metrics.failed("api")
                wait = self._queue.fail(key)
                log.warning("API server: %s", refusals.explained(error), extra={"test": str(key), "retry_in": wait})
            except Exception:
                self._metrics.failed("unexpected")
                self._queue.fail(key)
                log.exception("unexpected error", extra={"test": str(key)})
                await self._executor.tell(self._objects.test(key), UNEXPECTED)

    async def _look(self, key: Key) -> None:
        if key.kind == "LoadTestSchedule":
            await self._look_at_schedule(key)
            return
        seen = await self._observer.observe(key)
        if seen is None:
            await self._gone(key)
            return
        await self._end_namesakes(key, seen.raw["metadata"]["uid"])
        now = self._clock()
        seen = self._turns.place(seen)
        plan = decide(seen, now)
        try:
            await self._executor.execute(plan, seen)
        except Refused as refused:
            after = await self._observer.observe(key) or seen  # a part of the plan has been done
            if (after.raw["metadata"]["uid"], after.run) == (seen.raw["metadata"]["uid"], seen.run):
                plan = decide_refused(after, refused.reason, refused.message, now)
                await self._executor.execute(plan, after)
            else:  # another one of this name came meanwhile, and nobody refused it anything
                self._queue.add(key)
        self._turns.done(Name(key.namespace, key.name))
        if self._objects.test(key) is None:
            self._queue.add(key)
        if plan.requeue_after is not None:
            self._queue.add_after(key, plan.requeue_after.total_seconds())

    async def _look_at_schedule(self, key: Key) -> None:
        again = await schedules.look(key, self._objects, self._executor, self._clock, self._queue.add)
        if again is not None:
            self._queue.add_after(key, again.total_seconds())
        elif self._objects.test(key) is None:
            self._queue.forget(key)

    async def _gone(self, key: Key) -> None:
        """The LoadTest is not there: what it made goes too, after asking the API server itself."""
        for job in self._objects.children(key, "Job"):
            if orphans.left(job) and await self.orphaned(job):
                await orphans.take_down(self._kube, self._executor, job)
        await self._end_inputs(key, "")
        await self._sweeper.sweep(key)
        self._sessions.drop(key)
        self._metrics.forget(key)
        self._queue.forget(key)

    async def _end_namesakes(self, key: Key, uid: str) -> None:
        """Jobs of an earlier LoadTest of this name still send load, and have the names that the new one needs."""
        for job in self._objects.children(key, "Job"):
            labels = job["metadata"].get("labels") or {}
            if labels.get(LABEL_TEST_UID) == uid or not orphans.left(job):
                continue
            if labels.get(LABEL_INSTANCE) == self._instance and await self.orphaned(job):
                await orphans.take_down(self._kube, self._executor, job)

        await self._end_inputs(key, uid)

    async def _end_inputs(self, key: Key, uid: str) -> None:
        """What was made for a LoadTest that went, with `--cascade=orphan`, before there was a Job to find it by."""
        session = self._sessions.of(key)
        left = session.left_by(uid)
        owned = orphans.owned_attempts(self._objects.children(key, "Job")) if left else set()
        for run in left:
            if (run.id, str(run.attempt)) not in owned:
                await orphans.take_down_beside(self._kube, self._executor, run)
            session.made.discard(run)

    async def orphaned(self, child: Mapping[str, Any]) -> bool:
        """Whether the owner is gone, on the word of a direct GET, never of a list or a cache."""
        labels = child["metadata"]["labels"]
        try:
            owner = await self._kube.get(TESTS, child["metadata"]["namespace"], labels["loadtest.dev/test"])
        except NotFound:
            return True
        return bool(owner["metadata"]["uid"] != labels.get("loadtest.dev/test-uid"))

    async def _refresh(self, key: Key) -> None:
        """Somebody wrote before us: look at what they wrote rather than wait for the watch to tell."""
        try:
            resource = BY_KIND[key.kind]
            self._objects.put(key.kind, await self._kube.get(resource, key.namespace, key.name))
        except NotFound:
            log.debug("deleted meanwhile", extra={"test": str(key)})
        except (ApiError, ApiUnreachable) as error:
            log.info("refresh failed: %s", error, extra={"test": str(key)})
