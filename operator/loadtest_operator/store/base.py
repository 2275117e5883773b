"""The store as others see it. Every call blocks: callers on an event loop go through `asyncio.to_thread`."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.series import Wanted
from loadtest_operator.verdict.fingerprint import Fingerprint
from loadtest_operator.verdict.record import Environment, RunRecord


class StoreUnavailable(Exception):
    """The store cannot be read or written now; the message is a sentence that says what to do about it."""


class StoreRefused(StoreUnavailable):
    """This program must not use it at all: it does not come back by itself, only other settings or versions help."""


def utc(at: datetime) -> str:
    """As texts in the database: always as long, so that they sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A judged run. `series` is unique inside its namespace only."""

    id: str
    namespace: str
    series: str
    name: str
    uid: str
    number: int
    attempt: int
    phase: str
    start: datetime
    end: datetime
    config_hash: str
    workers_lost: int
    judgement: Judgement
    record: RunRecord | None = None
    """The windows, to commit them; None in what is read: they are large, ask `Store.windows`."""
    fingerprint: Fingerprint | None = None
    """To commit it; None in what is read: ask `Store.baseline`."""
    epoch: str = ""
    """`spec.baseline.epoch`: runs of another one are in no baseline of this one."""
    generator: str = ""
    """Which build of the load generator made it; empty: unknown."""

    @property
    def valid(self) -> bool:
        return bool(self.judgement.validity.get("valid", True))

    @property
    def comparison(self) -> str:
        """What the comparison said; empty when there was none."""
        return str((self.judgement.comparison or {}).get("result", ""))

    @classmethod
    def of(
        cls,
        record: RunRecord,
        *,
        uid: str,
        judgement: Judgement,
        phase: str,
        workers_lost: int = 0,
        fingerprint: Fingerprint | None = None,
        epoch: str = "",
        generator: str = "",
    ) -> "StoredRun":
        # What the judge found stays with the windows: a run that was invalid is in no baseline, wherever it travels.
        found = Environment(judgement.validity.get("valid", True), tuple(judgement.validity.get("reasons", ())))
        return cls(
            id=record.run,
            namespace=record.namespace,
            series=record.series,
            name=record.test,
            uid=uid,
            number=record.number,
            attempt=record.attempt,
            phase=phase,
            start=record.start,
            end=record.start + timedelta(seconds=record.duration_s),
            config_hash=record.config_hash,
            workers_lost=workers_lost,
            judgement=judgement,
            record=replace(record, environment=found),
            fingerprint=fingerprint,
            epoch=epoch,
            generator=generator,
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """The runs that a run is compared with, newest first."""

    series: str
    """The series that they are of."""
    runs: tuple[Fingerprint, ...] = ()
    generators: tuple[str, ...] = ()
    """Which build of the load generator made each of them."""


class Store(Protocol):
    """Raises StoreUnavailable, and nothing else, when the disk or the database is the reason."""

    def commit_run(self, run: StoredRun) -> None:
        """All of the run or nothing, and on the disk when this returns. The same run again replaces what was there;
        an earlier attempt never replaces a later one. Without a record the windows stay as they are."""

    def run(self, run_id: str) -> StoredRun | None: ...

    def runs(self, namespace: str, series: str, limit: int) -> list[StoredRun]:
        """The newest runs of a series, newest first."""

    def baseline(self, wanted: Wanted) -> Baseline:
        """Completed, valid and not alarmed runs that are comparable: the newest, and those that are pinned."""

    def windows(self, run_id: str) -> RunRecord | None:
        """The windows of the run's last attempt; None when there are none, or none any more."""

    def close(self) -> None: ...
