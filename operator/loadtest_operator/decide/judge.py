"""The verdict of one run: validity, thresholds, and everything that the status says about the results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from loadtest_operator.decide import thresholds as limits
from loadtest_operator.decide.compared import Compared
from loadtest_operator.decide.gate import worst
from loadtest_operator.decide.thresholds import Checked
from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import MESSAGE_MAX
from loadtest_operator.model.phases import Metric, ThresholdResult, Verdict
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.status import cut
from loadtest_operator.model.thresholds import Threshold
from loadtest_operator.verdict.numbers import Figures, Numbers, summarise
from loadtest_operator.verdict.record import Aborted, RunRecord
from loadtest_operator.verdict.validity import Validity

MAX_ENDPOINTS = 20
MAX_ERRORS = 5
TARGET_DOWN = "TargetDown"
_SUMMARY = (Metric.ERROR_RATE, Metric.RPS, Metric.P50, Metric.P95, Metric.P99, Metric.MAX)
_SHARES = frozenset({Metric.ERROR_RATE, Metric.DRIFT})
_PER_ENDPOINT = (Metric.ERROR_RATE, Metric.RPS, Metric.P50, Metric.P95, Metric.P99)
_VERDICTS = {
    ThresholdResult.PASSED: Verdict.PASSED,
    ThresholdResult.WARNING: Verdict.WARNING,
    ThresholdResult.UNKNOWN: Verdict.INCONCLUSIVE,
    ThresholdResult.FAILED: Verdict.FAILED,
}
_DECIDING = {
    Verdict.FAILED: ThresholdResult.FAILED,
    Verdict.WARNING: ThresholdResult.WARNING,
    Verdict.INCONCLUSIVE: ThresholdResult.UNKNOWN,
}
_COUNTED = {
    ThresholdResult.FAILED: "failed",
    ThresholdResult.WARNING: "crossed the warning limit",
    ThresholdResult.UNKNOWN: "had no data",
}

Fields: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the status says about the results: one sentence, and the parts under the names that they have there."""

    verdict: Verdict
    message: str
    summary: Fields
    endpoints: Sequence[Fields]
    errors: Sequence[Fields]
    thresholds: Sequence[Fields]
    validity: Fields
    comparison: Fields | None = None
    """None: nothing was compared."""
    change: float | None = None
    """The worst change of a latency against the baseline, as a fraction."""


def judge(spec: LoadTestSpec, record: RunRecord, *, validity: Validity, compared: Compared | None = None) -> Judgement:
    numbers = summarise(record)
    checked = [
        _with_abort(one, record.aborted) for one in limits.evaluate(spec.thresholds or (), numbers, record.queries)
    ]
    aborted = [Verdict.FAILED] if record.aborted else []
    valid = Verdict.PASSED if validity.valid else Verdict.INVALID
    baseline = [compared.verdict] if compared else []
    verdict = worst([valid, *aborted, *baseline, *(_VERDICTS[one.result] for one in checked)])
    return Judgement(
        verdict=verdict,
        message=cut(_message(verdict, validity, checked, compared, numbers.total, record), MESSAGE_MAX),
        summary=_figures(numbers.total, _SUMMARY),
        endpoints=[
            {"name": cut(" ".join(key).strip()), **_figures(figures, _PER_ENDPOINT)}
            for key, figures in _chosen(numbers)
        ],
        errors=_errors(record),
        thresholds=[_threshold(one) for one in checked],
        validity=_validity(validity),
        comparison=compared.status() if compared else None,
        change=compared.worst_change if compared else None,
    )


def _figures(figures: Figures, metrics: Iterable[Metric]) -> dict[str, Any]:
    found = {str(metric): _shown(metric, figures.value(metric)) for metric in metrics}
    counts = {"requests": figures.requests, "failures": figures.failures}
    return counts | {key: text for key, text in found.items() if text is not None}


