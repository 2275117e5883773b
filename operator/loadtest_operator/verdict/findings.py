"""From many small results to what a person reads: the result of the run, its findings, and one sentence."""

import math
from collections.abc import Iterator, Sequence

from loadtest_operator.model import quantities
from loadtest_operator.model.phases import ComparisonResult, Metric
from loadtest_operator.verdict.comparison import Change, Compared, Comparison, Finding, Rules
from loadtest_operator.verdict.moderated import Shift

_CONFIDENCE = 0.95
_GATING = (Metric.P50, Metric.P95)
_SEVERITY = (
    ComparisonResult.REGRESSED,
    ComparisonResult.WARNING,
    ComparisonResult.INCONCLUSIVE,
    ComparisonResult.IMPROVED,
    ComparisonResult.PASSED,
    ComparisonResult.COLLECTING_BASELINE,
)
_MAX_NAMED = 3


def conclude(
    *,
    total: Compared,
    endpoints: Sequence[Compared],
    shared: Shift | None,
    shared_level: float,
    appeared: Sequence[str],
    vanished: Sequence[str],
    rules: Rules,
    runs: int,
    new_runs: int,
) -> Comparison:
    lasting = [total, *(one for one in endpoints if one.critical)]
    result = _result(lasting, endpoints, vanished, rules, runs)
    found = _findings(lasting, endpoints, result, _moved(shared, shared_level, rules))
    detectable = [one.detectable for each in lasting for one in each.changes if one.detectable is not None]
    return Comparison(
        result=result,
        runs=runs,
        needed=rules.min_runs,
        new_runs=new_runs,
        message=_message(result, found, lasting, rules, runs, appeared, vanished),
        detectable=max(detectable, default=None),
        total=total,
        endpoints=tuple(endpoints),
        findings=tuple(found),
        shared=_shown(shared),
        appeared=tuple(appeared),
        vanished=tuple(vanished),
        open=_open(result, [total, *endpoints]),
    )


def _result(
    lasting: Sequence[Compared], endpoints: Sequence[Compared], vanished: Sequence[str], rules: Rules, runs: int
) -> ComparisonResult:
    total, *critical = lasting
    if runs < max(1, rules.min_runs) or total.result is ComparisonResult.COLLECTING_BASELINE:
        return ComparisonResult.COLLECTING_BASELINE
    results = {one.result for one in endpoints}
    for alarm in (ComparisonResult.REGRESSED, ComparisonResult.WARNING):
        if alarm in results:
            return alarm
    # The total is no gate. But when it moved and no endpoint tells why, nobody can say that nothing happened.
    unsettled = {ComparisonResult.INCONCLUSIVE, ComparisonResult.REGRESSED, ComparisonResult.WARNING}
    gone = any(one.label in vanished for one in critical)
    if gone or total.result in unsettled or any(one.result is ComparisonResult.INCONCLUSIVE for one in critical):
        return ComparisonResult.INCONCLUSIVE
    return ComparisonResult.IMPROVED if ComparisonResult.IMPROVED in results else ComparisonResult.PASSED


def _open(result: ComparisonResult, subjects: Sequence[Compared]) -> bool:
    """While anything that was measured is unsettled, one more run could change the answer; an alarm is an answer."""
    if result in {ComparisonResult.REGRESSED, ComparisonResult.WARNING, ComparisonResult.COLLECTING_BASELINE}:
        return False
    changes = (change for one in subjects for change in one.changes if change.metric in _GATING)
    return any(change.result is ComparisonResult.INCONCLUSIVE for change in changes)


def _findings(
    lasting: Sequence[Compared], endpoints: Sequence[Compared], result: ComparisonResult, moved: int
) -> list[Finding]:
    pairs = [(one, change) for one in endpoints for change in one.changes if change.result is not None]
    latencies = [pair for pair in pairs if pair[1].metric in _GATING]
    slower = [pair for pair in latencies if pair[1].alarms]
    failing = [pair for pair in pairs if pair[1].metric is Metric.ERROR_RATE and pair[1].alarms]
    # What is slower in one metric is not praised for another, and fast failures are no improvement.
    better = [pair for pair in pairs if pair[1].result is pair[0].result is ComparisonResult.IMPROVED]
    faster = [pair for pair in better if pair[1].metric in _GATING]
    healthier = [pair for pair in better if pair[1].metric is Metric.ERROR_RATE]
    groups = [_group(slower, moved > 0), _group(failing, False), _group(faster, moved < 0), _group(healthier, False)]
    found = [group for group in groups if group is not None]
    found += _unsettled(lasting) if result is ComparisonResult.INCONCLUSIVE else []
    found = found or [_finding(one, change) for one, change in _widest(lasting[0])]
    return sorted(found, key=lambda one: _SEVERITY.index(one.result))


