"""Whatever goes wrong with the SQLite store is said in a sentence, nothing is half done, and it is used again after."""

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from loadtest_operator.decide.series import Wanted
from loadtest_operator.store import SqliteStore, StoreRefused, StoreUnavailable, open_store, schema
from loadtest_operator.verdict.fingerprint import fingerprint

from tests.unit.store import others
from tests.unit.store.runs import stored


def test_a_newer_schema_is_refused(store, path):
    store._connection.execute("PRAGMA user_version = 7")
    store.close()
    with pytest.raises(StoreUnavailable, match=r"newer version \(schema 7, this one knows up to 2\); upgrade"):
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
        assert connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
    with closing(open_store(path)) as again:
        assert again.run("checkout-1-aaaa") is not None


def test_a_full_disk_is_said_and_nothing_is_half_written(store):
    store.commit_run(stored())
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match=r"disk that holds the store .* is full; enlarge"):
        store.commit_run(others.big("big"))
    # The next call opens the file anew, as when the volume has been enlarged.
    assert store.run("big") is None
    store.commit_run(others.big("big"))
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
        store.commit_run(others.big(f"run-{n}"))
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
        said = others.as_nobody(lambda: open_store(path).commit_run(stored("new")))
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
        pids = [others.fork(lambda n=n: others.commit_some(path, n)) for n in range(2)]
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
    with closing(open_store(path)) as found:
        assert len(found.runs("shop", "LoadTest/checkout", 99)) == 10


@pytest.mark.parametrize("seed", range(6))
def test_killed_in_mid_commit_it_has_the_earlier_state_or_the_new_one(path, seed):
    """The child commits the same run over and over; whatever is read then must be of one commit."""
    with closing(open_store(path)) as first:
        first.commit_run(others.nth(1))
    pid = others.fork(lambda: others.commit_for_ever(path))
    time.sleep(random.Random(seed).uniform(0.005, 0.05))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with closing(open_store(path)) as found:
        run, record = found.run("checkout-1-aaaa"), found.windows("checkout-1-aaaa")
        assert run.number == record.number
        assert run.judgement.message == f"commit {record.number}"
        assert found._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found.commit_run(stored("after"))


def test_a_newer_schema_and_a_network_are_no_weather(store, path):
    store._connection.execute("PRAGMA user_version = 7")
    store.close()
    with pytest.raises(StoreRefused):
        open_store(path)


def test_a_store_that_is_away_at_first_is_used_as_soon_as_it_is_back(tmp_path):
    folder = tmp_path / "volume"
    folder.write_text("not a folder yet")
    with closing(SqliteStore(folder / "store.db")) as store:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="cannot be used for the store"):
                store.open()
        folder.unlink()
        store.commit_run(stored())
        assert store.run("checkout-1-aaaa") is not None


def test_a_file_that_is_no_database_is_left_alone_and_a_new_one_begun_when_it_was_moved_away(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is not a database, but a text of some length" * 99)
    before = path.read_bytes()
    with closing(SqliteStore(path)) as store:
        with pytest.raises(StoreUnavailable, match="move it away or name another file"):
            store.commit_run(stored())
        assert path.read_bytes() == before
        moved = path.rename(path.with_name("moved.db"))
        store.commit_run(stored())
        assert store.run("checkout-1-aaaa") is not None
    assert moved.read_bytes() == before


def test_what_is_moved_away_while_it_is_open_gets_nothing_any_more(store, path):
    store.commit_run(stored("before"))
    away = path.parent / "away"
    away.mkdir()
    for file in path.parent.glob("store.db*"):
        file.rename(away / file.name)
    store.commit_run(stored("after"))
    assert store.run("before") is None
    with closing(open_store(path)) as new, closing(open_store(away / path.name)) as old:
        assert new.run("after") is not None
        assert old.run("before") is not None
        assert old.run("after") is None


def test_a_backup_that_is_put_in_its_place_is_used_at_once(store, path):
    store.commit_run(stored("kept"))
    store.close()
    shutil.copy(path, path.with_name("backup.db"))
    store.commit_run(stored("lost"))
    store.close()
    store.open()
    path.with_name("backup.db").replace(path)
    assert store.run("kept") is not None
    assert store.run("lost") is None


def test_the_newest_commits_are_not_thrown_away_with_a_database_that_was_moved_alone(store, path):
    store.commit_run(stored("newest"))
    moved = path.rename(path.with_name("moved.db"))
    log = path.with_name("store.db-wal")
    with pytest.raises(StoreUnavailable, match=r"store.db is not there, but the newest of its changes are .*-wal"):
        store.run("newest")
    assert log.stat().st_size > 0
    moved.rename(path)
    assert store.run("newest") is not None


def test_a_store_that_another_process_writes_to_can_be_opened_and_read(store, path):
    store.commit_run(stored())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(open_store(path)) as second:
            assert second.run("checkout-1-aaaa") is not None
        other.execute("ROLLBACK")


def test_opening_a_store_that_fits_writes_nothing(store, path):
    store.commit_run(stored())
    store.close()
    before = path.read_bytes(), path.stat().st_mtime_ns
    open_store(path).close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("judgement", ["", "{", "[]", '{"verdict": "Splendid"}'])
def test_a_run_that_cannot_be_read_is_named_with_the_way_out(store, judgement):
    store.commit_run(stored("checkout-1-aaaa"))
    store._connection.execute("UPDATE runs SET judgement = ?", [judgement])
    for look in (lambda: store.run("checkout-1-aaaa"), lambda: store.runs("shop", stored().series, 9)):
        with pytest.raises(StoreUnavailable, match=r"run checkout-1-aaaa in .*store.db cannot be read .*from a backup"):
            look()


@pytest.mark.parametrize("data", [b"", b"x", zlib.compress(b"{"), zlib.compress(b'{"format": "another"}')])
def test_a_fingerprint_that_cannot_be_read_is_told(store, data):
    run = stored("checkout-1-aaaa")
    store.commit_run(replace(run, fingerprint=fingerprint(run.record)))
    store._connection.execute("UPDATE fingerprints SET data = ?", [data])
    wanted = Wanted("shop", (run.series,), run.config_hash, "", run.end.replace(year=2100), 10)
    with pytest.raises(StoreUnavailable, match=r"a fingerprint in .*store.db cannot be read: "):
        store.baseline(wanted)
