"""Whether a run's numbers describe the target, or the load generator. Judged before anything else is."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import Reason
from loadtest_operator.verdict import pacing, reached
from loadtest_operator.verdict.numbers import Judged, judged
from loadtest_operator.verdict.reached import MIN_ACHIEVED, Doubt, Expected
from loadtest_operator.verdict.record import Environment, RunRecord, RunWindow

__all__ = ["MAX_CPU", "MAX_LAG_S", "MAX_THROTTLED", "Doubt", "Expected", "Validity", "assess", "enough", "marked"]

# A p95 is made by the slowest twentieth of the requests: when the generator was at its limit in twice that share of the
# windows, its own delays may well be what the p95 shows. So the 90th percentile over windows decides.
BUSY_SHARE = 0.9
MAX_CPU = 0.9
# Below it, a moment with more work than the average still finds CPU.
COMFORTABLE_CPU = 2 / 3
# Every request that is under way waits as long as the event loop does.
MAX_LAG_S = 0.25
# A worker that is not let run for a tenth of the time holds up a tenth of its requests: twice what a p95 is made of.
MAX_THROTTLED = 0.1
# Requests that the generator could not send count as errors of the target otherwise.
MAX_OWN_FAULTS = 0.001
OWN_FAULT = "generator: "


@dataclass(frozen=True, slots=True)
class Validity:
    """The doubts, worst first, and the measurements that they rest on (None: not measured)."""

    doubts: tuple[Doubt, ...] = ()
    generator_cpu: float | None = None
    lag_p99_s: float | None = None
    workers_lost: int = 0
    achieved: float | None = None
    paced: float | None = None
    """The share of the iterations that the script's pacing asks for and that were made."""
    degraded: tuple[int, ...] = ()
    """The judged windows in which users or workers were missing."""
    loss: str = ""
    """What was lost with workers, as a sentence; empty when none was."""

    @property
    def valid(self) -> bool:
        return not self.doubts

    @property
    def environment(self) -> Environment:
        """As the run record keeps it."""
        return Environment(self.valid, tuple(str(doubt) for doubt in self.doubts))


def assess(record: RunRecord, expected: Expected) -> Validity:
    part = judged(record)
    known = {one.w: one for one in record.run_windows if one.w in part}
    # A window that nobody reported had no users, as far as anybody knows.
    windows = [known.get(w, RunWindow(w, 0, 0)) for w in range(part.first, part.end)] if known else []
    cpu = [one.cpu for one in windows if one.cpu is not None]
    lag = [one.lag for one in windows if one.lag is not None]
    achieved = reached.achieved(windows, expected, record.window_s)
    paced = pacing.together(windows)
    lost = max([expected.workers_lost, *(expected.missing(one) for one in windows)])
    throttled = [one.throttled for one in windows if one.throttled is not None]
    saturated = _saturated(Load(cpu, lag, throttled), expected.workers)
    doubts = [*_no_data(record, part), *_lost(achieved, lost, record, expected), *saturated, *_own_faults(record)]
    doubts += reached.too_late(paced, expected.users)
    if record.aborted is not None:  # that it is short is what the limit wanted
        doubts = [one for one in doubts if one.reason not in {Reason.NO_DATA, Reason.LOAD_NOT_REACHED}]
    degraded = tuple(one.w for one in windows if reached.degraded(one, expected, record.window_s))
    return Validity(
        doubts=tuple(doubts),
        generator_cpu=_percentile(cpu, BUSY_SHARE),
        lag_p99_s=_percentile(lag, 0.99),
        workers_lost=lost,
        achieved=achieved,
        paced=None if paced is None else paced.made,
        degraded=degraded,
        loss=_loss(lost, achieved, len(degraded), len(windows), expected),
    )


def marked(record: RunRecord, validity: Validity) -> RunRecord:
    """The record with its degraded windows marked, for whoever reads it later."""
    which = set(validity.degraded)
    windows = tuple(one._replace(degraded=one.w in which or None) for one in record.run_windows)
    return replace(record, run_windows=windows)


def _loss(lost: int, achieved: float | None, degraded: int, of: int, expected: Expected) -> str:
    if not lost:
        return ""
    who = "1 worker was" if lost == 1 else f"{lost} workers were"
    if achieved is None:
        return f"{who} lost"
    share, allowed = quantities.share(max(0.0, 1 - achieved)), quantities.share(expected.tolerate_loss)
    return f"{who} lost: {share} of the load in {degraded} of {of} windows; runners.tolerateLoss allows {allowed}"


