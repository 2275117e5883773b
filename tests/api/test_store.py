"""A store that cannot be used stops neither the operator nor a run: results wait, and go in as soon as it is back."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from loadtest_operator.store import open_store

from tests.support import disk
from tests.support.disk import Disk
from tests.support.loadtests import condition
from tests.support.stage import Stage

JUNK = b"this is not a database, but a text of some length" * 99
STORE_AGAIN = 10  # so often the operator looks again


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Disk]:
    with disk.small(tmp_path / "volume") as made:
        yield made


@contextlib.contextmanager
def full(volume: Disk) -> Iterator[None]:
    volume.fill()
    yield
    volume.free()


@contextlib.contextmanager
def read_only(volume: Disk) -> Iterator[None]:
    volume.read_only(True)
    yield
    volume.read_only(False)


@contextlib.contextmanager
def damaged(volume: Disk) -> Iterator[None]:
    store = volume.folder / "store.db"
    store.write_bytes(JUNK)
    yield
    moved = store.rename(volume.folder / "moved.db")
    assert moved.read_bytes() == JUNK


@contextlib.contextmanager
def locked(volume: Disk) -> Iterator[None]:
    open_store(volume.folder / "store.db").close()
    with closing(sqlite3.connect(volume.folder / "store.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


FAULTS = [
    (full, "is full; enlarge the volume or free some of it"),
    (read_only, "writable"),
    (damaged, "move it away or name another file"),
    (locked, "another process keeps the store"),
]


@pytest.mark.parametrize(("fault", "says"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_store_that_is_away_at_start_is_told_and_used_when_it_is_back(
    stages: Callable[..., Stage], volume: Disk, fault: Callable[[Disk], Iterator[None]], says: str
) -> None:
    store = volume.folder / "store.db"
    stage = stages(store=store)
    with fault(volume):
        stage.operator.start().ready()
        stage.apply("patient")
        waiting = stage.until("patient", "Judging", where=_store_is_away)
        assert says in condition(waiting, "Ready")["message"]
        assert condition(waiting, "Ready")["message"].endswith("the results wait in the master")
        assert stage.operator.answers("/readyz")
        assert stage.operator.answers("/healthz")
    done = stage.until("patient", "Completed", seconds=STORE_AGAIN + 20)
    assert done["status"]["verdict"] == "Passed"
    with closing(open_store(store)) as found:
        assert found.windows(done["status"]["run"]["id"]) is not None


def test_a_newer_schema_ends_the_operator_with_a_sentence(stages: Callable[..., Stage]) -> None:
    stage = stages()
    store = stage.folder / "operator" / "store.db"
    with closing(open_store(store)), closing(sqlite3.connect(store, isolation_level=None)) as newer:
        newer.execute("PRAGMA user_version = 99")
    process = stage.operator.start().process
    assert process is not None
    assert process.wait(20) == 2
    assert "written by a newer version (schema 99" in stage.operator.log.read_text()


def _store_is_away(test: dict) -> bool:
    return condition(test, "Ready").get("reason") == "StoreUnavailable"
