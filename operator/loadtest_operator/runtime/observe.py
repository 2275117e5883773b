"""Observe: what watching brought, the frozen inputs, and what the master's agent says, as one immutable value."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loadtest_operator.build import hooks, names
from loadtest_operator.build.names import RunRef
from loadtest_operator.build.pods import Images
from loadtest_operator.decide import environment
from loadtest_operator.decide.observed import Children, HookJobs, Observed, Surroundings
from loadtest_operator.io.kube import PODS, Kube
from loadtest_operator.model.phases import Phase
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.environments import Environments
from loadtest_operator.runtime.inputs import InputReader
from loadtest_operator.runtime.lingering import Lookout
from loadtest_operator.runtime.masters import Masters
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.policing import Policing
from loadtest_operator.runtime.questions import Questions
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.sessions import Attempt, Sessions
from loadtest_operator.runtime.settings import Settings
from loadtest_operator.runtime.tokenkey import Tokens

_UNDER_WAY = {Phase.PREFLIGHT, Phase.RUNNING, Phase.COLLECTING, Phase.JUDGING}


class Observer:
    def __init__(
        self,
        kube: Kube,
        objects: Objects,
        sessions: Sessions,
        results: Results,
        settings: Settings,
        tokens: Tokens,
        clock: Clock,
        environments: Environments,
    ) -> None:
        self._kube = kube
        self._objects = objects
        self._sessions = sessions
        self._results = results
        self._settings = settings
        self._environments = environments
        self._images = Images(settings.image, settings.image_pull_policy)
        direct = settings.agent_access == "direct" or (settings.agent_access == "auto" and kube.access.in_cluster)
        home = settings.namespace or kube.access.namespace
        self._policing = Policing(settings, home, among_pods=direct and kube.access.in_cluster)
        self.questions = Questions(results.agents, settings.policy, clock)
        self._inputs = InputReader(kube, settings, self._policing, self.questions)
        self._lookout = Lookout(kube, objects, settings)
        self.masters = Masters(kube, results, tokens, clock, direct=direct)

    async def observe(self, key: Key) -> Observed | None:
        raw = self._objects.test(key)
        if raw is None:
            return None
        session = self._sessions.of(key)
        inputs = await self._inputs.of(raw, session)
        fence = self._policing.fence(key.namespace)
        seen = Observed(raw, inputs, images=self._images, instance=self._settings.instance, fence=fence)
        run = seen.run
        if run is None:
            return seen
        attempt = session.of(run.fence)
        children, hook_jobs = await self._children(key, run, seen, attempt)
        if attempt.frozen is None and not attempt.unborn:
            attempt.frozen = await self._inputs.frozen(seen, run)
            if attempt.frozen is not None:
                session.made |= {replace(run, attempt=number) for number in range(1, run.attempt + 1)}
        agent = await self.masters.hear(seen, run, attempt, children)
        if attempt.judged_generation != seen.generation:
            attempt.judgement = None
        if attempt.stored is None and (
            seen.unsettled or children.master_end or seen.phase in {Phase.COLLECTING, Phase.JUDGING}
        ):
            await self._results.look_up(run, attempt)
        now = Observed(
            raw,
            inputs,
            frozen=attempt.frozen,
            children=children,
            hooks=hook_jobs,
            agent=agent,
            environment=await self._environment(seen, run, attempt),
            judgement=attempt.judgement,
            stored=bool(attempt.stored),
            store_problem=attempt.store_problem,
            query_problem=attempt.query_problem,
            watched=attempt.watched,
            token_sha256=self.masters.token_sha256(run),
            images=self._images,
            instance=self._settings.instance,
            fence=fence,
        )
        if (watched := await self.questions.watch(now, run.environment, attempt)) is now.watched:
            return now
        return replace(now, watched=watched)

    async def _children(self, key: Key, run: RunRef, seen: Observed, attempt: Attempt) -> tuple[Children, HookJobs]:
        children, hook_jobs = self._of_run(key, run)
        phase = seen.phase
        if phase is Phase.PREPARING:
            locks = tuple(seen.status["run"].get("locks") or ())
            return replace(children, lingering=await self._lookout.look(run, locks, attempt)), hook_jobs
        if phase in _UNDER_WAY and children.master is None:
            # Before a run is given up because its master is gone, the API server itself is asked.
            selector = f"{names.CHILD_SELECTOR},{names.LABEL_RUN}={run.id}"
            async for pod in self._kube.list(PODS, run.namespace, selector):
                self._objects.put("Pod", pod)
            return self._of_run(key, run)
        return children, hook_jobs

    async def _environment(self, seen: Observed, run: RunRef, attempt: Attempt) -> Surroundings | None:
        preparing = seen.phase is Phase.PREPARING and attempt.frozen is not None and bool(attempt.frozen.environment)
        told = seen.status.get("environment") or {}
        if not preparing and (not told or told.get("phase") == environment.DELETED):
            return None
        applied = attempt.environment_applied
        return await self._environments.observe(run, attempt.frozen, applied=applied, preparing=preparing)

    def _of_run(self, key: Key, run: RunRef) -> tuple[Children, HookJobs]:
        """The hooks are of the run, whatever its attempt."""
        jobs: dict[str, Mapping[str, Any]] = {}
        pods: dict[str, list[Mapping[str, Any]]] = {}
        earlier: list[Mapping[str, Any]] = []
        for item in self._objects.children(key, "Job"):
            role, mine = _role(item, run)
            if mine:
                jobs[role] = item
            elif role:
                earlier.append(item)
        for item in self._objects.children(key, "Pod"):
            role, mine = _role(item, run)
            if mine:
                pods.setdefault(role, []).append(item)

        def of(*roles: str) -> tuple[dict[str, Mapping[str, Any]], dict[str, tuple[Mapping[str, Any], ...]]]:
            return {role: jobs[role] for role in roles if role in jobs}, {
                role: tuple(pods.get(role, ())) for role in roles
            }

        return Children(*of("master", "worker"), earlier_jobs=tuple(earlier)), HookJobs(*of(*hooks.ROLES))


def _role(child: Mapping[str, Any], run: RunRef) -> tuple[str, bool]:
    """Its role in this run, empty for none; and whether it is of this attempt, or of the run as a whole."""
    labels = child["metadata"].get("labels") or {}
    if labels.get(names.LABEL_RUN) != run.id:
        return "", False
    role = str(labels.get(names.LABEL_ROLE))
    return role, role in hooks.ROLES or labels.get(names.LABEL_ATTEMPT) == str(run.attempt)
