"""From a run's windows to what is stored of it: validity, baseline, verdict; alike in the operator and on a laptop."""

from dataclasses import dataclass, replace

from loadtest_operator.decide import measured, series
from loadtest_operator.decide.compared import Compared, rules
from loadtest_operator.decide.judge import judge
from loadtest_operator.model.phases import Phase, Verdict
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.store.base import Store, StoredRun
from loadtest_operator.verdict.compare import compare
from loadtest_operator.verdict.fingerprint import Fingerprint, fingerprint
from loadtest_operator.verdict.record import RunRecord
from loadtest_operator.verdict.validity import assess, marked


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a run beside its windows."""

    uid: str
    workers_lost: int = 0
    generator: str = ""
    phase: Phase = Phase.COMPLETED
    error: str = ""
    """A sentence, when the run broke: it is kept and shown, but neither judged nor compared."""


def circumstances(stored: StoredRun) -> Circumstances:
    """Of a run that is judged again."""
    phase = Phase(stored.phase)
    error = stored.judgement.message if phase is Phase.ERROR else ""
    return Circumstances(stored.uid, stored.workers_lost, stored.generator, phase, error)


def judged(store: Store | None, spec: LoadTestSpec, record: RunRecord, about: Circumstances) -> StoredRun:
    """Raises StoreUnavailable when the baseline cannot be read. Without a store nothing is compared."""
    validity = assess(record, measured.expected(spec, about.workers_lost))
    record = marked(record, validity)
    mark = fingerprint(record)
    compared = None
    if store is not None and validity.valid and about.phase is Phase.COMPLETED and not about.error:
        compared = _against_baseline(store, spec, record, mark, about.generator)
    judgement = judge(spec, record, validity=validity, compared=compared)
    if about.error:
        judgement = replace(judgement, verdict=Verdict.ERROR, message=about.error)
    return StoredRun.of(
        record,
        uid=about.uid,
        judgement=judgement,
        phase=str(about.phase),
        workers_lost=about.workers_lost,
        fingerprint=mark,
        epoch=series.epoch(spec),
        generator=about.generator,
    )


def _against_baseline(
    store: Store, spec: LoadTestSpec, record: RunRecord, mark: Fingerprint, generator: str
) -> Compared:
    wanted = series.wanted(
        spec,
        namespace=record.namespace,
        series=record.series,
        config_hash=record.config_hash,
        start=record.start,
    )
    baseline = store.baseline(wanted)
    said = rules(spec)
    same = sum(1 for other in baseline.generators if not (other and generator) or other == generator)
    return Compared(
        compare([mark], baseline.runs, said), baseline.series, same < min(said.min_runs, len(baseline.runs))
    )
