"""Fingerprints in the database: how they are kept, and which of them are the baseline of a run."""

import json
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Final

from loadtest_operator.decide.series import Wanted
from loadtest_operator.model.phases import ComparisonResult, Phase
from loadtest_operator.store.base import Baseline, StoredRun, utc
from loadtest_operator.verdict.fingerprint import Fingerprint
from loadtest_operator.verdict.reading import BadInputError

# 500 endpoints take 200 KB; a small file must not unfold into all our memory.
_MAX_BYTES: Final = 32 << 20
_ALARMED: Final = (str(ComparisonResult.REGRESSED), str(ComparisonResult.WARNING))
# Fit to be compared with: measured to its end, valid, under the same load, and earlier than the run that asks.
_FIT: Final = """series.namespace = ? AND runs.phase = ? AND runs.valid AND runs.config_hash = ? AND runs.started < ?"""
_FROM: Final = """SELECT runs.id, generator, fingerprints.data FROM runs
    JOIN series ON series.id = runs.series JOIN fingerprints ON fingerprints.run = runs.id"""


def pack(fingerprint: Fingerprint) -> bytes:
    return zlib.compress(json.dumps(fingerprint.to_json(), separators=(",", ":")).encode())


def write(connection: sqlite3.Connection, run: StoredRun, data: bytes) -> None:
    connection.execute(
        "INSERT INTO fingerprints (run, attempt, data) VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
        "SET attempt = excluded.attempt, data = excluded.data WHERE excluded.attempt >= fingerprints.attempt",
        [run.id, run.attempt, data],
    )


def rows(connection: sqlite3.Connection, wanted: Wanted) -> tuple[str, Sequence[sqlite3.Row]]:
    """The series that is meant, and the rows of its newest runs, with the pinned ones that are not among them."""
    series = _series(connection, wanted)
    fit = [wanted.namespace, Phase.COMPLETED, wanted.config_hash, utc(wanted.before)]
    newest = connection.execute(
        f"{_FROM} WHERE {_FIT} AND series.name = ? AND runs.epoch = ? AND runs.comparison NOT IN (?, ?) "
        "ORDER BY runs.started DESC LIMIT ?",
        [*fit, series, wanted.epoch, *_ALARMED, wanted.limit],
    ).fetchall()
    known = {row["id"] for row in newest}
    holes = ", ".join("?" * len(wanted.pinned))
    pinned = connection.execute(f"{_FROM} WHERE {_FIT} AND runs.id IN ({holes})", [*fit, *wanted.pinned])
    return series, [*newest, *(row for row in pinned if row["id"] not in known)]


def read(series: str, found: Sequence[sqlite3.Row]) -> Baseline:
    """Raises BadInputError for what is no fingerprint."""
    return Baseline(series, tuple(_unpack(row) for row in found), tuple(row["generator"] for row in found))


def _series(connection: sqlite3.Connection, wanted: Wanted) -> str:
    for name in wanted.series:
        if connection.execute(
            "SELECT 1 FROM series WHERE namespace = ? AND name = ?", [wanted.namespace, name]
        ).fetchone():
            return name
    return wanted.series[0]


def _unpack(row: sqlite3.Row) -> Fingerprint:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(row["data"], _MAX_BYTES)
        found = json.loads(text)
    except (zlib.error, ValueError) as error:
        raise BadInputError(f"run {row['id']}: {error}") from error
    return Fingerprint.from_json(found)
