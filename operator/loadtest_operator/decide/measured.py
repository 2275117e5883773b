"""From what was pulled of a run to what is judged and stored, alike in the operator and on a laptop."""

from collections.abc import Mapping
from typing import Any

from loadtest_operator.build.names import RunRef
from loadtest_operator.model import defaults
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.verdict.record import Aborted, RunRecord, Target, record
from loadtest_operator.verdict.validity import Expected
from loadtest_operator.verdict.windows import WindowLog


def run_record(
    log: WindowLog,
    state: Mapping[str, Any],
    run: RunRef,
    spec: LoadTestSpec,
    *,
    series: str,
    config_hash: str,
    target: Target,
) -> RunRecord:
    """`state` is the master's last: how long there really was load."""
    begun, ended = state.get("startedAt"), state.get("endedAt")
    planned = defaults.duration(spec).total_seconds()
    return record(
        log,
        run=run.id,
        series=series,
        duration_s=float(ended) - float(begun) if begun and ended else planned,
        warmup_s=defaults.warmup(spec).total_seconds(),
        window_s=defaults.window_seconds(spec),
        config_hash=config_hash,
        namespace=run.namespace,
        test=run.test,
        number=run.number,
        attempt=run.attempt,
        target=target,
        aborted=Aborted.read(state.get("aborted")),
    )


def expected(spec: LoadTestSpec, workers_lost: int) -> Expected:
    return Expected(
        workers=defaults.workers(spec),
        workers_lost=workers_lost,
        users=spec.load.users,
        ramp_s=defaults.ramp(spec).total_seconds(),
        tolerate_loss=defaults.tolerate_loss(spec),
    )


def workers_lost(state: Mapping[str, Any]) -> int:
    return int((state.get("workers") or {}).get("lost", 0))
