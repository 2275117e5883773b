"""Stores that an earlier version wrote: they are brought to this version's schema, and nothing in them is lost."""

import sqlite3
from contextlib import closing

import pytest
from loadtest_operator.decide.series import Wanted
from loadtest_operator.store import blob, open_store, schema

from tests.unit.store.runs import stored

RUN = stored("checkout-1-aaaa")
JUDGEMENT = """{"verdict":"Passed","message":"p95 183ms","summary":{"p95":"183ms"},"endpoints":[],"errors":[],
    "thresholds":[],"validity":{"valid":true},"comparison":null}"""


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_run_of_an_older_version_is_read_and_written_by_this_one(tmp_path, version):
    path = tmp_path / "runs.db"
    _written_by(version, path)
    with closing(open_store(path)) as store:
        found = store.run(RUN.id)
        assert (found.judgement.message, found.epoch, found.judgement.change) == ("p95 183ms", "", None)
        assert store.windows(RUN.id) == RUN.record
        assert store.baseline(_everything_like(RUN)).runs == ()  # it has no fingerprint, and another load's hash
        store.commit_run(stored("checkout-2-bbbb", number=2))
        assert [run.id for run in store.runs("shop", RUN.series, 9)] == ["checkout-2-bbbb", RUN.id]
        assert store._connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION


def _written_by(version, path):
    """As that version wrote it: only columns that it had."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, schema.MIGRATIONS[:version])
        connection.execute("INSERT INTO series (id, namespace, name) VALUES (1, 'shop', ?)", [RUN.series])
        connection.execute(
            """INSERT INTO runs (id, series, test, uid, number, attempt, phase, verdict, started, ended, config_hash,
            workers_lost, judgement) VALUES (?, 1, 'checkout', '7f3a', 1, 1, 'Completed', 'Passed',
            '2026-11-20T00:00:00.000000+00:00', '2026-11-20T00:01:00.000000+00:00', 'c0ffee', 0, ?)""",
            [RUN.id, JUDGEMENT],
        )
        connection.execute("INSERT INTO windows (run, attempt, data) VALUES (?, 1, ?)", [RUN.id, blob.pack(RUN.record)])
        connection.execute("COMMIT")


def _everything_like(run):
    return Wanted("shop", (run.series,), "c0ffee", "", run.end.replace(year=2100), 20)