def _no_data(record: RunRecord, part: Judged) -> Iterator[Doubt]:
    if not part:
        left = f"the warm-up of {record.warmup_s:g} s leaves nothing of the {record.duration_s:g} s of load to judge"
        yield Doubt(Reason.NO_DATA, f"{left}; shorten load.warmup or run for longer")
    elif not any(cell.n for endpoint in record.endpoints for cell in endpoint.cells if cell.w in part):
        yield Doubt(Reason.NO_DATA, "no request was made after warm-up; see whether the scenario's users send any")


def _lost(achieved: float | None, lost: int, record: RunRecord, expected: Expected) -> Iterator[Doubt]:
    if achieved is None:
        return
    share = quantities.share(achieved)
    if lost and achieved < 1 - expected.tolerate_loss:
        gone = f"{lost} of {expected.workers} workers were lost and only {share} of the load was made"
        allowed = f"runners.tolerateLoss allows {quantities.share(expected.tolerate_loss)} to be missing"
        yield Doubt(Reason.WORKERS_LOST, f"{gone}; {allowed}: see why the pods went, then run again")
    elif not lost and achieved < MIN_ACHIEVED:
        yield reached.too_few(achieved, record.run_windows, expected, record.window_s)


@dataclass(frozen=True, slots=True)
class Load:
    """On the generator, window by window where it was measured."""

    cpu: Sequence[float]
    lag: Sequence[float]
    throttled: Sequence[float]


def _saturated(load: Load, workers: int) -> Iterator[Doubt]:
    advice = "the latencies are partly the generator's own: add workers (runners.workers) or CPU (runners.resources)"
    if busy := _over(load.cpu, MAX_CPU):
        says = f"a worker's CPU was above {quantities.share(MAX_CPU)} in {busy} of the windows"
        most = _percentile(load.cpu, BUSY_SHARE) or 0.0
        yield Doubt(Reason.GENERATOR_SATURATED, f"{says}; {advice}; {enough(most, workers)}")
    elif held := _over(load.throttled, MAX_THROTTLED):
        says = f"its CPU limit stopped a worker for more than {quantities.share(MAX_THROTTLED)} of the time"
        yield Doubt(Reason.GENERATOR_SATURATED, f"{says} in {held} of the windows; {advice}")
    elif late := _over(load.lag, MAX_LAG_S):
        says = f"a worker's event loop was more than {quantities.latency(MAX_LAG_S)} late in {late} of the windows"
        yield Doubt(Reason.GENERATOR_SATURATED, f"{says}; {advice}")


def _over(values: Sequence[float], limit: float) -> str:
    """In how many of the windows, when it is in too many; else empty."""
    if (_percentile(values, BUSY_SHARE) or 0.0) <= limit:
        return ""
    return quantities.share(sum(one > limit for one in values) / len(values))


def _own_faults(record: RunRecord) -> Iterator[Doubt]:
    """Requests that never left: their reasons are named by the agent."""
    kinds: Counter[str] = Counter()
    for endpoint in record.endpoints:
        kinds.update({one.kind: one.n for one in endpoint.failures if one.kind.startswith(OWN_FAULT)})
    asked = sum(cell.n for endpoint in record.endpoints for cell in endpoint.cells)
    if not kinds or kinds.total() <= MAX_OWN_FAULTS * asked:
        return
    [(kind, _)] = kinds.most_common(1)
    share = quantities.share(kinds.total() / asked) if asked else "all"
    says = f"{share} of the requests ({kinds.total()}) failed in the load generator: {kind.removeprefix(OWN_FAULT)}"
    advice = "add workers (runners.workers), or let users keep their connections"
    yield Doubt(Reason.GENERATOR_SATURATED, f"{says}; {advice}")


def enough(cpu: float, workers: int) -> str:
    """How many workers would do for the load that was made: each is to use two thirds of its CPU, at most.

    A worker at its limit might have made more if it could, so it is the least number.
    """
    return f"{max(workers + 1, math.ceil(workers * cpu / COMFORTABLE_CPU))} workers or more would do for this load"


def _percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else None
