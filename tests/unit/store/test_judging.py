"""A run against the runs before it, out of a real store: which of them count, and what the verdict makes of it."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from loadtest_operator.model import loadtest
from loadtest_operator.model.phases import Phase, Verdict
from loadtest_operator.model.status import LoadTestStatus
from loadtest_operator.store import judging, open_store
from loadtest_operator.store.judging import Circumstances

from tests.unit.verdict.records import RUNS, RunRecord

UNCHANGED = [2, 5, 9, 12, 14]
SLOWER = 1  # /search and /checkout 20 % slower


@pytest.fixture
def store(tmp_path):
    with closing(open_store(tmp_path / "runs.db")) as opened:
        yield opened


def record(source, number, series="loadtest/checkout", **about):
    """A real run as the number-th of a test."""
    found = RunRecord.loads((RUNS / "quiet" / f"quiet-{source:03}.json.gz").read_bytes())
    assert found.environment.valid
    told = {"namespace": "shop", "test": "checkout", "number": number, "run": f"checkout-{number}", "config_hash": "c"}
    return replace(found, series=series, start=found.start.replace(minute=0) + timedelta(hours=number), **told | about)


def spec(thresholds=(), **baseline):
    raw = {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {
            "target": {"url": "http://checkout.shop"},
            "scenario": {"http": {"requests": [{"path": "/"}]}},
            "load": {"users": 50, "duration": "24s"},
            "runners": {"workers": 1},
        },
    }
    if baseline:
        raw["spec"]["baseline"] = baseline
    if thresholds:
        raw["spec"]["thresholds"] = list(thresholds)
    return loadtest.parse(raw).spec


def judged(store, found, about=Circumstances(uid="7f3a"), **baseline):  # noqa: B008 - frozen
    run = judging.judged(store, spec(**baseline), found, about)
    store.commit_run(run)
    LoadTestStatus.model_validate({"comparison": run.judgement.comparison})
    return run.judgement


def runs_before(store, count=4, **about):
    return [judged(store, record(source, at + 1), **about) for at, source in enumerate(UNCHANGED[:count])]


def test_before_there_are_enough_runs_a_baseline_is_collected(store):
    told = runs_before(store, 3)
    assert [one.comparison["result"] for one in told] == ["CollectingBaseline"] * 3
    assert [one.comparison["runs"] for one in told] == [0, 1, 2]
    assert {one.verdict for one in told} == {Verdict.PASSED}
    assert told[1].message.endswith("; baseline: 1 of 3 comparable runs so far")


def test_a_slower_endpoint_is_regressed_and_told(store):
    runs_before(store)
    found = judged(store, record(SLOWER, 5))
    assert found.verdict is Verdict.REGRESSED
    assert found.comparison["result"] == "Regressed"
    assert (found.comparison["runs"], found.comparison["needed"]) == (4, 3)
    assert found.comparison["series"] == "loadtest/checkout"
    assert found.comparison["findings"][0]["endpoint"] in {"GET /search", "GET /checkout"}
    assert found.comparison["findings"][0]["change"].startswith("+")
    assert 0.1 < found.change < 0.4
    assert "against 4 runs" in found.message


def test_an_unchanged_run_passes_with_figures_limits_and_comparison(store):
    runs_before(store)
    found = judged(store, record(UNCHANGED[4], 5), thresholds=[{"metric": "p95", "fail": "10s"}])
    assert found.verdict is Verdict.PASSED
    assert "1 of 1 threshold passed; p" in found.message
    assert found.message.endswith("against 4 runs")


def test_a_crossed_limit_outranks_a_regression_and_both_are_told(store):
    runs_before(store)
    found = judged(store, record(SLOWER, 5), thresholds=[{"metric": "p95", "fail": "1ms"}])
    assert found.verdict is Verdict.FAILED
    assert found.message.startswith("p95 is ")
    assert "against 4 runs" in found.message


def test_an_alarmed_run_is_in_no_baseline(store):
    runs_before(store)
    judged(store, record(SLOWER, 5))
    assert judged(store, record(UNCHANGED[4], 6)).comparison["runs"] == 4


def test_an_invalid_run_is_neither_compared_nor_in_a_baseline(store):
    runs_before(store)
    found = judged(store, record(UNCHANGED[4], 5, warmup_s=60.0))
    assert found.verdict is Verdict.INVALID
    assert found.comparison is None
    assert judged(store, record(UNCHANGED[4], 6)).comparison["runs"] == 4


@pytest.mark.parametrize("phase", [Phase.CANCELLED, Phase.ERROR])
def test_a_run_that_did_not_come_to_its_end_is_neither_compared_nor_in_a_baseline(store, phase):
    runs_before(store)
    found = judged(store, record(UNCHANGED[4], 5), Circumstances(uid="7f3a", phase=phase))
    assert found.comparison is None
    assert judged(store, record(UNCHANGED[4], 6)).comparison["runs"] == 4


def test_a_run_that_broke_says_why_however_good_its_figures(store):
    found = judged(store, record(2, 1), Circumstances(uid="7f3a", phase=Phase.ERROR, error="all workers are lost"))
    assert (found.verdict, found.message) == (Verdict.ERROR, "all workers are lost")
    again = judging.circumstances(store.run("checkout-1"))
    assert again.error == "all workers are lost"


def test_another_load_is_not_comparable(store):
    runs_before(store)
    assert judged(store, record(UNCHANGED[4], 5, config_hash="another")).comparison["runs"] == 0


def test_another_namespace_or_series_is_not_compared_with(store):
    runs_before(store)
    assert judged(store, record(UNCHANGED[4], 5, namespace="elsewhere")).comparison["runs"] == 0
    assert judged(store, record(UNCHANGED[4], 6, series="loadtest/other")).comparison["runs"] == 0


def test_only_so_many_of_the_newest_runs_are_used(store):
    runs_before(store)
    assert judged(store, record(UNCHANGED[4], 5), runs=3).comparison["runs"] == 3


def test_a_new_epoch_begins_a_fresh_baseline(store):
    runs_before(store)
    found = judged(store, record(SLOWER, 5), epoch="new-cart")
    assert (found.verdict, found.comparison["result"]) == (Verdict.PASSED, "CollectingBaseline")
    assert judged(store, record(SLOWER, 6), epoch="new-cart").comparison["runs"] == 1
    assert judged(store, record(UNCHANGED[4], 7)).comparison["runs"] == 4  # back in the epoch before


def test_a_pinned_run_counts_in_every_epoch_and_once(store):
    runs_before(store)
    pinned = ["checkout-1", "checkout-2", "no-such-run"]
    assert judged(store, record(UNCHANGED[4], 5), epoch="new", pinned=pinned, minRuns=2).comparison["runs"] == 2
    assert judged(store, record(UNCHANGED[4], 6), pinned=pinned).comparison["runs"] == 4


def test_a_pull_request_is_compared_with_main_and_stays_out_of_it(store):
    for at, source in enumerate(UNCHANGED[:4]):
        judged(store, record(source, at + 1, series="main"), series="main")
    found = judged(store, record(SLOWER, 5), compareWith="main")
    assert (found.verdict, found.comparison["series"]) == (Verdict.REGRESSED, "main")
    assert judged(store, record(UNCHANGED[4], 6, series="main"), series="main").comparison["runs"] == 4


def test_comparing_with_a_test_by_its_name_means_that_tests_series(store):
    runs_before(store)
    found = judged(store, record(UNCHANGED[4], 5, series="loadtest/pr-42"), compareWith="checkout")
    assert found.comparison["series"] == "loadtest/checkout"


def test_judged_again_it_is_compared_with_the_runs_before_it_alone(store):
    runs_before(store)
    first = judged(store, record(SLOWER, 5))
    judged(store, record(UNCHANGED[4], 6))
    again = judged(store, record(SLOWER, 5))
    assert again == first


def test_a_tolerance_of_its_own_forgives_one_endpoint(store):
    runs_before(store)
    named = [{"name": name, "tolerance": "90%"} for name in ("GET /search", "GET /checkout", "GET /item")]
    assert judged(store, record(SLOWER, 5), endpoints=named).verdict is not Verdict.REGRESSED


def test_with_a_new_load_generator_a_regression_only_warns(store):
    for at, source in enumerate(UNCHANGED[:4]):
        judged(store, record(source, at + 1), Circumstances(uid="7f3a", generator="old"))
    found = judged(store, record(SLOWER, 5), Circumstances(uid="7f3a", generator="new"))
    assert (found.verdict, found.comparison["result"]) == (Verdict.WARNING, "Warning")
    assert found.message.startswith("GeneratorChanged: ")
    same = judged(store, record(SLOWER, 6), Circumstances(uid="7f3a", generator="old"))
    assert same.verdict is Verdict.REGRESSED


def test_without_a_store_only_the_limits_decide():
    run = judging.judged(None, spec(), record(2, 1), Circumstances(uid="7f3a"))
    assert run.judgement.comparison is None
