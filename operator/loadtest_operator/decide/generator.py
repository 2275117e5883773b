"""Whether the load generator keeps up while load is on; the verdict asks again, over all judged windows."""

from loadtest_operator.decide.observed import Observed
from loadtest_operator.decide.status import Fact
from loadtest_operator.model import quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.verdict.validity import MAX_CPU, MAX_LAG_S, MAX_THROTTLED


def fact(seen: Observed) -> Fact | None:
    """From the newest seconds; None while nothing is measured."""
    recent = seen.agent.state.get("recent") or {}
    cpu, lag = recent.get("cpu"), recent.get("lag")
    if not recent.get("requests") or cpu is None or lag is None:
        return None
    if float(cpu) > MAX_CPU:
        says = f"a worker uses {quantities.share(float(cpu))} of its CPU"
    elif float(recent.get("throttled") or 0) > MAX_THROTTLED:
        says = f"its CPU limit stopped a worker for {quantities.share(float(recent['throttled']))} of the time"
    elif float(lag) > MAX_LAG_S:
        says = f"a worker's event loop was {quantities.latency(float(lag))} late"
    else:
        return Fact(ConditionType.GENERATOR_HEALTHY, True, Reason.GENERATOR_HEALTHY, Reason.GENERATOR_HEALTHY.says)
    advice = "add workers (runners.workers) or CPU (runners.resources)"
    return Fact(ConditionType.GENERATOR_HEALTHY, False, Reason.GENERATOR_SATURATED, f"{says}; {advice}")
