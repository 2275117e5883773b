"""New runs of a test against the runs before: which endpoints became slower or fail more, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest_operator.model.phases import ComparisonResult, Metric
from loadtest_operator.verdict import error_rates, findings, latency
from loadtest_operator.verdict.comparison import Change, Compared, Comparison, Rules
from loadtest_operator.verdict.fingerprint import Fingerprint, Traits
from loadtest_operator.verdict.windows import EndpointKey

_LATENCY_ORDER = (
    ComparisonResult.REGRESSED,
    ComparisonResult.WARNING,
    ComparisonResult.INCONCLUSIVE,
    ComparisonResult.IMPROVED,
)
# Used to name a global shift, which decides about nothing.
_SHARED_LEVEL = 0.05
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class _Subject:
    """One endpoint, or the total: what is known of it before anything is judged."""

    key: EndpointKey | None
    label: str
    latencies: Sequence[latency.Tested]
    """Empty where too few requests succeeded."""
    errors: error_rates.Tested | None
    runs: int


def compare(new: Sequence[Fingerprint], baseline: Sequence[Fingerprint], rules: Rules) -> Comparison:
    """Judges runs that belong together (a run and its confirmation runs) by valid, comparable runs before them.

    Which runs are comparable is for the caller to say. The order of the runs plays no role.
    """
    if not new:
        raise ValueError("a comparison needs at least one new run")
    keys = sorted({key for run in (*new, *baseline) for key in run.endpoints}, key=lambda key: (key[1], key[0]))
    offsets = latency.shared_offsets(keys, new, baseline) if baseline else {}
    subjects = {key: _subject(key, new, baseline, rules, offsets) for key in keys}
    total = _subject(None, new, baseline, rules, {})
    level = rules.level(len(new))
    seconds = math.fsum(run.seconds for run in new) / len(new)
    judged = [one for one in subjects.values() if _enough(one, baseline, rules)]
    changes = _judge(judged, rules, level, seconds)
    compared = [_compared(one, changes.get(one.key), rules) for one in subjects.values()]
    changes_of_total = _judge([total], rules, level, seconds) if _enough(total, baseline, rules) else {}
    shared = latency.shared_shift(keys, new, baseline) if baseline else None
    return findings.conclude(
        total=_compared(total, changes_of_total.get(None), rules),
        endpoints=compared,
        shared=shared,
        shared_level=_SHARED_LEVEL,
        appeared=_only_in(new, baseline, keys),
        vanished=_only_in(baseline, new, keys, often=True),
        rules=rules,
        runs=len(baseline),
        new_runs=len(new),
    )


def _subject(
    key: EndpointKey | None,
    new: Sequence[Fingerprint],
    baseline: Sequence[Fingerprint],
    rules: Rules,
    offsets: latency.Offsets,
) -> _Subject:
    label = TOTAL if key is None else " ".join(key).strip()
    ours, past = _traits(key, new), _traits(key, baseline)
    with_y, past_with_y = [one for one in ours if one.y], [one for one in past if one.y]
    latencies: list[latency.Tested] = []
    if with_y and past_with_y:
        own = None if key is None else offsets.get(key)
        latencies = latency.shifts(with_y, past_with_y, own, rules.tolerance_of(label))
    errors = error_rates.tested(ours, past) if ours and past else None
    return _Subject(key, label, latencies, errors, len(past))


def _traits(key: EndpointKey | None, runs: Sequence[Fingerprint]) -> list[Traits]:
    """Of the runs in which there were requests."""
    found = (run.total if key is None else run.endpoints.get(key) for run in runs)
    return [one for one in found if one is not None and one.requests]


def _enough(subject: _Subject, baseline: Sequence[Fingerprint], rules: Rules) -> bool:
    return subject.errors is not None and min(subject.runs, len(baseline)) >= max(1, rules.min_runs)


def _judge(
    subjects: Sequence[_Subject], rules: Rules, level: float, seconds: float
) -> Mapping[EndpointKey | None, list[Change]]:
    """Decides about all subjects together: one family of latencies, one of error rates."""
    latencies = [(one.key, tested) for one in subjects for tested in one.latencies]
    gating = [pair for pair in latencies if pair[1].metric in latency.GATING and pair[1].raw.n >= rules.min_runs]
    rates = [(one.key, one.errors) for one in subjects if one.errors is not None]
    found: dict[EndpointKey | None, list[Change]] = {one.key: [] for one in subjects}
    judged = latency.judge([tested for _, tested in gating], level, seconds)
    for (key, _), change in zip(gating, judged, strict=True):
        found[key].append(change)
    for key, tested in latencies:
        if found[key] and tested.metric not in latency.GATING:
            found[key].append(latency.shown(tested))
    for (key, _), change in zip(rates, error_rates.judge([tested for _, tested in rates], level), strict=True):
        found[key].append(change)
    return found


def _compared(subject: _Subject, changes: Sequence[Change] | None, rules: Rules) -> Compared:
    critical = rules.of(subject.label).critical
    if changes is None:
        seen = [latency.shown(tested) for tested in subject.latencies]
        seen += [error_rates.shown(subject.errors)] if subject.errors else []
        return Compared(subject.label, ComparisonResult.COLLECTING_BASELINE, subject.runs, tuple(seen), critical)
    return Compared(subject.label, _result(subject, changes), subject.runs, tuple(changes), critical)


def _result(subject: _Subject, changes: Sequence[Change]) -> ComparisonResult:
    """The worst of the metrics. Error rates raise alarms, but never keep a comparison open."""
    latencies = {one.result for one in changes if one.metric in latency.GATING}
    errors = {one.result for one in changes if one.metric is Metric.ERROR_RATE}
    if ComparisonResult.REGRESSED in errors:
        return ComparisonResult.REGRESSED
    if not latencies:
        return ComparisonResult.INCONCLUSIVE
    worst = next((one for one in _LATENCY_ORDER if one in latencies), ComparisonResult.PASSED)
    if worst is ComparisonResult.IMPROVED and subject.errors is not None and subject.errors.worse:
        return ComparisonResult.PASSED  # thirty percent of fast failures must not look like a faster service
    if worst is ComparisonResult.PASSED and ComparisonResult.IMPROVED in errors:
        return ComparisonResult.IMPROVED
    return worst


def _only_in(
    some: Sequence[Fingerprint], others: Sequence[Fingerprint], keys: Sequence[EndpointKey], often: bool = False
) -> tuple[str, ...]:
    """Labels of endpoints in some runs (`often`: in most of them) and in none of the others."""
    wanted = len(some) / 2 if often else 0
    return tuple(
        " ".join(key).strip()
        for key in keys
        if others
        and sum(key in run.endpoints for run in some) > wanted
        and not any(key in run.endpoints for run in others)
    )
