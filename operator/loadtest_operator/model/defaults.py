"""The values that hold where the spec says nothing. They live here and not in the CRDs, so that an upgrade that changes
one changes no stored object."""

import math
import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from loadtest_operator.model.phases import ConcurrencyPolicy, GatedVerdict, Keep, OnChange, RunOn
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.target import Health

_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)

HEALTH_TIMEOUT: Final = timedelta(minutes=5)
# Anything below 500 is healthy when target.health.expect is absent: a 404 comes from a server that is up.
HEALTHY_BELOW: Final = 500
START_TIMEOUT: Final = timedelta(minutes=3)
FAIL_ON: Final = (GatedVerdict.FAILED, GatedVerdict.REGRESSED, GatedVerdict.INVALID)
THINK_TIME: Final = (_SECOND, _SECOND)
REQUEST_TIMEOUT: Final = timedelta(seconds=30)
RETRIES: Final = 1
TOLERATE_LOSS: Final = 0.10
HOOK_TIMEOUT: Final = timedelta(minutes=5)
ENVIRONMENT_TIMEOUT: Final = timedelta(minutes=5)
STARTING_DEADLINE: Final = timedelta(minutes=30)
CONCURRENCY_POLICY: Final = ConcurrencyPolicy.QUEUE
TIME_ZONE: Final = "UTC"
KEEP_PASSED: Final = 3
KEEP_FAILED: Final = 5
QUEUE_TIMEOUT: Final = timedelta(hours=2)
KEEP_FOR: Final = _HOUR
FIND_HOLD: Final = _MINUTE
BASELINE_RUNS: Final = 10
BASELINE_MIN_RUNS: Final = 3
TOLERANCE: Final = 0.10
# A worker with one core keeps up with so many users, or so many requests per second.
USERS_PER_WORKER: Final = 250
RATE_PER_WORKER: Final = 500
# A run has at most so many windows: enough for a chart and for block bootstraps, small enough to keep for ever.
WINDOWS: Final = 360
# What collecting, judging and cleaning up may take beside the load itself.
SLACK: Final = timedelta(minutes=5)
# A search doubles its way up to the highest rate, then halves the gap so many times.
FIND_REFINEMENTS: Final = 5
_CLUSTER_TAILS: Final = (".svc.cluster.local", ".svc")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")  # a Service of the own namespace


def duration(spec: LoadTestSpec) -> timedelta:
    """How long the load runs, ramp included; for a search the longest that it can take."""
    load = spec.load
    if load.duration is not None:
        return load.duration
    if load.stages is not None:
        return sum(((stage.ramp or timedelta()) + stage.hold for stage in load.stages), timedelta())
    if load.find is not None:
        doublings = math.ceil(math.log2(max(load.find.rate.highest / load.find.rate.lowest, 1)))
        return (load.find.hold or FIND_HOLD) * (1 + doublings + FIND_REFINEMENTS)
    return _SECOND


def ramp(spec: LoadTestSpec) -> timedelta:
    """How long it takes until the whole load is there: a tenth of the duration, at most 1 min."""
    load = spec.load
    if load.ramp is not None:
        return load.ramp
    if load.spawn_rate is not None and load.users is not None:
        return timedelta(seconds=load.users / load.spawn_rate)
    if load.stages is not None:
        return load.stages[0].ramp or timedelta()
    if load.find is not None or load.from_script or load.manual:
        return timedelta()
    return min(duration(spec) / 10, _MINUTE)


def spawn_rate(spec: LoadTestSpec) -> float:
    """New users per second while the load ramps up; all at once is as many as there are, per second."""
    load = spec.load
    if load.spawn_rate is not None:
        return load.spawn_rate
    seconds = ramp(spec) / _SECOND
    return most_users(spec) / seconds if seconds else float(most_users(spec))


def warmup(spec: LoadTestSpec) -> timedelta:
    """The beginning that is not judged: ramp and max(30 s, 10 % of the duration), at most a third of the duration."""
    if spec.load.warmup is not None:
        return spec.load.warmup
    whole = duration(spec)
    return min(ramp(spec) + max(30 * _SECOND, whole / 10), whole / 3)


def most_users(spec: LoadTestSpec) -> int:
    """The largest number of users that the load can reach; for a rate, one for each iteration of a second."""
    load = spec.load
    if load.users is not None:
        return load.users
    if load.max_users is not None:
        return load.max_users
    return max([stage.users or 0 for stage in load.stages or ()] + [math.ceil(most_rate(spec)), 1])


def most_rate(spec: LoadTestSpec) -> float:
    """The highest rate of arrivals per second that the load asks for; 0 where it counts users."""
    load = spec.load
    rates = [load.rate or 0.0, *(stage.rate or 0.0 for stage in load.stages or ())]
    return max([*rates, load.find.rate.highest if load.find else 0.0])


def workers(spec: LoadTestSpec) -> int:
    """The number of worker pods: ceil(max(users/250, rate/500)), at least one."""
    if spec.runners is not None and spec.runners.workers is not None:
        return spec.runners.workers
    rate = most_rate(spec)
    users = 0 if rate else most_users(spec)
    return max(1, math.ceil(max(users / USERS_PER_WORKER, rate / RATE_PER_WORKER)))


