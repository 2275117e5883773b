"""The tables, as migrations that only go forward: entry N of the list leads from version N to N + 1."""

import sqlite3

from loadtest_operator.store.base import StoreRefused

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE series (
            id INTEGER PRIMARY KEY,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            UNIQUE (namespace, name)
        ) STRICT""",
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            series INTEGER NOT NULL REFERENCES series (id),
            test TEXT NOT NULL,
            uid TEXT NOT NULL,
            number INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            phase TEXT NOT NULL,
            verdict TEXT NOT NULL,
            started TEXT NOT NULL,
            ended TEXT NOT NULL,
            config_hash TEXT NOT NULL,
            workers_lost INTEGER NOT NULL,
            judgement TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX runs_of_series ON runs (series, started)",
        # By attempt: a confirmation run is an attempt of the same run, and its windows count beside the first one's.
        """CREATE TABLE windows (
            run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            attempt INTEGER NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (run, attempt)
        ) STRICT""",
    ),
    (
        # What says whether a run may be part of a baseline, beside its config_hash.
        "ALTER TABLE runs ADD COLUMN valid INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE runs ADD COLUMN comparison TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE runs ADD COLUMN epoch TEXT NOT NULL DEFAULT ''",
        # Which build of the load generator made it.
        "ALTER TABLE runs ADD COLUMN generator TEXT NOT NULL DEFAULT ''",
        # Of the run's last attempt. Small, and kept when the windows are not any more.
        """CREATE TABLE fingerprints (
            run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
            attempt INTEGER NOT NULL,
            data BLOB NOT NULL
        ) STRICT""",
    ),
)
VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Brings the database to this version, all of it or nothing; the caller's transaction is open."""
    [[found]] = connection.execute("PRAGMA user_version")
    if found > len(migrations):
        raise StoreRefused(
            f"the store was written by a newer version (schema {found}, this one knows up to {len(migrations)}); "
            "upgrade again, or start with a copy of the store from before"
        )
    for statements in migrations[found:]:
        for statement in statements:
            connection.execute(statement)
    if found < len(migrations):
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
