"""From windows to a stored verdict, with the operator's own judge and store."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtest_operator.build import agent_config, names
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import series
from loadtest_operator.decide.gate import GateResult, gate
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.measured import run_record, workers_lost
from loadtest_operator.local import prometheus
from loadtest_operator.local.run import Measured, Request
from loadtest_operator.model.phases import GatedVerdict, Phase, Verdict
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.store import Store, StoredRun, StoreUnavailable, judging
from loadtest_operator.verdict.record import RunRecord, Target

NAMESPACE = "local"  # whatever the file says: its namespace is one of a cluster
STORE = "runs.db"


def default_store(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/loadtest/runs.db`, by default under ~/.local/state."""
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "loadtest" / STORE


def next_run(store: Store, raw: Mapping[str, Any], spec: LoadTestSpec) -> RunRef:
    """The number after the newest run's; the id is unique on every machine."""
    test = raw["metadata"]["name"]
    before = store.runs(NAMESPACE, series.own(test, spec), 1)
    number = before[0].number + 1 if before else 1
    uid = str(uuid.uuid4())
    return RunRef(NAMESPACE, test, uid, number, id=names.run_id(test, uid, number))


def history(store: Store, name: str, limit: int) -> list[StoredRun]:
    """Of the series with this name, else of the test with this name."""
    return store.runs(NAMESPACE, name, limit) or store.runs(NAMESPACE, f"loadtest/{name}", limit)


def judged(store: Store | None, request: Request, measured: Measured, record: RunRecord, uid: str) -> StoredRun:
    """The run as it goes into the store."""
    about = judging.Circumstances(
        uid=uid,
        workers_lost=workers_lost(measured.state),
        phase=phase(measured),
        error=measured.error.message if measured.error else "",
    )
    return judging.judged(store, request.test.spec, record, about)


def phase(measured: Measured) -> Phase:
    if measured.stopped:
        return Phase.CANCELLED
    return Phase.ERROR if measured.error else Phase.COMPLETED


def _record(request: Request, ref: RunRef, measured: Measured) -> RunRecord:
    spec, raw_spec = request.test.spec, request.raw["spec"]
    files = agent_config.scenario_files(raw_spec, request.config_maps)
    return run_record(
        measured.log,
        measured.state,
        ref,
        spec,
        series=series.own(ref.test, spec),
        config_hash=series.comparable_key(spec, raw_spec, files, measured.state.get("locust")),
        target=Target(version=spec.target.version, url=spec.target.url),
    )


@dataclass(frozen=True)
class Outcome:
    """How a run on this machine came out."""

    ref: RunRef
    verdict: Verdict
    message: str
    judgement: Judgement | None
    """None: it broke before anything was measured."""
    cancelled: bool
    seconds: float
    store_problem: str = ""
    stored: StoredRun | None = None
    """With its windows; None as the judgement is."""

    def gate(self, fail_on: Collection[Verdict | GatedVerdict]) -> GateResult:
        return gate(self.verdict, fail_on)


@dataclass
class Ledger:
    """Judges and commits what was measured, so that the master may go."""

    request: Request
    ref: RunRef
    store: Store
    stored: StoredRun | None = None
    problem: str = ""

    async def keep(self, measured: Measured) -> bool:
        """Whether the results are safe now."""
        record = await prometheus.asked(self.request, _record(self.request, self.ref, measured))
        try:
            self.stored = judged(self.store, self.request, measured, record, self.ref.uid)
            self.store.commit_run(self.stored)
        except StoreUnavailable as error:
            self.problem = str(error)
            self.stored = self.stored or judged(None, self.request, measured, record, self.ref.uid)
        return not self.problem

    def outcome(self, measured: Measured) -> Outcome:
        error = measured.error
        judgement = self.stored.judgement if self.stored else None
        verdict = judgement.verdict if judgement and not error else Verdict.ERROR
        message = f"{error.reason}: {error.message}" if error else judgement.message if judgement else ""
        seconds = (self.stored.end - self.stored.start).total_seconds() if self.stored else 0.0
        cancelled = measured.stopped or (error is not None and error.reason == "Stopped")
        return Outcome(self.ref, verdict, message, judgement, cancelled, seconds, self.problem, self.stored)
