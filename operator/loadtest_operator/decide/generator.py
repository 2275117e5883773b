"""Whether the load generator keeps up while load is on; the verdict asks again, over all judged windows."""

from collections.abc import Mapping
from typing import Any

from loadtest_operator.decide import measured
from loadtest_operator.decide.observed import Observed
from loadtest_operator.decide.status import Fact
from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.verdict.pacing import MIN_MADE, Paced
from loadtest_operator.verdict.reached import MIN_ACHIEVED
from loadtest_operator.verdict.validity import MAX_CPU, MAX_LAG_S, MAX_THROTTLED

# Workers tell how many users they have every 3 s; the rest is for the way.
_TOLD_LATE_S = 4.0
_POWER = "add workers (runners.workers) or CPU (runners.resources)"


def fact(seen: Observed) -> Fact | None:
    """From the newest seconds; None while nothing is measured."""
    recent = seen.agent.state.get("recent") or {}
    if not recent.get("requests") or recent.get("cpu") is None or recent.get("lag") is None:
        return None
    if saturated := _saturated(recent):
        return _unhealthy(Reason.GENERATOR_SATURATED, f"{saturated}; {_POWER}")
    if behind := _behind(seen):
        return _unhealthy(Reason.LOAD_NOT_REACHED, f"{behind}: let them come slower (load.ramp), or {_POWER}")
    if late := _late(recent):
        advice = "give more users (load.users) a longer pacing"
        return _unhealthy(Reason.LOAD_NOT_REACHED, f"{late}: {advice}")
    return Fact(ConditionType.GENERATOR_HEALTHY, True, Reason.GENERATOR_HEALTHY, Reason.GENERATOR_HEALTHY.says)


def _unhealthy(reason: Reason, says: str) -> Fact:
    return Fact(ConditionType.GENERATOR_HEALTHY, False, reason, says)


def _saturated(recent: Mapping[str, Any]) -> str:
    cpu, lag, throttled = (float(recent.get(key) or 0) for key in ("cpu", "lag", "throttled"))
    if cpu > MAX_CPU:
        return f"a worker uses {quantities.share(cpu)} of its CPU"
    if throttled > MAX_THROTTLED:
        return f"its CPU limit stopped a worker for {quantities.share(throttled)} of the time"
    return f"a worker's event loop was {quantities.latency(lag)} late" if lag > MAX_LAG_S else ""


def _behind(seen: Observed) -> str:
    """Fewer users than the ramp asks for, though all workers are there; condition WorkersConnected says when not."""
    state = seen.agent.state
    workers, users = state.get("workers") or {}, state.get("users") or {}
    now, begun = state.get("now"), state.get("startedAt")
    if seen.frozen is None or not (now and begun) or workers.get("connected") != workers.get("expected"):
        return ""
    expected = measured.expected(seen.frozen.test.spec, workers_lost=0)
    running, wanted = int(users.get("running", 0)), expected.users_at(float(now) - float(begun) - _TOLD_LATE_S)
    return f"{running} users are there, and {int(wanted)} should be" if running < MIN_ACHIEVED * wanted else ""


def _late(recent: Mapping[str, Any]) -> str:
    told = recent.get("pacing") or {}
    late = {int(bucket): int(n) for bucket, n in (told.get("late") or {}).items()}
    paced = Paced(int(told.get("n", 0)), float(told.get("missed", 0)), late)
    if not paced.n or paced.made >= MIN_MADE:
        return ""
    share, made = quantities.share(paced.share_late), quantities.share(paced.made)
    return f"{share} of the iterations that have a pacing begin late, and only {made} of those asked for are made"
