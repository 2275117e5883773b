"""What a LoadTest's spec points to: as it is now, and as it was frozen when its run was admitted."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loadtest_operator.build import agent_config, manifests, names
from loadtest_operator.build.agent_config import ENVIRONMENT_FILE, SPEC_FILE
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import retention, runkey
from loadtest_operator.decide.observed import Frozen, Inputs, Observed
from loadtest_operator.io.kube import CONFIG_MAPS, ApiError, Kube, NotFound
from loadtest_operator.model import loadtest, supported
from loadtest_operator.model.errors import InvalidSpec
from loadtest_operator.model.phases import Phase
from loadtest_operator.runtime import refusals
from loadtest_operator.runtime.environments import objects_in
from loadtest_operator.runtime.policing import Policing
from loadtest_operator.runtime.questions import Questions
from loadtest_operator.runtime.sessions import Session
from loadtest_operator.runtime.settings import Settings

STALE_SECONDS = 30.0
FORBIDDEN = 403
# What is edited now does not concern the run that is under way.
_STEADY = {Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING, Phase.COLLECTING, Phase.JUDGING}


class InputReader:
    def __init__(self, kube: Kube, settings: Settings, policing: Policing, questions: Questions) -> None:
        self._kube = kube
        self._instance = settings.instance
        self._policing = policing
        self._questions = questions
        self._stale_seconds = min(STALE_SECONDS, settings.resync_seconds / 2)

    async def of(self, raw: dict[str, Any], session: Session) -> Inputs:
        wanted = agent_config.config_map_names(raw.get("spec") or {})
        version = f"{raw['metadata']['uid']}/{raw['metadata'].get('generation')}"
        now = asyncio.get_running_loop().time()
        phase = (raw.get("status") or {}).get("phase")
        steady = phase in _STEADY or now - session.inputs_read < self._stale_seconds
        known = session.inputs if session.inputs_version == version else None
        if known is not None and (not wanted or (steady and not _to_be_mended(known))):
            return known
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
            denied = refusals.access_missing(error.message, namespace, self._instance)
            return replace(read_inputs(raw, dict.fromkeys(wanted)), denied=denied, missing="")
        found = read_inputs(raw, data)
        test = found.test
        if test is None:
            return found
        found = replace(found, forbidden=self._policing.forbidden(test, namespace))
        if found.forbidden or found.unusable or _is_over(raw):
            return found
        return replace(found, unusable=await self._questions.refused(test.spec, namespace))

    async def _config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        try:
            return dict((await self._kube.get(CONFIG_MAPS, namespace, name)).get("data") or {})
        except NotFound:
            return None

    async def frozen(self, seen: Observed, run: RunRef) -> Frozen | None:
        if seen.phase is None or seen.phase.terminal or seen.phase in {Phase.PENDING, Phase.QUEUED}:
            return None
        try:
            found = await self._kube.get(CONFIG_MAPS, run.namespace, run.config)
        except NotFound:
            if run.attempt == 1 or seen.phase is not Phase.PREPARING:
                return None
            before = await self.frozen(seen, replace(run, attempt=run.attempt - 1))
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


def _is_over(raw: Mapping[str, Any]) -> bool:
    """This spec has been run: thousands of such objects are looked at when an operator starts."""
    status = raw.get("status") or {}
    answered = status.get("observedGeneration") == raw["metadata"].get("generation")
    return answered and status.get("phase") in set(Phase) and Phase(status["phase"]).terminal


def _to_be_mended(inputs: Inputs) -> bool:
    return bool(inputs.missing or inputs.denied or inputs.unusable)


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


def _belongs(child: Mapping[str, Any], run: RunRef) -> bool:
    labels = child["metadata"].get("labels") or {}
    return labels.get(names.LABEL_RUN) == run.id and labels.get(names.LABEL_ATTEMPT) == str(run.attempt)
