"""Observe: what watching brought, the frozen inputs, and what the master's agent says, as one immutable value."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from loadtest_operator.build import agent_config, hooks, manifests, names
from loadtest_operator.build.agent_config import AGENT_PORT, ENVIRONMENT_FILE, SPEC_FILE
from loadtest_operator.build.names import RunRef
from loadtest_operator.build.pods import Images
from loadtest_operator.decide import environment, retention, runkey
from loadtest_operator.decide.observed import Agent, Children, Frozen, HookJobs, Inputs, Observed, Surroundings
from loadtest_operator.io import agent as protocol
from loadtest_operator.io.agent import AgentClient, AgentError, AgentUnreachable
from loadtest_operator.io.kube import CONFIG_MAPS, PODS, ApiError, Kube, NotFound
from loadtest_operator.model import loadtest, supported
from loadtest_operator.model.errors import InvalidSpec
from loadtest_operator.model.phases import Phase
from loadtest_operator.runtime import refusals
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.environments import Environments, objects_in
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.policing import Policing
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.sessions import Attempt, Session, Sessions
from loadtest_operator.runtime.settings import Settings
from loadtest_operator.verdict.reading import BadInputError

log = logging.getLogger(__name__)

# A pod event may ask for a look at any time; the agent is not asked again sooner than this.
GAP_SECONDS = 0.25
GAP_RUNNING_SECONDS = 2.0
INPUTS_STALE_SECONDS = 30.0
FORBIDDEN = 403
# What a master gathered while no operator was there is pulled in several looks: none may hold a worker for long.
PULL_SECONDS = 5.0
_UNDER_WAY = {Phase.PREFLIGHT, Phase.RUNNING, Phase.COLLECTING, Phase.JUDGING}


class Observer:
    def __init__(
        self,
        kube: Kube,
        objects: Objects,
        sessions: Sessions,
        results: Results,
        settings: Settings,
        key: bytes,
        clock: Clock,
        environments: Environments,
    ) -> None:
        self._kube = kube
        self._objects = objects
        self._sessions = sessions
        self._results = results
        self._settings = settings
        self._secret = key
        self._environments = environments
        self._clock = clock
        self._stale_seconds = min(INPUTS_STALE_SECONDS, settings.resync_seconds / 2)
        self._images = Images(settings.image, settings.image_pull_policy)
        direct = settings.agent_access == "direct" or (settings.agent_access == "auto" and kube.access.in_cluster)
        self._direct = direct
        home = settings.namespace or kube.access.namespace
        self._policing = Policing(settings, home, among_pods=direct and kube.access.in_cluster)

    async def observe(self, key: Key) -> Observed | None:
        raw = self._objects.test(key)
        if raw is None:
            return None
        session = self._sessions.of(key)
        inputs = await self._inputs(raw, session)
        fence = self._policing.fence(key.namespace)
        seen = Observed(raw, inputs, images=self._images, instance=self._settings.instance, fence=fence)
        run = seen.run
        if run is None:
            return seen
        attempt = session.of(run.fence)
        children, hook_jobs = await self._children(key, run, seen.phase)
        if attempt.frozen is None and not attempt.unborn:
            attempt.frozen = await self._frozen(seen, run)
            if attempt.frozen is not None:
                session.made |= {replace(run, attempt=number) for number in range(1, run.attempt + 1)}
        agent = await self._agent(seen, run, attempt, children)
        if attempt.judged_generation != seen.generation:
            attempt.judgement = None
        if attempt.stored is None and (
            seen.unsettled or children.master_end or seen.phase in {Phase.COLLECTING, Phase.JUDGING}
        ):
            await self._results.look_up(run, attempt)
        return Observed(
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
            token_sha256=protocol.token_sha256(protocol.token(self._secret, run.fence)),
            images=self._images,
            instance=self._settings.instance,
            fence=fence,
        )

    def client(self, run: RunRef, pod: Mapping[str, Any]) -> AgentClient:
        token = protocol.token(self._secret, run.fence)
        if self._direct:
            address = str((pod.get("status") or {}).get("podIP") or "")
            if not address:  # made in place of the one that answered, or not there yet
                raise AgentUnreachable(f"pod {pod['metadata']['name']} has no address")
            host = f"[{address}]" if ":" in address else address
            return AgentClient(self._results.agents, f"http://{host}:{AGENT_PORT}", token)
        return AgentClient(
            self._kube.session, self._kube.proxy(run.namespace, pod["metadata"]["name"], AGENT_PORT), token
        )

    async def _inputs(self, raw: dict[str, Any], session: Session) -> Inputs:
        wanted = agent_config.config_map_names(raw.get("spec") or {})
        version = f"{raw['metadata']['uid']}/{raw['metadata'].get('generation')}"
        now = asyncio.get_running_loop().time()
        phase = (raw.get("status") or {}).get("phase")
        steady = phase in {*_UNDER_WAY, Phase.STARTING} or now - session.inputs_read < self._stale_seconds
        current = session.inputs is not None and session.inputs_version == version
        if current and (not wanted or (steady and not _to_be_mended(session.inputs))):
            return session.inputs  # type: ignore[return-value]
        session.inputs, session.inputs_version, session.inputs_read = await self._read(raw, wanted), version, now
        return session.inputs

    async def _read(self, raw: dict[str, Any], wanted: list[str]) -> Inputs:
        namespace, status = raw["metadata"]["namespace"], raw.get("status") or {}
        try:
            data = {name: await self._config_map(namespace, name) for name in wanted}
        except ApiError as error:
            answered = status.get("observedGeneration") == raw["metadata"].get("generation")
            if error.status != FORBIDDEN or (answered and status.get("phase") != Phase.PENDING):
                raise
            denied = refusals.access_missing(error.message, namespace, self._settings.instance)
            return replace(read_inputs(raw, dict.fromkeys(wanted)), denied=denied, missing="")
        found = read_inputs(raw, data)
        return (
            found if found.test is None else replace(found, forbidden=self._policing.forbidden(found.test, namespace))
        )

    async def _config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        try:
            return dict((await self._kube.get(CONFIG_MAPS, namespace, name)).get("data") or {})
        except NotFound:
            return None

    async def _frozen(self, seen: Observed, run: RunRef) -> Frozen | None:
        if seen.phase is None or seen.phase.terminal or seen.phase in {Phase.PENDING, Phase.QUEUED}:
            return None
        try:
            found = await self._kube.get(CONFIG_MAPS, run.namespace, run.config)
        except NotFound:
            if run.attempt == 1 or seen.phase is not Phase.PREPARING:
                return None
            before = await self._frozen(seen, replace(run, attempt=run.attempt - 1))
            return None if before is None else replace(before, inherited=True)
        except ApiError as error:
            if error.status != FORBIDDEN or seen.phase is not Phase.PREPARING:
                raise
            return None  # who may not read may not create either, and that is told
        if not _belongs(found, run):
            return None  # an earlier namesake's, or somebody else's
        spec = json.loads(found["data"][SPEC_FILE])
        objects = objects_in(found["data"].get(ENVIRONMENT_FILE))
        files = {name: text for name, text in found["data"].items() if name not in agent_config.OWN_FILES}
        image = (found["metadata"].get("annotations") or {}).get(names.ANNOTATION_IMAGE, "")
        return Frozen(spec, loadtest.parse({**seen.raw, "spec": spec}), files, objects, image=image)

    async def _children(self, key: Key, run: RunRef, phase: Phase | None) -> tuple[Children, HookJobs]:
        children, hook_jobs = self._of_run(key, run)
        if run.attempt > 1 and phase is Phase.PREPARING:
            return replace(children, earlier_pods=await self._earlier_pods(run)), hook_jobs
        if phase in _UNDER_WAY and children.master is None:
            # Before a run is given up because its master is gone, the API server itself is asked.
            selector = f"{names.CHILD_SELECTOR},{names.LABEL_RUN}={run.id}"
            async for pod in self._kube.list(PODS, run.namespace, selector):
                self._objects.put("Pod", pod)
            return self._of_run(key, run)
        return children, hook_jobs

    async def _earlier_pods(self, run: RunRef) -> tuple[Mapping[str, Any], ...]:
        """Pods of lost attempts that may still send something, on the word of the API server itself."""
        selector = f"{names.CHILD_SELECTOR},{names.LABEL_RUN}={run.id},{names.LABEL_ATTEMPT}!={run.attempt}"
        found = [pod async for pod in self._kube.list(PODS, run.namespace, selector)]
        load = (pod for pod in found if pod["metadata"]["labels"].get(names.LABEL_ROLE) not in hooks.ROLES)
        return tuple(pod for pod in load if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"})

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

    async def _agent(self, seen: Observed, run: RunRef, attempt: Attempt, children: Children) -> Agent:
        pod = children.master
        if pod is not None and children.master_running and pod["status"].get("podIP") and self._due(seen, attempt):
            attempt.asked = asyncio.get_running_loop().time()
            await self._ask(self.client(run, pod), attempt)
        return Agent(
            state=attempt.state,
            answered=attempt.answered,
            silent_since=attempt.silent_since,
            complete=attempt.log.complete,
            cursor=attempt.log.cursor,
            windows=len(attempt.log),
            problem=attempt.problem,
            problem_since=attempt.problem_since,
        )

    def _due(self, seen: Observed, attempt: Attempt) -> bool:
        if attempt.released:
            return False
        ends = attempt.state.get("endsAt")
        late = seen.phase is Phase.RUNNING and ends and self._clock().timestamp() < float(ends) - 1
        gap = GAP_RUNNING_SECONDS if late else GAP_SECONDS
        return asyncio.get_running_loop().time() - attempt.asked >= gap

    async def _ask(self, client: AgentClient, attempt: Attempt) -> None:
        now: datetime = self._clock()
        answered, had = False, len(attempt.log)
        try:
            attempt.state = await client.state()
            answered = True
            if attempt.state.get("startedAt"):
                await _pull(client, attempt)
        except (AgentUnreachable, AgentError, BadInputError, RecursionError) as error:
            attempt.silent_since = attempt.silent_since or now
            log.debug("agent does not answer", extra={"error": str(error)})
            if len(attempt.log) > had:
                attempt.problem, attempt.problem_since = "", None
            elif answered or not isinstance(error, AgentUnreachable):
                attempt.problem, attempt.problem_since = str(error), attempt.problem_since or now
        else:
            attempt.answered, attempt.silent_since = now, None
            attempt.problem, attempt.problem_since = "", None


async def _pull(client: AgentClient, attempt: Attempt) -> None:
    """All windows that are new; the last page of a held run says that it is complete."""
    wanted = int(attempt.state.get("cursor") or 0)
    over = attempt.state.get("state") == "Holding"
    more = attempt.log.cursor < wanted or (over and not attempt.log.complete)
    loop = asyncio.get_running_loop()
    until = loop.time() + PULL_SECONDS
    while more and loop.time() < until:
        since = attempt.log.cursor
        page = await client.windows(since)
        await asyncio.to_thread(attempt.log.absorb, page)
        more = bool(page.get("more"))
        if more and attempt.log.cursor <= since:
            raise AgentError(200, "NoProgress", f"there are more windows than {since}, but none came")


def _to_be_mended(inputs: Inputs | None) -> bool:
    return inputs is not None and bool(inputs.missing or inputs.denied or inputs.unusable)


def read_inputs(raw: Mapping[str, Any], data: Mapping[str, Mapping[str, str] | None]) -> Inputs:
    """The current spec with what it points to; every problem is a sentence, never an exception."""
    try:
        test = loadtest.parse({key: value for key, value in raw.items() if key != "status"})  # nobody reads that there
    except InvalidSpec as error:
        return Inputs(invalid=str(error))
    if kept := retention.refusal(raw, test):
        return Inputs(invalid=kept)
    spec = raw["spec"]
    found = {name: content for name, content in data.items() if content is not None}
    key = runkey.run_key(spec, found)
    unsupported = tuple(supported.unsupported(test.spec))
    missing = _missing(raw, data)
    if missing or unsupported:
        unread = None in data.values()
        return Inputs(test, unsupported=unsupported, missing=missing, run_key=key, unread=unread)
    files = agent_config.scenario_files(spec, found)
    try:
        wanted = spec.get("environment") or {}
        objects = manifests.parse(manifests.sources(wanted, found), wanted.get("images")) if wanted else ()
    except InvalidSpec as error:
        return Inputs(test, unusable=str(error), run_key=key)
    return Inputs(test, files=files, environment=objects, run_key=key)


def _missing(raw: Mapping[str, Any], data: Mapping[str, Mapping[str, str] | None]) -> str:
    namespace, spec = raw["metadata"]["namespace"], raw["spec"]
    for field, reference in _references(spec):
        name = reference["name"]
        content = data[name]
        if content is None:
            return f"ConfigMap {name}, which {field} names, is not in namespace {namespace}: create it"
        wanted = reference.get("key")
        if field == _SCRIPT:
            wanted = agent_config.main_key(reference, content)
        if wanted is not None and wanted not in content:
            keys = ", ".join(sorted(content)) or "none"
            return f"ConfigMap {name} has no key {wanted} (its keys: {keys}): correct {field}.key"
    return ""


_SCRIPT = "spec.scenario.locust.configMap"


def _references(spec: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found = [(_SCRIPT, (spec["scenario"].get("locust") or {}).get("configMap"))]
    for index, item in enumerate((spec.get("environment") or {}).get("manifests") or ()):
        found.append((f"spec.environment.manifests[{index}].configMap", item.get("configMap")))
    return [(field, reference) for field, reference in found if reference]


def _role(child: Mapping[str, Any], run: RunRef) -> tuple[str, bool]:
    """Its role in this run, empty for none; and whether it is of this attempt, or of the run as a whole."""
    labels = child["metadata"].get("labels") or {}
    if labels.get(names.LABEL_RUN) != run.id:
        return "", False
    role = str(labels.get(names.LABEL_ROLE))
    return role, role in hooks.ROLES or labels.get(names.LABEL_ATTEMPT) == str(run.attempt)


def _belongs(child: Mapping[str, Any], run: RunRef) -> bool:
    labels = child["metadata"].get("labels") or {}
    return labels.get(names.LABEL_RUN) == run.id and labels.get(names.LABEL_ATTEMPT) == str(run.attempt)
