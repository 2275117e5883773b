"""The SQLite store: what is committed is there, once, whole, and whatever goes wrong is said in a sentence."""

import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta, timezone

from loadtest_operator.model.phases import Verdict
from loadtest_operator.store import StoredRun, open_store, schema
from loadtest_operator.verdict.record import Environment

from tests.unit.store.runs import judged, measured, stored


def test_a_committed_run_is_there(store):
    run = stored()
    store.commit_run(run)
    assert store.run(run.id) == replace(run, record=None)
    assert store.windows(run.id) == run.record


def test_it_is_there_after_closing_and_opening_again(store, path):
    store.commit_run(stored())
    store.close()
    with closing(open_store(path)) as again:
        assert again.run("checkout-1-aaaa").judgement == judged()
        assert again.windows("checkout-1-aaaa") == measured()


def test_a_run_that_was_never_stored_is_none(store):
    assert store.run("nobody") is None
    assert store.windows("nobody") is None
    assert store.runs("shop", "LoadTest/checkout", 10) == []


def test_the_same_run_again_is_one_result(store):
    for _ in range(3):
        store.commit_run(stored())
    assert len(store.runs("shop", "LoadTest/checkout", 10)) == 1


def test_a_run_judged_again_has_the_new_verdict_and_the_same_windows(store):
    store.commit_run(stored())
    store.commit_run(replace(stored(verdict=Verdict.FAILED), record=None))
    assert store.run("checkout-1-aaaa").judgement.verdict is Verdict.FAILED
    assert store.windows("checkout-1-aaaa") == measured()


def test_why_a_run_was_invalid_stays_with_its_windows(store):
    reasons = ["GeneratorSaturated: a worker's CPU was above 90%"]
    invalid = replace(judged(Verdict.INVALID), validity={"valid": False, "reasons": reasons})
    store.commit_run(StoredRun.of(measured(), uid="7f3a", judgement=invalid, phase="Completed"))
    assert store.windows("checkout-1-aaaa").environment == Environment(valid=False, reasons=tuple(reasons))


def test_a_new_attempt_replaces_the_earlier_one(store):
    store.commit_run(stored(attempt=1, verdict=Verdict.ERROR))
    store.commit_run(stored(attempt=2, seconds=5))
    assert store.run("checkout-1-aaaa").judgement.verdict is Verdict.PASSED
    assert store.windows("checkout-1-aaaa").duration_s == 5


def test_an_earlier_attempt_that_comes_late_changes_nothing(store):
    store.commit_run(stored(attempt=2, seconds=5))
    store.commit_run(stored(attempt=1, verdict=Verdict.ERROR))
    assert (store.run("checkout-1-aaaa").attempt, store.run("checkout-1-aaaa").judgement.verdict) == (2, Verdict.PASSED)
    assert store.windows("checkout-1-aaaa").attempt == 2


def test_runs_of_a_series_come_newest_first_and_not_from_other_namespaces(store):
    start = measured().start
    for number in (2, 1, 3):
        store.commit_run(stored(f"checkout-{number}", number=number, start=start + timedelta(hours=number)))
    store.commit_run(stored("other-1", namespace="else"))
    store.commit_run(stored("nightly-1", series="LoadTestSchedule/nightly"))
    assert [run.number for run in store.runs("shop", "LoadTest/checkout", 2)] == [3, 2]
    assert [run.id for run in store.runs("else", "LoadTest/checkout", 9)] == ["other-1"]


def test_times_are_kept_in_utc_whatever_their_zone(store):
    here = timezone(timedelta(hours=2))
    store.commit_run(stored(start=measured().start.astimezone(here)))
    assert store.run("checkout-1-aaaa").start == measured().start


def test_what_users_write_is_data(store):
    nasty = "x'); DROP TABLE runs; --"
    store.commit_run(stored(nasty, series=nasty, namespace=nasty))
    assert store.run(nasty).series == nasty
    assert [run.id for run in store.runs(nasty, nasty, 9)] == [nasty]


def test_many_threads_may_use_it_at_once(store):
    threads = [threading.Thread(target=store.commit_run, args=[stored(f"run-{n}", number=n)]) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.number for run in store.runs("shop", "LoadTest/checkout", 99)} == set(range(16))


def test_a_commit_is_on_the_disk_when_it_returns(store):
    assert store._connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert store._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert store._connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_the_schema_has_its_version(store):
    assert store._connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION == 2