def _group(pairs: Sequence[tuple[Compared, Change]], global_shift: bool) -> Finding | None:
    """One finding for all, told by the most serious and then the largest change."""
    if not pairs:
        return None
    ordered = sorted(pairs, key=lambda one: (_SEVERITY.index(_judged(one[1])), -abs(one[1].change), one[0].label))
    labels = tuple(dict.fromkeys(one.label for one, _ in ordered))
    return _finding(*ordered[0], labels=labels, global_shift=global_shift and len(labels) > 1)


def _unsettled(lasting: Sequence[Compared]) -> Iterator[Finding]:
    """What keeps the run Inconclusive."""
    for one in lasting:
        if one.result is not ComparisonResult.IMPROVED and one.result is not ComparisonResult.PASSED:
            yield from (_finding(one, change) for _, change in _widest(one))


def _widest(one: Compared) -> list[tuple[Compared, Change]]:
    """The metric that says most about one subject: the least settled, then the slowest."""
    gating = [change for change in one.changes if change.metric in _GATING] or list(one.changes)
    ordered = sorted(gating, key=lambda change: (_SEVERITY.index(_judged(change)), -change.change))
    return [(one, change) for change in ordered[:1]]


def _finding(one: Compared, change: Change, labels: tuple[str, ...] = (), global_shift: bool = False) -> Finding:
    return Finding(
        endpoint=one.label,
        metric=change.metric,
        change=change.change,
        low=change.low,
        high=change.high,
        q=change.q,
        result=_judged(change),
        endpoints=labels or (one.label,),
        global_shift=global_shift,
    )


def _judged(change: Change) -> ComparisonResult:
    return change.result or ComparisonResult.COLLECTING_BASELINE


def _moved(shared: Shift | None, level: float, rules: Rules) -> int:
    """1 when what all endpoints share became slower, -1 when faster, 0 when it stayed."""
    least = math.log1p(rules.tolerance / 2)
    if shared is None or abs(shared.d) < least or min(shared.p_values) > level:
        return 0
    return 1 if shared.d > 0 else -1


def _shown(shared: Shift | None) -> Change | None:
    if shared is None:
        return None
    low, high = shared.within(_CONFIDENCE)
    return Change(Metric.P50, math.expm1(shared.d), math.expm1(low), math.expm1(high))


def _message(
    result: ComparisonResult,
    found: Sequence[Finding],
    lasting: Sequence[Compared],
    rules: Rules,
    runs: int,
    appeared: Sequence[str],
    vanished: Sequence[str],
) -> str:
    against = f"against {runs} run{'' if runs == 1 else 's'}"
    if result is ComparisonResult.COLLECTING_BASELINE:
        text = f"{runs} of {max(1, rules.min_runs)} comparable runs so far; nothing is judged yet"
    elif found:
        text = f"{_told(found[0])} {against}"
        text += f"; {_advice(lasting)}" if result is ComparisonResult.INCONCLUSIVE else _whether_global(found[0])
    else:
        text = f"nothing to compare {against}"
    text += f"; new: {_named(appeared)}" if appeared else ""
    return text + (f"; no longer requested: {_named(vanished)}" if vanished else "")


def _told(finding: Finding) -> str:
    others = len(finding.endpoints) - 1
    where = finding.endpoint + (f" and {others} more" if others else "")
    unit = "pp" if finding.metric is Metric.ERROR_RATE else "%"
    low, high = quantities.signed(finding.low), quantities.signed(finding.high)
    return f"{finding.metric} of {where} {quantities.signed(finding.change)} {unit} (95 % CI {low} to {high})"


def _whether_global(finding: Finding) -> str:
    if finding.result is ComparisonResult.PASSED:
        return ""
    return f"; global shift: {'yes' if finding.global_shift else 'no'}"


def _advice(lasting: Sequence[Compared]) -> str:
    """What would settle an open comparison, from the metric that needs most."""
    needs = [change.needs for one in lasting for change in one.changes if change.needs is not None]
    if not needs:
        return "no endpoint alone tells why"
    return str(max(needs, key=lambda one: (one.runs or 0, one.minutes or 0, one.baseline_runs or 0)))


def _named(labels: Sequence[str]) -> str:
    rest = len(labels) - _MAX_NAMED
    return ", ".join(labels[:_MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")
