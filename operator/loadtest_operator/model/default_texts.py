"""What docs/reference.md says about the fields that have a default: the figures come from `defaults`."""

from collections.abc import Mapping
from typing import Final

from loadtest_operator.model import defaults
from loadtest_operator.model.quantities import duration, share

_POD: Final = "requests and limits: cpu 1, memory 512Mi"

# Path below spec of a LoadTest -> what holds when the field is absent.
LOADTEST: Final[Mapping[str, str]] = {
    "target.health": f"GET / answers below {defaults.HEALTHY_BELOW}",
    "target.health.path": "/",
    "target.health.expect": f"anything below {defaults.HEALTHY_BELOW}",
    "target.health.timeout": duration(defaults.HEALTH_TIMEOUT),
    "target.version": "label app.kubernetes.io/version of the workloads",
    "target.tls.insecure": "false",
    "scenario.locust.configMap.key": "locustfile.py, or the only key",
    "scenario.k6.configMap.key": "script.js, or the only key",
    "scenario.locust.userClasses": "all classes of the locustfile",
    "scenario.locust.userClasses[].weight": "1",
    "scenario.http.thinkTime": duration(defaults.THINK_TIME[0]),
    "scenario.http.thinkTime.min": "the same as max",
    "scenario.http.thinkTime.max": "the same as min",
    "scenario.http.timeout": duration(defaults.REQUEST_TIMEOUT),
    "scenario.http.requests[].name": "the path",
    "scenario.http.requests[].method": "GET",
    "scenario.http.requests[].weight": "1",
    "scenario.http.requests[].timeout": "scenario.http.timeout",
    "scenario.http.requests[].expect.status": "all below 400",
    "scenario.http.requests[].websocket.timeout": "scenario.http.timeout",
    "scenario.http.users[].weight": "1",
    "scenario.http.users[].data.mode": "random",
    "scenario.http.users[].data.onEnd": "recycle",
    "load.ramp": "a tenth of the duration, at most 1m",
    "load.warmup": "ramp + max(30s, 10 % of the duration), at most a third of the duration",
    "load.stages[].ramp": "0s",
    "load.find.hold": duration(defaults.FIND_HOLD),
    "load.fromScript": "false",
    "load.manual": "false",
    "runners.workers": f"ceil(max(users/{defaults.USERS_PER_WORKER}, rate/{defaults.RATE_PER_WORKER})), fixed for "
    "the series until the generator is saturated",
    "runners.image": "the image of the operator's settings",
    "runners.resources": _POD,
    "runners.master.resources": "requests: cpu 100m, memory 256Mi; limits: cpu 1, memory 512Mi",
    "runners.startTimeout": duration(defaults.START_TIMEOUT),
    "runners.tolerateLoss": share(defaults.TOLERATE_LOSS),
    "runners.retries": str(defaults.RETRIES),
    "hooks.before.timeout": duration(defaults.HOOK_TIMEOUT),
    "thresholds[].reduce": "avg",
    "thresholds[].worse": "higher",
    "thresholds[].endpoint": "all requests",
    "baseline.series": "kind/name, such as loadtest/checkout",
    "baseline.compareWith": "the own series",
    "baseline.runs": str(defaults.BASELINE_RUNS),
    "baseline.minRuns": str(defaults.BASELINE_MIN_RUNS),
    "baseline.tolerance": share(defaults.TOLERANCE),
    "baseline.endpoints[].tolerance": "baseline.tolerance",
    "baseline.endpoints[].critical": "false",
    "baseline.confirmRuns": "0",
    "gate.failOn": ", ".join(defaults.FAIL_ON),
    "environment.provision.timeout": duration(defaults.ENVIRONMENT_TIMEOUT),
    "environment.ready.timeout": duration(defaults.ENVIRONMENT_TIMEOUT),
    "environment.keep": "Never",
    "environment.keepFor": duration(defaults.KEEP_FOR),
    "queue.exclusive": "the host of target.url",
    "queue.priority": "0",
    "queue.timeout": duration(defaults.QUEUE_TIMEOUT),
    "retention.pods": "OnFailure",
    "retention.podsFor": duration(defaults.KEEP_FOR),
    "retention.deleteAfter": "never",
    "runOn": "Change",
    "onChange": "Queue",
    "deadline": "environment, hooks, and every attempt with its start, its load and 5m of slack",
    "suspend": "false",
}

# Path below spec of a LoadTestSchedule -> what holds when the field is absent.
SCHEDULE: Final[Mapping[str, str]] = {
    "timeZone": "UTC",
    "concurrencyPolicy": "Queue",
    "triggers[].namespace": "the schedule's own",
    "triggers[].settle": "0s",
    "startingDeadline": "30m",
    "suspend": "false",
    "history.passed": "3",
    "history.failed": "5",
}
