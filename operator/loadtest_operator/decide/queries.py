"""Thresholds on a PromQL query: what is asked, over which time, and whether an abort rule on one is crossed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loadtest_operator.decide.observed import Observed, Plan
from loadtest_operator.model import quantities
from loadtest_operator.model.names import NAMESPACE_PLACEHOLDER
from loadtest_operator.model.phases import Phase
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.thresholds import Threshold
from loadtest_operator.verdict.aborted import Aborted
from loadtest_operator.verdict.numbers import judged
from loadtest_operator.verdict.queries import Answer, Sample
from loadtest_operator.verdict.record import RunRecord

# Enough to see a trend or a peak of some seconds; a record of fifty queries stays small.
STEPS = 120
ABORT_STEPS = 30
# In place of the environment's namespace, which no one knows before the run is admitted.
SOME_NAMESPACE = "some-namespace"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in seconds, as Unix counts them."""

    begin: float
    end: float
    steps: int

    @property
    def step(self) -> float:
        return max(0.001, (self.end - self.begin) / self.steps)


def of(spec: LoadTestSpec) -> tuple[Threshold, ...]:
    return tuple(one for one in spec.thresholds or () if one.promql is not None)


def expanded(promql: str, namespace: str) -> str:
    """`{namespace}` is the ephemeral environment's; a label's braces are never that word alone."""
    return promql.replace(NAMESPACE_PLACEHOLDER, namespace)


def judged_span(record: RunRecord) -> Span | None:
    """The judged part of the run; None: warm-up left nothing of it."""
    part = judged(record)
    if not part:
        return None
    begin = record.start.timestamp()
    steps = min(STEPS, max(1, math.floor(part.seconds)))
    return Span(begin + part.first * part.window_s, begin + part.end * part.window_s, steps)


def unanswered(spec: LoadTestSpec, record: RunRecord) -> list[str]:
    """What the record does not tell yet, each once."""
    known = {one.promql for one in record.queries if not one.problem}
    return list(dict.fromkeys(one.promql for one in of(spec) if one.promql and one.promql not in known))


def with_answers(spec: LoadTestSpec, record: RunRecord, new: Sequence[Answer]) -> RunRecord:
    """Those that thresholds ask for now; what nobody asks for any more is forgotten."""
    wanted = {one.promql for one in of(spec)}
    found = {one.promql: one for one in (*record.queries, *new) if one.promql in wanted}
    return replace(record, queries=tuple(found.values()))


def watched(spec: LoadTestSpec) -> tuple[Threshold, ...]:
    """The abort rules that only the operator can hold."""
    return tuple(one for one in of(spec) if one.abort is not None and one.fail_value is not None)


def abort_span(threshold: Threshold, now: float) -> Span:
    assert threshold.abort is not None
    lasting = threshold.abort.lasting.total_seconds()
    return Span(now - lasting, now, min(ABORT_STEPS, max(1, math.floor(lasting))))


def beside(seen: Observed, plan: Plan) -> Plan:
    """The load is stopped when a limit on a query was crossed for as long as its rule says."""
    if seen.phase is not Phase.RUNNING or seen.agent.phase != "Running" or plan.delete or plan.stop:
        return plan
    if seen.frozen is None or seen.stop_reason is not None:
        return plan
    for threshold in watched(seen.frozen.test.spec):
        found = _crossed(threshold, seen.watched.get(threshold.promql or "", ()))
        if found is not None:
            return replace(plan, abort=found)
    return plan


def _crossed(threshold: Threshold, samples: Sequence[Sample]) -> Aborted | None:
    """By every sample, at every step: what was not measured stops nothing."""
    limit, points = threshold.fail_value, abort_span(threshold, 0.0).steps + 1
    if limit is None or threshold.abort is None or len(samples) < points:
        return None
    if not all(value < limit if threshold.lower_is_worse else value > limit for _, value in samples):
        return None
    value = samples[-1][1]
    side = "below" if threshold.lower_is_worse else "over"
    lasting = quantities.duration(threshold.abort.lasting)
    says = f"{threshold.title} was {quantities.number(value)} over {lasting}, {side} its limit of {threshold.fail}"
    return Aborted("Aborted", threshold.title, value, says)


def since(seen: Observed, threshold: Threshold, now: datetime) -> Span | None:
    """What is to be asked for an abort rule now; None: the load is not on for so long yet."""
    begun = seen.agent.state.get("startedAt")
    span = abort_span(threshold, now.timestamp())
    return None if not begun or span.begin < float(begun) else span
