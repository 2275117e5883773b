"""The limits that the agent holds by itself: thresholds with `abort`, and a target that is down."""

from typing import Any

from loadtest_operator.model.phases import Metric
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.thresholds import Threshold

# A target of which nine in ten requests fail for a minute is down: more load shows nothing and delays its return.
TARGET_DOWN = {
    "reason": "TargetDown",
    "name": "errorRate",
    "metric": str(Metric.ERROR_RATE),
    "limit": 0.9,
    "lowerIsWorse": False,
    "forSeconds": 60.0,
}


def rules(spec: LoadTestSpec) -> list[dict[str, Any]]:
    """In the order of the spec; those on a query are the operator's. Who limits the error rate of all requests with
    `abort` says what down means, and 100% means never."""
    wanted = [
        one for one in spec.thresholds or () if one.abort is not None and one.metric and one.fail_value is not None
    ]
    own = any(one.metric is Metric.ERROR_RATE and one.endpoint is None for one in wanted)
    return [*(_rule(one) for one in wanted), *([] if own else [TARGET_DOWN])]


def _rule(threshold: Threshold) -> dict[str, Any]:
    assert threshold.abort is not None
    rule = {
        "reason": "Aborted",
        "name": threshold.title,
        "metric": str(threshold.metric),
        "limit": threshold.fail_value,
        "lowerIsWorse": threshold.lower_is_worse,
        "forSeconds": threshold.abort.lasting.total_seconds(),
    }
    return rule | ({"endpoint": threshold.endpoint} if threshold.endpoint else {})
