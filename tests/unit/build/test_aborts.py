"""Which limits the agent holds by itself."""

from loadtest_agent import config as agent
from loadtest_operator.build import aborts

from tests.unit.model.objects import spec

DOWN = aborts.TARGET_DOWN


def rules(*thresholds):
    return aborts.rules(spec(thresholds=list(thresholds)))


def test_a_target_that_is_down_stops_every_run():
    assert rules({"metric": "p95", "fail": "1s"}) == [DOWN]


def test_a_threshold_with_abort_becomes_a_rule_in_base_units_and_the_agent_reads_it():
    found = rules({"metric": "p95", "endpoint": "POST /orders", "fail": "500ms", "abort": {"for": "2m"}})
    assert found == [
        {
            "reason": "Aborted",
            "name": "p95 of POST /orders",
            "metric": "p95",
            "endpoint": "POST /orders",
            "limit": 0.5,
            "lowerIsWorse": False,
            "forSeconds": 120.0,
        },
        DOWN,
    ]
    assert [agent._abort(one).for_seconds for one in found] == [120.0, 60.0]


def test_a_limit_on_a_query_is_the_operators():
    assert rules({"name": "queue", "promql": "up", "fail": "1", "abort": {"for": "30s"}}) == [DOWN]


def test_an_own_rule_for_all_errors_says_what_down_means():
    assert [one["limit"] for one in rules({"metric": "errorRate", "fail": "100%", "abort": {"for": "30s"}})] == [1.0]
    assert DOWN in rules({"metric": "errorRate", "endpoint": "/a", "fail": "5%", "abort": {"for": "30s"}})
