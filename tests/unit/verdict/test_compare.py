"""Comparisons: what each result means, what a person is told, and what must never depend on chance or order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model.phases import ComparisonResult as Result
from loadtest_operator.model.phases import Metric
from loadtest_operator.verdict.compare import compare
from loadtest_operator.verdict.comparison import EndpointRules, Rules
from loadtest_operator.verdict.fingerprint import Traits, fingerprint

from tests.unit.verdict.prints import FIVE, baseline, run
from tests.unit.verdict.records import real

SEARCH = ("GET", "/search")


def judged(new=None, base=None, **rules):
    return compare([run(0, **(new or {}))], baseline(10) if base is None else base, Rules(**rules))


def of(comparison, label):
    return next(one for one in comparison.endpoints if one.label == label)


def test_an_unchanged_run_passes():
    found = judged()
    assert found.result is Result.PASSED
    assert [one.result for one in found.endpoints] == [Result.PASSED] * 5
    assert not found.open
    assert found.message.startswith("p95 of total") or found.message.startswith("p50 of total")


def test_one_slower_endpoint_is_regressed_and_named():
    found = judged({"slower": {"GET /search": 1.2}})
    assert found.result is Result.REGRESSED
    (finding,) = found.findings
    assert (finding.endpoint, finding.result, finding.global_shift) == ("GET /search", Result.REGRESSED, False)
    assert finding.low < 0.2 < finding.high
    assert finding.q <= 0.05
    assert "of GET /search +" in found.message
    assert "(95 % CI +" in found.message
    assert "against 10 runs; global shift: no" in found.message
    assert of(found, "GET /home").result is Result.PASSED


def test_a_clear_change_below_the_tolerance_is_a_warning():
    found = judged({"slower": {"GET /search": 1.075}}, base=baseline(10, spread=0.003))
    assert found.result is of(found, "GET /search").result is Result.WARNING


def test_a_clear_change_below_half_the_tolerance_passes():
    found = judged({"slower": {"GET /search": 1.03}, "spread": 0.0}, base=baseline(20, spread=0.0, w=0.001))
    assert found.result is of(found, "GET /search").result is Result.PASSED


def test_a_faster_endpoint_is_improved():
    found = judged({"slower": {"GET /search": 0.8}})
    assert found.result is of(found, "GET /search").result is Result.IMPROVED
    assert found.findings[0].change < 0


def test_what_fails_fast_is_no_improvement():
    found = judged({"slower": {"GET /search": 0.8}, "failures": {"GET /search": 3000}})
    assert of(found, "GET /search").result is Result.REGRESSED


def test_what_may_fail_more_is_no_improvement_either():
    base = [run(number, failures={"GET /search": 2 if number % 2 else 60}) for number in range(1, 11)]
    found = of(judged({"slower": {"GET /search": 0.8}, "failures": {"GET /search": 55}}, base=base), "GET /search")
    assert found.change(Metric.P95).result is Result.IMPROVED
    assert found.change(Metric.ERROR_RATE).result is Result.INCONCLUSIVE
    assert found.result is Result.PASSED


def test_a_change_of_everything_is_one_finding_and_a_global_shift():
    found = judged({"slower": {"all": 1.25}})
    (finding,) = found.findings
    assert finding.global_shift
    assert set(finding.endpoints) == set(FIVE)
    assert found.shared.low > 0
    assert found.message.endswith("global shift: yes")
    assert "and 4 more" in found.message


def test_two_endpoints_that_alarm_together_are_one_finding():
    found = judged({"slower": {"GET /search": 1.2, "GET /cart": 1.3}})
    (finding,) = found.findings
    assert finding.endpoints == ("GET /cart", "GET /search")
    assert not finding.global_shift


def test_a_slow_machine_hides_less_when_the_other_endpoints_are_looked_at():
    machine = [1.0] + [0.92, 1.08] * 5
    base = [run(n, slower={"all": machine[n]}) for n in range(1, 11)]
    new = run(0, slower={"all": machine[0], "GET /search": 1.15})
    assert of(compare([new], base, Rules()), "GET /search").result is Result.REGRESSED
    labels = FIVE[:3]  # too few to have a common part
    alone = [replace(one, endpoints={k: v for k, v in one.endpoints.items() if " ".join(k) in labels}) for one in base]
    few = replace(new, endpoints={k: v for k, v in new.endpoints.items() if " ".join(k) in labels})
    assert of(compare([few], alone, Rules()), "GET /search").result is Result.INCONCLUSIVE


def test_noise_leaves_a_comparison_open_and_it_says_what_would_settle_it():
    noisy = {"spread": 0.08}
    found = judged(noisy, base=baseline(4, **noisy))
    assert found.result is Result.INCONCLUSIVE
    assert found.open
    assert found.detectable > 0.10
    assert "need" in found.message or "differ too much" in found.message


def test_short_runs_that_only_sampling_makes_uncertain_should_be_longer():
    found = judged({"w": 0.04, "spread": 0.002}, base=baseline(20, spread=0.002))
    needs = [one.needs for each in found.endpoints for one in each.changes if one.needs]
    assert needs
    assert all(one.minutes is not None for one in needs)
    assert "minutes longer" in str(needs[0])


def test_an_open_endpoint_holds_the_run_up_only_when_it_is_critical():
    vague = run(0)
    traits = vague.endpoints[SEARCH]
    vague = replace(vague, endpoints={**vague.endpoints, SEARCH: replace(traits, w=(0.2, 0.2, 0.2))})
    assert compare([vague], baseline(), Rules()).result is Result.PASSED
    critical = Rules(endpoints={"GET /search": EndpointRules(critical=True)})
    assert compare([vague], baseline(), critical).result is Result.INCONCLUSIVE


def test_a_total_that_moved_alone_is_no_alarm_but_no_pass_either():
    found = judged({"slower": {"total": 1.4}})
    assert found.total.result is Result.REGRESSED
    assert found.result is Result.INCONCLUSIVE
    assert "no endpoint alone tells why" in found.message


def test_an_endpoint_may_have_its_own_tolerance():
    slower = {"slower": {"GET /search": 1.2}}
    assert judged(slower, endpoints={"GET /search": EndpointRules(tolerance=0.5)}).result is Result.PASSED
    assert judged({"slower": {"GET /search": 1.1}}, tolerance=0.05).result is Result.REGRESSED


@pytest.mark.parametrize("runs", [0, 1, 2])
def test_with_too_few_runs_numbers_are_shown_and_nothing_is_judged(runs):
    found = judged({"slower": {"all": 3.0}}, base=baseline(runs))
    assert found.result is Result.COLLECTING_BASELINE
    assert f"{runs} of 3 comparable runs so far" in found.message
    assert {one.result for one in found.endpoints} == {Result.COLLECTING_BASELINE}
    assert all(change.result is None for one in found.endpoints for change in one.changes)
    assert bool(found.endpoints[0].changes) == (runs > 0)


def test_one_run_is_a_baseline_when_that_is_asked_for_but_only_large_changes_show():
    assert judged({"slower": {"GET /search": 1.1}}, base=baseline(1), min_runs=1).result is not Result.REGRESSED
    assert judged({"slower": {"GET /search": 1.6}}, base=baseline(1), min_runs=1).result is Result.REGRESSED


def test_failures_alarm_by_percentage_points():
    found = judged({"failures": {"GET /cart": 120}})
    (finding,) = found.findings
    assert (finding.endpoint, finding.metric, finding.result) == ("GET /cart", Metric.ERROR_RATE, Result.REGRESSED)
    assert finding.change == pytest.approx(0.01)
    assert finding.low < 0.01 < finding.high
    assert "errorRate of GET /cart +1 pp" in found.message


def test_twice_as_many_failures_are_no_alarm_below_the_floors():
    few = dict.fromkeys(FIVE, 2)
    found = judged({"failures": {**few, "GET /cart": 12}}, base=baseline(10, failures=few))
    assert found.result is Result.PASSED  # 0.1 percentage points


def test_failures_alone_never_keep_a_comparison_open():
    found = judged({"failures": {"GET /cart": 36}})
    assert of(found, "GET /cart").change(Metric.ERROR_RATE).result is Result.INCONCLUSIVE
    assert of(found, "GET /cart").result is Result.PASSED


def test_an_endpoint_without_successes_is_judged_by_its_failures():
    new = run(0)
    dead = Traits(1000, 1000, (), (), 0.03)
    found = compare([replace(new, endpoints={**new.endpoints, SEARCH: dead})], baseline(), Rules())
    assert of(found, "GET /search").result is Result.REGRESSED
    assert found.findings[0].metric is Metric.ERROR_RATE


def test_endpoints_that_came_or_went_are_said():
    before = baseline(labels=(*FIVE, "GET /old"))
    found = judged({"labels": (*FIVE, "GET /new")}, base=before)
    assert (found.appeared, found.vanished) == (("GET /new",), ("GET /old",))
    assert "; new: GET /new; no longer requested: GET /old" in found.message
    assert of(found, "GET /new").result is of(found, "GET /old").result is Result.COLLECTING_BASELINE
    critical = {"GET /old": EndpointRules(critical=True)}
    assert judged({}, base=before).result is Result.PASSED
    assert judged({}, base=before, endpoints=critical).result is Result.INCONCLUSIVE


def test_ninety_nine_percent_is_shown_and_never_judged():
    found = of(judged({"slower": {"GET /search": 1.3}}), "GET /search")
    assert found.change(Metric.P99).result is None
    assert found.change(Metric.P99).change == pytest.approx(0.3, abs=0.05)


def test_looking_several_times_asks_for_more_each_time():
    rules = Rules(confirm_runs=2)
    assert [rules.level(k) for k in (1, 2, 3, 4)] == [0.01, 0.015, 0.03, 0.03]
    assert Rules().level(1) == 0.05
    borderline = {"slower": {"GET /search": 1.08}, "spread": 0.0}
    base = baseline(10, spread=0.02)
    assert judged(borderline, base=base, confirm_runs=2).open
    more = compare([run(n, **borderline) for n in (0, 50, 51)], base, rules)
    assert (more.new_runs, more.alarms) == (3, True)


def test_who_may_look_again_passes_less_easily_at_the_first_look():
    base = baseline(10, spread=0.03)
    once, again = ({one.label: one.result for one in judged(base=base, confirm_runs=n).endpoints} for n in (0, 2))
    assert {label for label in FIVE if again[label] is Result.PASSED} < {
        label for label in FIVE if once[label] is Result.PASSED
    }


def test_fifty_endpoints_are_not_fifty_chances_of_a_false_alarm():
    labels = tuple(f"GET /{at}" for at in range(50))
    alarms = [
        compare([run(100 * n, labels=labels)], [run(100 * n + b, labels=labels) for b in range(1, 6)], Rules()).alarms
        for n in range(1, 9)
    ]
    assert not any(alarms)


@given(st.permutations(range(1, 11)), st.sampled_from([0.8, 1.0, 1.05, 1.2]))
def test_the_order_of_runs_plays_no_role(order, factor):
    new = run(0, slower={"GET /search": factor})
    ordered, shuffled = (compare([new], [run(n) for n in several], Rules()) for several in (range(1, 11), order))
    assert shuffled.message == ordered.message
    assert [one.result for one in shuffled.endpoints] == [one.result for one in ordered.endpoints]


@given(st.integers(0, 50), st.floats(0.3, 3), st.integers(1, 10), st.integers(1, 3))
def test_results_are_consistent_with_their_parts(number, factor, runs, k):
    new = [run(number + 1000 + n, slower={"GET /search": factor}, spread=0.03) for n in range(k)]
    found = compare(new, baseline(runs, spread=0.03), Rules())
    results = {one.result for one in found.endpoints}
    assert found.alarms == bool(results & {Result.REGRESSED, Result.WARNING})
    assert (found.result is Result.COLLECTING_BASELINE) == (runs < 3)
    assert found.findings
    assert found.findings[0].result is found.result or found.result in {Result.INCONCLUSIVE, Result.PASSED}
    assert all(one.low <= one.change <= one.high for each in found.endpoints for one in each.changes)
    assert found == compare(new, baseline(runs, spread=0.03), Rules())


def test_a_real_regression_is_found_with_a_baseline_of_one_run_repeated():
    base = [fingerprint(replace(real("unchanged"), run=f"u{n}")) for n in range(3)]
    found = compare([fingerprint(real("slower"))], base, Rules())
    assert found.result is Result.REGRESSED
    assert {"GET /search", "GET /checkout"} <= set(found.findings[0].endpoints)
    assert of(found, "GET /home").result not in {Result.REGRESSED, Result.WARNING}


def test_without_a_new_run_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="at least one new run"):
        compare([], baseline(), Rules())


def test_endpoints_that_people_call_the_same_are_still_two():
    def both(number, factor=1.0):
        one = run(number, slower={"GET /search": factor})
        return replace(one, endpoints={**one.endpoints, ("", "GET /search"): run(number).endpoints[SEARCH]})

    found = compare([both(0, 1.3)], [both(number) for number in range(1, 11)], Rules())
    results = [one.result for one in found.endpoints if one.label == "GET /search"]
    assert sorted(results) == [Result.PASSED, Result.REGRESSED]
    assert all(len(one.changes) == 4 for one in found.endpoints)
