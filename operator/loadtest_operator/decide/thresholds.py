"""Absolute limits: each threshold against the figures of the run. Without data the answer is Unknown, never Passed."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest_operator.model.phases import Metric, Reduce, ThresholdResult
from loadtest_operator.model.thresholds import Threshold
from loadtest_operator.verdict.numbers import Figures, Numbers, pool
from loadtest_operator.verdict.queries import Answer, reduced

_WHOLE_RUN = frozenset(Metric) - {Metric.RECOVERY, Metric.DRIFT}


@dataclass(frozen=True, slots=True)
class Checked:
    """How one threshold came out. Value and limits are in base units: seconds, fraction, per second."""

    threshold: Threshold
    value: float | None
    result: ThresholdResult
    why_unknown: str = ""

    @property
    def limit(self) -> float | None:
        """The limit that was crossed; None when none was."""
        match self.result:
            case ThresholdResult.FAILED:
                return self.threshold.fail_value
            case ThresholdResult.WARNING:
                return self.threshold.warn_value
            case _:
                return None


def evaluate(thresholds: Sequence[Threshold], numbers: Numbers, answers: Sequence[Answer] = ()) -> list[Checked]:
    """In the order of the spec. Exactly at the limit is within it. `answers` are those to the thresholds' queries."""
    known = {one.promql: one for one in answers}
    return [_check(one, numbers) if one.promql is None else _queried(one, known.get(one.promql)) for one in thresholds]


def matching(endpoint: str, numbers: Numbers) -> list[Figures]:
    """The endpoints that a threshold's `endpoint` means, by name alone or with the method: `/orders`, `POST /orders`.

    One that is called exactly so comes first; else `*` stands for anything, slashes included, and all that fit are
    pooled: `p95 of /items/*` is the p95 of all requests to items, as if the script had given them one name.
    """
    names = {key: (key[1], f"{key[0]} {key[1]}".strip()) for key in numbers.endpoints}
    exact = [figures for key, figures in numbers.endpoints.items() if endpoint in names[key]]
    if exact or "*" not in endpoint:
        return exact
    # `?` and `[` belong to URLs and are no wildcards here.
    pattern = endpoint.replace("[", "[[]").replace("?", "[?]")
    return [
        figures
        for key, figures in numbers.endpoints.items()
        if any(fnmatch.fnmatchcase(name, pattern) for name in names[key])
    ]


def _check(threshold: Threshold, numbers: Numbers) -> Checked:
    metric = threshold.metric
    if metric not in _WHOLE_RUN or threshold.stage is not None or threshold.slice is not None:
        return Checked(threshold, None, ThresholdResult.UNKNOWN, "this version does not measure it")
    found = [numbers.total] if threshold.endpoint is None else matching(threshold.endpoint, numbers)
    if not any(figures.requests for figures in found):
        return Checked(threshold, None, ThresholdResult.UNKNOWN, "no request was made there after warm-up")
    value = pool(found, numbers.judged.seconds).value(metric)
    if value is None:
        return Checked(threshold, None, ThresholdResult.UNKNOWN, "no request succeeded")
    return Checked(threshold, value, _result(threshold, value))


def _queried(threshold: Threshold, answer: Answer | None) -> Checked:
    if answer is None or answer.problem:
        why = answer.problem if answer else "Prometheus was not asked"
        return Checked(threshold, None, ThresholdResult.UNKNOWN, why)
    value = reduced(answer.samples, threshold.reduce or Reduce.AVG)
    if value is not None:
        return Checked(threshold, value, _result(threshold, value))
    why = "Prometheus has no sample of it from the judged time"
    if answer.samples:
        why = "it begins at 0 or has too few samples, so nothing can be a share of it"
    return Checked(threshold, None, ThresholdResult.UNKNOWN, why)


def _result(threshold: Threshold, value: float) -> ThresholdResult:
    if _beyond(value, threshold.fail_value, lower_is_worse=threshold.lower_is_worse):
        return ThresholdResult.FAILED
    if _beyond(value, threshold.warn_value, lower_is_worse=threshold.lower_is_worse):
        return ThresholdResult.WARNING
    return ThresholdResult.PASSED


def _beyond(value: float, limit: float | None, *, lower_is_worse: bool) -> bool:
    return limit is not None and (value < limit if lower_is_worse else value > limit)
