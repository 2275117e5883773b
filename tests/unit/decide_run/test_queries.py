"""Thresholds on a PromQL query: abort rules that the operator holds, and a Prometheus that is away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from loadtest_operator.decide import queries
from loadtest_operator.decide.observed import Do
from loadtest_operator.decide.run import decide
from loadtest_operator.model import loadtest
from loadtest_operator.verdict.aborted import Aborted
from loadtest_operator.verdict.queries import Answer

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import IN_PROGRESS, by_type, kstatus
from tests.unit.verdict.records import cell, steady

QUERY = "sum(queue_length)"
RULE = {"name": "queue", "promql": QUERY, "fail": "100", "abort": {"for": "30s"}}
AWAY = "Prometheus at http://prometheus:9090 does not answer (TimeoutError)"


def spec(**rule):
    return {**SPEC, "thresholds": [{**RULE, **rule}]}


def watched(*values, world=None, **rule):
    """What is planned under load, when these are the last samples."""
    world = world or states.running(spec(**rule), seconds_of_load=60)
    samples = tuple((world.now.timestamp() - 30 + index, value) for index, value in enumerate(values))
    return decide(replace(world.observe(), watched={QUERY: samples}), world.now)


def test_a_limit_that_is_crossed_all_the_time_stops_the_load():
    assert watched(*[101.0] * 31).abort == Aborted(
        "Aborted", "queue", 101.0, "queue was 101 over 30s, over its limit of 100"
    )


@pytest.mark.parametrize(
    "values",
    [
        [],
        [101.0] * 30,  # one step is missing
        [101.0] * 30 + [100.0],  # exactly at the limit is within it
        [100.0] + [101.0] * 30,
    ],
)
def test_what_was_not_crossed_at_each_step_stops_nothing(values):
    assert watched(*values).abort is None


def test_where_low_is_bad_the_load_stops_below():
    assert watched(*[5.0] * 31, worse="lower").abort.says == "queue was 5 over 30s, below its limit of 100"
    assert watched(*[101.0] * 31, worse="lower").abort is None


def test_a_run_that_is_being_stopped_or_collected_is_not_aborted():
    world = states.running(spec(), seconds_of_load=60)
    world.stop()
    world.settle()
    assert watched(*[101.0] * 31, world=world).abort is None
    assert watched(*[101.0] * 31, world=states.collecting(spec())).abort is None


def test_a_rule_is_looked_at_when_the_load_has_been_on_for_so_long():
    world = states.running(spec())
    world.now = datetime.fromtimestamp(world.agent["startedAt"] + 29, UTC)
    [threshold] = queries.watched(world.inputs().test.spec)
    assert queries.since(world.observe(), threshold, world.now) is None
    world.tick(1)
    span = queries.since(world.observe(), threshold, world.now)
    assert (span.end - span.begin, span.end, span.steps) == (30.0, world.now.timestamp(), 30)


def test_a_long_stretch_is_looked_at_in_thirty_steps():
    world = states.running(spec(abort={"for": "10m"}))
    [threshold] = queries.watched(world.inputs().test.spec)
    assert queries.abort_span(threshold, 1000.0).step == 20.0


def test_a_prometheus_that_is_away_is_told_and_asked_again():
    world = states.judging(spec())
    seen = replace(world.observe(), query_problem=AWAY)
    plan = decide(seen, world.now)
    world.execute(plan, seen)
    assert (plan.do, plan.requeue_after) == ((), timedelta(seconds=2))
    assert (plan.status["phase"], plan.status["message"]) == ("Judging", AWAY)
    assert by_type(plan.status)["Ready"]["reason"] == "PrometheusUnavailable"
    assert kstatus(world.raw) == IN_PROGRESS
    assert [note.reason for note in plan.notes] == ["PrometheusUnavailable"]
    again = decide(replace(world.observe(), query_problem=AWAY), world.now)
    assert (again.do, again.status, again.requeue_after) == ((Do.JUDGE,), None, timedelta(seconds=2))


def test_what_is_judged_is_asked_in_at_most_120_steps():
    record = replace(steady(600, cell("GET /", [0.1])), warmup_s=60.0)
    span = queries.judged_span(record)
    assert (span.begin, span.end) == (record.start.timestamp() + 60, record.start.timestamp() + 600)
    assert span.steps == 120
    assert queries.judged_span(replace(record, warmup_s=600.0)) is None


def test_only_what_the_record_does_not_tell_is_asked_and_what_nobody_asks_for_is_forgotten():
    thresholds = [{"name": name, "promql": name, "fail": "1"} for name in ("known", "failed", "new")]
    raw = {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTest", "metadata": {"name": "a", "namespace": "b"}}
    test = loadtest.parse({**raw, "spec": {**SPEC, "thresholds": [*thresholds, {"metric": "p95", "fail": "1s"}]}})
    known = (Answer("known", ((1.0, 2.0),)), Answer("failed", problem="away"), Answer("old"))
    record = replace(steady(3, cell("GET /", [0.1])), queries=known)
    assert queries.unanswered(test.spec, record) == ["failed", "new"]
    new = [Answer("failed", ((1.0, 3.0),)), Answer("new")]
    assert queries.with_answers(test.spec, record, new).queries == (known[0], new[0], new[1])


def test_the_namespace_of_the_environment_is_filled_in_and_no_other_braces():
    found = queries.expanded('sum(up{namespace="{namespace}"}) by (pod)', "lt-a-1")
    assert found == 'sum(up{namespace="lt-a-1"}) by (pod)'