def window_seconds(spec: LoadTestSpec) -> int:
    """The length of a window: whole seconds, so that a run has at most 360."""
    return math.ceil(max(1.0, duration(spec) / _SECOND / WINDOWS))


def health(spec: LoadTestSpec) -> Health:
    """How to see that the target is up: GET / below 500 within 5 min, where nothing else is said."""
    given = spec.target.health or Health()
    return given.model_copy(update={"path": given.path or "/", "timeout": given.timeout or HEALTH_TIMEOUT})


def start_timeout(spec: LoadTestSpec) -> timedelta:
    """How long the load pods may take until all workers are connected."""
    given = spec.runners.start_timeout if spec.runners else None
    return given or START_TIMEOUT


def retries(spec: LoadTestSpec) -> int:
    """How often a run starts anew after its master was lost."""
    given = spec.runners.retries if spec.runners else None
    return RETRIES if given is None else given


def tolerate_loss(spec: LoadTestSpec) -> float:
    """The share of the load that may be lost with workers before the run is Invalid."""
    given = spec.runners.tolerate_loss if spec.runners else None
    return TOLERATE_LOSS if given is None else given


def fail_on(spec: LoadTestSpec) -> tuple[GatedVerdict, ...]:
    """The verdicts that close the gate; Error always does."""
    given = spec.gate.fail_on if spec.gate else None
    return FAIL_ON if given is None else given


def run_on(spec: LoadTestSpec) -> RunOn:
    """What starts a run."""
    return spec.run_on or RunOn.CHANGE


def on_change(spec: LoadTestSpec) -> OnChange:
    """What a changed spec does to a running test."""
    return spec.on_change or OnChange.QUEUE


def suspend(spec: LoadTestSpec) -> bool:
    """Whether the test is held."""
    return bool(spec.suspend)


def keep_pods(spec: LoadTestSpec) -> Keep:
    """Whether load pods are kept after the run."""
    return (spec.retention.pods if spec.retention else None) or Keep.ON_FAILURE


def keep_pods_for(spec: LoadTestSpec) -> timedelta:
    """How long kept load pods stay."""
    return (spec.retention.pods_for if spec.retention else None) or KEEP_FOR


def queue_timeout(spec: LoadTestSpec) -> timedelta:
    """How long it may wait for its turn."""
    return (spec.queue.timeout if spec.queue else None) or QUEUE_TIMEOUT


def locks(spec: LoadTestSpec, namespace: str) -> tuple[str, ...]:
    """What nobody else may use at the same time: the target's host, if nothing else is said."""
    given = spec.queue.exclusive if spec.queue else None
    if given is not None:
        return tuple(dict.fromkeys(given))
    host = target_host(spec.target.url, namespace)
    return (host,) if host else ()


def target_host(url: str, namespace: str) -> str:
    """The host in one spelling, without the port: two ports of a Service are the same pods. None of an environment's
    own, which nobody else has."""
    if "{namespace}" in url:
        return ""
    host = (urlsplit(url).hostname or "").rstrip(".")
    for tail in _CLUSTER_TAILS:
        host = host.removesuffix(tail)
    return f"{host}.{namespace}" if host and _LABEL.fullmatch(host) and host != "localhost" else host


def think_time(spec: LoadTestSpec) -> tuple[timedelta, timedelta]:
    """The shortest and the longest wait between two requests of an http scenario."""
    given = spec.scenario.http.think_time if spec.scenario.http else None
    if given is None:
        return THINK_TIME
    bounds = [bound for bound in (given.min, given.max) if bound is not None]
    return (bounds[0], bounds[-1]) if bounds else THINK_TIME


def request_timeout(spec: LoadTestSpec) -> timedelta:
    """How long a request of an http scenario waits for its answer."""
    given = spec.scenario.http.timeout if spec.scenario.http else None
    return given or REQUEST_TIMEOUT


def deadline(spec: LoadTestSpec) -> timedelta:
    """How long everything may take from admission: environment, hooks, and every attempt with its start and its end."""
    if spec.deadline is not None:
        return spec.deadline
    attempts = 1 + retries(spec) + ((spec.baseline.confirm_runs if spec.baseline else None) or 0)
    attempt = start_timeout(spec) + (health(spec).timeout or timedelta()) + duration(spec) + SLACK
    return _environment_time(spec) + _hook_time(spec) + attempts * attempt


def environment_timeout(spec: LoadTestSpec) -> timedelta:
    """How long an environment's workloads may take to become available."""
    ready = spec.environment.ready if spec.environment else None
    return (ready.timeout if ready else None) or ENVIRONMENT_TIMEOUT


def _environment_time(spec: LoadTestSpec) -> timedelta:
    env = spec.environment
    if env is None:
        return timedelta()
    ready = environment_timeout(spec)
    provision = (env.provision.timeout or ENVIRONMENT_TIMEOUT) if env.provision else timedelta()
    return ready + provision


def _hook_time(spec: LoadTestSpec) -> timedelta:
    hooks = [spec.hooks.before, spec.hooks.after] if spec.hooks else []
    return sum((hook.timeout or HOOK_TIMEOUT for hook in hooks if hook is not None), timedelta())