def _chosen(numbers: Numbers) -> list[tuple[tuple[str, str], Figures]]:
    """The worst ten (by errors, then p95) and the busiest others, busiest first."""
    everything = list(numbers.endpoints.items())
    by_trouble = sorted(everything, key=lambda one: (-(one[1].error_rate or 0), -(one[1].value(Metric.P95) or 0)))
    by_traffic = sorted(everything, key=lambda one: (-one[1].requests, one[0]))
    worst_keys = [key for key, _ in by_trouble[: MAX_ENDPOINTS // 2]]
    others = [key for key, _ in by_traffic if key not in worst_keys]
    chosen = {*worst_keys, *others[: MAX_ENDPOINTS - len(worst_keys)]}
    return [one for one in by_traffic if one[0] in chosen]


def _errors(record: RunRecord) -> list[dict[str, Any]]:
    """The most frequent failures of the whole run, warm-up included: they say what went wrong, not how often it may."""
    failures = [(endpoint.label, failure) for endpoint in record.endpoints for failure in endpoint.failures]
    failures.sort(key=lambda one: (-one[1].n, one[0], one[1].kind))
    return [
        {"kind": cut(failure.kind), "endpoint": cut(label), "count": failure.n}
        | {key: _moment(at) for key, at in (("first", failure.first), ("last", failure.last)) if at is not None}
        for label, failure in failures[:MAX_ERRORS]
    ]


def _threshold(checked: Checked) -> dict[str, Any]:
    threshold = checked.threshold
    texts = {"value": _shown(threshold.metric, checked.value), "warn": threshold.warn, "fail": threshold.fail}
    known = {key: text for key, text in texts.items() if text is not None}
    return {"name": cut(threshold.title), **known, "result": str(checked.result)}


def _validity(validity: Validity) -> dict[str, Any]:
    texts = {
        "generatorCPU": None if validity.generator_cpu is None else quantities.share(validity.generator_cpu),
        "lagP99": None if validity.lag_p99_s is None else quantities.latency(validity.lag_p99_s),
        "achieved": None if validity.achieved is None else quantities.share(validity.achieved),
        "paced": None if validity.paced is None else quantities.share(validity.paced),
    }
    reasons = [cut(str(doubt)) for doubt in validity.doubts]
    head: dict[str, Any] = {"valid": validity.valid, "reasons": reasons, "workersLost": validity.workers_lost}
    texts["loss"] = cut(validity.loss) if validity.loss else None
    return head | {key: text for key, text in texts.items() if text is not None}


def _moment(seconds: float) -> str:
    return quantities.timestamp(datetime.fromtimestamp(seconds, UTC))


def _shown(metric: Metric | None, value: float | None) -> str | None:
    """A figure for display, three digits and a unit."""
    if value is None:
        return None
    if metric is None:
        return quantities.number(value)
    if metric is Metric.RPS:
        return quantities.rate(value)
    return quantities.share(value) if metric in _SHARES else quantities.latency(value)


def _message(
    verdict: Verdict,
    validity: Validity,
    checked: Sequence[Checked],
    compared: Compared | None,
    total: Figures,
    record: RunRecord,
) -> str:
    """Why the verdict is what it is, in one sentence that says what to do or look at."""
    if verdict is Verdict.INVALID:
        return "; also ".join(doubt.says for doubt in validity.doubts[:2])
    why = _stopped(record) or _why(verdict, checked, compared, total)
    return f"{why}; {validity.loss}" if validity.loss else why


def _with_abort(checked: Checked, aborted: Aborted | None) -> Checked:
    """The limit that ended the run is crossed, whatever the judged windows alone would say."""
    threshold = checked.threshold
    if aborted is None or threshold.abort is None or (aborted.reason, aborted.name) != ("Aborted", threshold.title):
        return checked
    return replace(checked, value=aborted.value, result=ThresholdResult.FAILED, why_unknown="")


def _stopped(record: RunRecord) -> str:
    if record.aborted is None:
        return ""
    after = quantities.duration(timedelta(seconds=round(record.duration_s)))
    if record.aborted.reason == TARGET_DOWN:
        return f"the target is down: {record.aborted.says}; the load was stopped after {after}"
    return f"{record.aborted.says}; its abort rule stopped the load after {after}"


def _why(verdict: Verdict, checked: Sequence[Checked], compared: Compared | None, total: Figures) -> str:
    deciding = _DECIDING.get(verdict)
    found = sorted((one for one in checked if one.result is deciding), key=_how_far, reverse=True) if deciding else []
    # What the comparison says is always worth reading: it comes after the limits, unless it alone decided.
    baseline = [compared.message] if compared else []
    if found:
        crossed = f"{_crossed(found[0])}; {len(found)} of {_thresholds(len(checked))} {_COUNTED[found[0].result]}"
        return "; ".join([crossed, *baseline])
    if compared is not None and verdict is not Verdict.PASSED:
        return compared.message
    return "; ".join([_all_well(checked, total), *baseline])


def _all_well(checked: Sequence[Checked], total: Figures) -> str:
    figures = f"p95 {_shown(Metric.P95, total.value(Metric.P95)) or 'unknown'}"
    figures += f", errors {_shown(Metric.ERROR_RATE, total.error_rate)}, {_shown(Metric.RPS, total.rps)}"
    if not checked:
        return f"{figures}; spec.thresholds sets no limit"
    return f"{figures}; {len(checked)} of {_thresholds(len(checked))} passed"


def _thresholds(count: int) -> str:
    return "1 threshold" if count == 1 else f"{count} thresholds"


def _crossed(checked: Checked) -> str:
    threshold = checked.threshold
    if checked.value is None:
        return f"{_subject(threshold)} is unknown: {checked.why_unknown}"
    failed = checked.result is ThresholdResult.FAILED
    limit = threshold.fail if failed else threshold.warn
    side = "below" if threshold.lower_is_worse else "over"
    kind = "limit" if failed else "warning limit"
    return f"{_subject(threshold)} is {_value(checked)}, {side} its {kind} of {limit}"


def _subject(threshold: Threshold) -> str:
    """`p95 of POST /orders`, with the threshold's own name in front when it has one."""
    of = f" of {cut(threshold.endpoint)}" if threshold.endpoint else ""
    described = f"{threshold.metric}{of}" if threshold.metric else "its query"
    return f"{threshold.name} ({described})" if threshold.name else described


def _value(checked: Checked) -> str:
    """With more digits where three would read the same as the limit that was crossed."""
    metric, value = checked.threshold.metric, checked.value or 0.0
    text = _shown(metric, value) or ""
    if checked.limit is None or text != _shown(metric, checked.limit):
        return text
    if metric is None or metric is Metric.RPS:
        return f"{value:.9g}" + ("/s" if metric else "")
    return f"{value * 100:.9g}%" if metric in _SHARES else quantities.duration(timedelta(seconds=value))


def _how_far(checked: Checked) -> float:
    """How far beyond the limit, as a ratio; the worst is told first."""
    if checked.value is None or checked.limit is None:
        return 0.0
    value, limit = checked.value, checked.limit
    if checked.threshold.lower_is_worse:
        value, limit = limit, value
    return value / limit if limit > 0 else float("inf")
