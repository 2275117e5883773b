"""The SQLite store: what is committed is there, once, whole, and whatever goes wrong is said in a sentence."""

import os
import random
import signal
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from loadtest_operator.model.phases import Verdict
from loadtest_operator.store import SqliteStore, StoredRun, StoreUnavailable, open_store, schema
from loadtest_operator.verdict.record import Environment

from tests.unit.store.runs import judged, measured, stored


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "down" / "store.db"


@pytest.fixture
def store(path):
    with closing(open_store(path)) as opened:
        yield opened


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
    assert store._connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION == 1


# What goes wrong.


def test_a_newer_schema_is_refused(store, path):
    store._connection.execute("PRAGMA user_version = 7")
    store.close()
    with pytest.raises(StoreUnavailable, match=r"newer version \(schema 7, this one knows up to 1\); upgrade"):
        open_store(path)


def test_a_migration_that_fails_leaves_the_old_schema(store, path):
    store.commit_run(stored())
    store.close()
    steps = (*schema.MIGRATIONS, ("ALTER TABLE runs ADD COLUMN colour TEXT", "NOT SQL"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(connection, steps)
        connection.execute("ROLLBACK")
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    with closing(open_store(path)) as again:
        assert again.run("checkout-1-aaaa") is not None


def test_a_full_disk_is_said_and_nothing_is_half_written(store):
    store.commit_run(stored())
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match=r"disk that holds the store .* is full; enlarge"):
        store.commit_run(_big("big"))
    # The next call opens the file anew, as when the volume has been enlarged.
    assert store.run("big") is None
    store.commit_run(_big("big"))
    assert store.run("big") is not None


def test_a_file_that_is_no_database_is_refused(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is not a database, but a text of some length" * 99)
    with pytest.raises(StoreUnavailable, match="is not a store of this program; move it away"):
        open_store(path)
    assert path.read_bytes().startswith(b"this is not")


def test_damaged_windows_are_said(store):
    store.commit_run(stored())
    store._connection.execute("UPDATE windows SET data = substr(data, 1, length(data) - 9)")
    with pytest.raises(StoreUnavailable, match=r"stored windows of the run are damaged.*checkout-1-aaaa in"):
        store.windows("checkout-1-aaaa")
    assert store.run("checkout-1-aaaa") is not None


def test_a_damaged_file_is_said(store, path):
    for n in range(30):
        store.commit_run(_big(f"run-{n}"))
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    with pytest.raises(StoreUnavailable, match="is damaged; restore it"):
        open_store(path).runs("shop", "LoadTest/checkout", 99)


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used for the store: "):
        open_store(tmp_path / "file" / "store.db")


@pytest.mark.parametrize(("folder", "file"), [(0o555, 0o644), (0o777, 0o444), (0o777, 0o000), (0o555, None)])
def test_a_store_that_may_not_be_written_is_said(folder, file):
    with tempfile.TemporaryDirectory() as name:  # not under pytest's own folder, which nobody else may enter
        path = Path(name) / "store.db"
        if file is not None:
            open_store(path).close()
            path.chmod(file)
        path.parent.chmod(folder)
        said = _as_nobody(lambda: open_store(path).commit_run(stored("new")))
    assert said.startswith(f"StoreUnavailable: the store {path} ")
    assert "writable" in said


def test_another_writer_is_waited_for_and_then_named(store, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store._connection.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(StoreUnavailable, match=r"another process keeps the store .* locked"):
            store.commit_run(stored())
        other.execute("ROLLBACK")
    store.commit_run(stored())
    assert store.run("checkout-1-aaaa") is not None


def test_two_processes_may_write_in_turn(path):
    with closing(open_store(path)):
        pids = [_fork(lambda n=n: _commit_some(path, n)) for n in range(2)]
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
    with closing(open_store(path)) as found:
        assert len(found.runs("shop", "LoadTest/checkout", 99)) == 10


@pytest.mark.parametrize("seed", range(6))
def test_killed_in_mid_commit_it_has_the_earlier_state_or_the_new_one(path, seed):
    """The child commits the same run over and over; whatever is read then must be of one commit."""
    with closing(open_store(path)) as first:
        first.commit_run(_nth(1))
    pid = _fork(lambda: _commit_for_ever(path))
    time.sleep(random.Random(seed).uniform(0.005, 0.05))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with closing(open_store(path)) as found:
        run, record = found.run("checkout-1-aaaa"), found.windows("checkout-1-aaaa")
        assert run.number == record.number
        assert run.judgement.message == f"commit {record.number}"
        assert found._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found.commit_run(stored("after"))


def _nth(number):
    return replace(stored(number=number), judgement=judged(message=f"commit {number}"))


def _commit_for_ever(path):
    with closing(SqliteStore(path)) as own:
        for number in range(2, 10_000):
            own.commit_run(_nth(number))


def _commit_some(path, n):
    with closing(SqliteStore(path)) as own:
        for number in range(5):
            own.commit_run(stored(f"run-{n}-{number}", number=number))


def _big(run):
    """Takes some pages, because random names do not compress."""
    record = measured(run)
    endpoints = tuple(replace(record.endpoints[0], name=random.Random(n).randbytes(100).hex()) for n in range(200))
    return replace(stored(run), record=replace(record, endpoints=endpoints))


def _fork(work):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def _as_nobody(work):
    """The exception that `work` raises without root's rights, as text; root itself may write everywhere."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(pid, 0)
    return text
