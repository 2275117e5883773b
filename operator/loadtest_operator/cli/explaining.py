"""A LoadTest in plain words: what is tested, with what, for how long, and what will count as good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from loadtest_operator.model import defaults, quantities, resources
from loadtest_operator.model.phases import Reduce
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.thresholds import Threshold

SECOND = timedelta(seconds=1)


def text(name: str, spec: LoadTestSpec) -> str:
    lines = [f"LoadTest {name}", ""]
    width = max(len(label) for label, _ in facts(spec))
    last = ""
    for label, value in facts(spec):
        lines.append(f"  {label if label != last else '':<{width}}  {value}")
        last = label
    lines += ["", "(*) a default; -o yaml shows the whole effective spec"]
    return "\n".join(lines) + "\n"


def facts(spec: LoadTestSpec) -> Iterator[tuple[str, str]]:
    yield "target", spec.target.url + (f", version {spec.target.version}" if spec.target.version else "")
    yield "first", _preflight(spec)
    yield "scenario", _scenario(spec)
    yield "load", _load(spec)
    yield "judged", _judged(spec)
    yield "windows", _windows(spec)
    yield from _pods(spec)
    for threshold in spec.thresholds or ():
        yield "thresholds", _threshold(threshold)
    if not spec.thresholds:
        yield "thresholds", "none: only a broken or invalid run closes the gate"
    yield "gate", _gate(spec)
    at_most = defaults.deadline(spec)
    yield "takes", f"about {_about(spec)}, never more than {quantities.duration(at_most)}{_star(spec.deadline)}"


def _preflight(spec: LoadTestSpec) -> str:
    health = defaults.health(spec)
    wanted = (
        "any status below 500" if not health.expect else "status " + " or ".join(str(each) for each in health.expect)
    )
    timeout = quantities.duration(health.timeout or defaults.HEALTH_TIMEOUT)
    given = spec.target.health
    return f"GET {health.path} until {wanted}, for up to {timeout}{_star(given)}"


def _scenario(spec: LoadTestSpec) -> str:
    scenario = spec.scenario
    if scenario.http is not None:
        users = scenario.http.users or ()
        requests = sum(len(user.requests or user.sequence or ()) for user in users) or len(scenario.http.requests or ())
        low, high = defaults.think_time(spec)
        pause = quantities.duration(low) + (f" to {quantities.duration(high)}" if high != low else "")
        kinds = f", {len(users)} kinds of users" if len(users) > 1 else ""
        star = _star(scenario.http.think_time)
        return f"http: {_count(requests, 'request')}{kinds}, think time {pause}{star}"
    if scenario.locust is not None:
        source = scenario.locust.config_map
        return "locust: " + ("the locustfile in this file" if source is None else f"from ConfigMap {source.name}")
    return "k6"


def _load(spec: LoadTestSpec) -> str:
    load = spec.load
    given = load.ramp if load.ramp is not None else load.spawn_rate
    ramp = quantities.duration(_short(defaults.ramp(spec)))
    rate = quantities.rate(defaults.spawn_rate(spec))
    whole = quantities.duration(defaults.duration(spec))
    return f"{_count(defaults.most_users(spec), 'user')} for {whole}, all there after {ramp} ({rate}){_star(given)}"


def _judged(spec: LoadTestSpec) -> str:
    warmup, whole = defaults.warmup(spec), defaults.duration(spec)
    left = quantities.duration(_short(whole - warmup))
    star = _star(spec.load.warmup)
    return f"the last {left}; the first {quantities.duration(_short(warmup))} are warm-up{star}"


def _windows(spec: LoadTestSpec) -> str:
    length = defaults.window_seconds(spec)
    return f"{int(defaults.duration(spec) / SECOND) // length} of {length}s"


def _pods(spec: LoadTestSpec) -> Iterator[tuple[str, str]]:
    given = spec.runners
    workers = defaults.workers(spec)
    star = _star(given.workers if given else None)
    yield "pods", f"{_count(workers, 'worker')}{star}, {_resources(resources.of_worker(spec))}"
    yield "pods", f"1 master, {_resources(resources.of_master(spec))}"


def _resources(resources: dict[str, dict[str, str]]) -> str:
    parts = [
        f"{kind} " + ", ".join(f"{name} {value}" for name, value in resources[kind].items())
        for kind in ("requests", "limits")
        if resources.get(kind)
    ]
    if len(parts) == 2 and resources["requests"] == resources["limits"]:
        return "each with " + parts[1].removeprefix("limits ")
    return "; ".join(parts)


def _threshold(threshold: Threshold) -> str:
    side = "below" if threshold.lower_is_worse else "above"
    limits = [
        f"{verdict} {side} {limit}"
        for verdict, limit in (("Warning", threshold.warn), ("Failed", threshold.fail))
        if limit is not None
    ]
    asked = f" ({threshold.reduce or Reduce.AVG} of {threshold.promql})" if threshold.promql else ""
    return f"{threshold.title}{asked}: {', '.join(limits)}"


def _gate(spec: LoadTestSpec) -> str:
    given = spec.gate.fail_on if spec.gate else None
    closing = [*(verdict.value for verdict in defaults.fail_on(spec)), "Error"]
    return f"closed by {', '.join(closing)}{_star(given)}"


def _about(spec: LoadTestSpec) -> str:
    # A few seconds to start, a few to collect.
    return quantities.duration(_short(defaults.duration(spec) + timedelta(seconds=10)))


def _short(value: timedelta) -> timedelta:
    """Without fractions that nobody reads."""
    return timedelta(seconds=round(value / SECOND)) if value > 10 * SECOND else value


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _star(given: object) -> str:
    return "" if given is not None else " (*)"
