"""The store in one SQLite file, one connection behind a lock. A failure is a sentence, never a half-written run."""

import dataclasses
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TypeVar

from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.series import Wanted
from loadtest_operator.model.phases import Verdict
from loadtest_operator.store import blob, filesystem, fingerprints, schema
from loadtest_operator.store.base import Baseline, StoredRun, StoreUnavailable, utc
from loadtest_operator.verdict.reading import BadInputError
from loadtest_operator.verdict.record import RunRecord

_Identity = tuple[int, int]
_Answer = TypeVar("_Answer")

# How long to wait for another process, such as a backup or an operator that is just going away.
_BUSY_SECONDS = 5
_RUN = """SELECT runs.id, namespace, series.name AS series, test AS name, uid, number, attempt, phase, started, ended,
    config_hash, workers_lost, epoch, generator, judgement FROM runs JOIN series ON series.id = runs.series"""
# Columns that are called as the field is.
_SAME = (
    *("id", "namespace", "series", "name", "uid", "number", "attempt", "phase"),
    *("config_hash", "workers_lost", "epoch", "generator"),
)


def open_store(path: Path) -> "SqliteStore":
    """The store in this file, which is made where there is none, in this version's schema."""
    store = SqliteStore(path)
    store.open()
    return store


class SqliteStore:
    """After a failure the file is opened anew with the next call, so that a store that comes back is used again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: _Identity | None = None

    def open(self) -> None:
        """Not needed, but it says early what is wrong."""
        self._do(lambda _: None)

    def commit_run(self, run: StoredRun) -> None:
        # Packed before the lock is taken: others need not wait for it.
        data = None if run.record is None else blob.pack(run.record)
        mark = None if run.fingerprint is None else fingerprints.pack(run.fingerprint)
        self._do(lambda connection: _write(connection, run, data, mark))

    def run(self, run_id: str) -> StoredRun | None:
        rows = self._do(lambda connection: connection.execute(f"{_RUN} WHERE runs.id = ?", [run_id]).fetchall())
        return self._read(rows[0]) if rows else None

    def runs(self, namespace: str, series: str, limit: int) -> list[StoredRun]:
        sql = f"{_RUN} WHERE series.namespace = ? AND series.name = ? ORDER BY started DESC, number DESC LIMIT ?"
        return [self._read(row) for row in self._do(lambda it: it.execute(sql, [namespace, series, limit]).fetchall())]

    def baseline(self, wanted: Wanted) -> Baseline:
        series, rows = self._do(lambda connection: fingerprints.rows(connection, wanted))
        try:
            return fingerprints.read(series, rows)
        except BadInputError as error:
            raise StoreUnavailable(f"a fingerprint in {self._path} cannot be read: {error}") from error

    def windows(self, run_id: str) -> RunRecord | None:
        sql = "SELECT data FROM windows WHERE run = ? ORDER BY attempt DESC LIMIT 1"
        rows = self._do(lambda connection: connection.execute(sql, [run_id]).fetchall())
        try:
            return blob.unpack(rows[0][0]) if rows else None
        except blob.BlobError as error:
            raise StoreUnavailable(f"{error} ({run_id} in {self._path})") from error

    def _read(self, row: sqlite3.Row) -> StoredRun:
        try:
            return _read(row)
        except (ValueError, KeyError, TypeError) as error:
            says = f"run {row['id']} in {self._path} cannot be read ({error}); restore the store from a backup"
            raise StoreUnavailable(says) from error

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _do(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        with self._lock, self._telling():
            return work(self._connected())

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and filesystem.identity(self._path) != self._opened:
            self._drop()  # moved away, or restored from a backup: what is written now must not go to the old file
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            filesystem.refuse_network(self._path.parent)
            filesystem.refuse_remains(self._path)
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            _prepare(self._connection)
            self._opened = filesystem.identity(self._path)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._drop()
            raise StoreUnavailable(_sentence(self._path, error)) from error
        except StoreUnavailable:
            self._drop()
            raise


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. IMMEDIATE: who will write says so at once, and does not fail half-way when another one writes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite itself has rolled back after some errors
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit is on the disk before the master may forget its results.
    connection.execute("PRAGMA synchronous = FULL")
    [[found]] = connection.execute("PRAGMA user_version")
    if found != schema.VERSION:  # a store that fits is not written to: when it is full or locked, it can be read still
        with _transaction(connection):
            schema.migrate(connection)


def _write(connection: sqlite3.Connection, run: StoredRun, data: bytes | None, mark: bytes | None) -> None:
    with _transaction(connection):
        connection.execute(
            "INSERT INTO series (namespace, name) VALUES (?, ?) ON CONFLICT DO NOTHING", [run.namespace, run.series]
        )
        [[series]] = connection.execute(
            "SELECT id FROM series WHERE namespace = ? AND name = ?", [run.namespace, run.series]
        )
        columns = _columns(run, series)
        names, holes = ", ".join(columns), ", ".join("?" * len(columns))
        news = ", ".join(f"{name} = excluded.{name}" for name in columns)
        connection.execute(
            f"INSERT INTO runs ({names}) VALUES ({holes}) "  # noqa: S608 - names from the code above, values bound
            f"ON CONFLICT (id) DO UPDATE SET {news} WHERE excluded.attempt >= runs.attempt",
            list(columns.values()),
        )
        if data is not None:
            connection.execute(
                "INSERT INTO windows (run, attempt, data) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET data = excluded.data",
                [run.id, run.attempt, data],
            )
        if mark is not None:
            fingerprints.write(connection, run, mark)


def _columns(run: StoredRun, series: int) -> dict[str, str | int]:
    return {
        "id": run.id,
        "series": series,
        "test": run.name,
        "uid": run.uid,
        "number": run.number,
        "attempt": run.attempt,
        "phase": run.phase,
        "verdict": str(run.judgement.verdict),
        "started": utc(run.start),
        "ended": utc(run.end),
        "config_hash": run.config_hash,
        "workers_lost": run.workers_lost,
        "valid": run.valid,
        "comparison": run.comparison,
        "epoch": run.epoch,
        "generator": run.generator,
        "judgement": json.dumps(dataclasses.asdict(run.judgement), separators=(",", ":")),
    }


def _read(row: sqlite3.Row) -> StoredRun:
    told = json.loads(row["judgement"])
    return StoredRun(
        **{key: row[key] for key in _SAME},
        start=datetime.fromisoformat(row["started"]),
        end=datetime.fromisoformat(row["ended"]),
        judgement=Judgement(**{**told, "verdict": Verdict(told["verdict"])}),
    )


def _sentence(path: Path, error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError):
        return f"{path.parent} cannot be used for the store: {error.strerror}"
    says = _SENTENCES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    return says.format(path=path) if says else f"the store {path} cannot be used: {error}"


# By SQLite's primary result code.
_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk that holds the store {path} is full; enlarge the volume or free some of it",
    sqlite3.SQLITE_READONLY: "the store {path} may only be read; make the volume writable for this user",
    sqlite3.SQLITE_PERM: "the store {path} may not be opened; make it readable and writable for this user",
    sqlite3.SQLITE_CANTOPEN: "the store {path} cannot be opened; see whether its folder is there and writable",
    sqlite3.SQLITE_NOTADB: "{path} is not a store of this program; move it away or name another file",
    sqlite3.SQLITE_CORRUPT: "the store {path} is damaged; restore it from a backup, or move it away to start anew"
    " (with {path}-wal and {path}-shm, where they are)",
    sqlite3.SQLITE_BUSY: "another process keeps the store {path} locked; only one operator may use it",
    sqlite3.SQLITE_IOERR: "the disk that holds the store {path} fails to read or write; see the node's log",
}
