"""What this process knows of a run beside the API objects: pulled windows, the last state, the verdict. Can be lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loadtest_operator.build.names import RunRef
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.observed import Frozen, Inputs
from loadtest_operator.runtime.objects import Key
from loadtest_operator.verdict.queries import Sample
from loadtest_operator.verdict.windows import WindowLog


@dataclass
class Attempt:
    """One attempt of one run."""

    fence: str
    log: WindowLog = field(default_factory=WindowLog)
    state: dict[str, Any] = field(default_factory=dict)
    answered: datetime | None = None
    silent_since: datetime | None = None
    problem: str = ""
    problem_since: datetime | None = None
    asked: float = float("-inf")  # on the loop's clock
    frozen: Frozen | None = None
    unborn: bool = False  # this process has just admitted it: nothing of it can be there yet
    stored: bool | None = None  # None: the store has not been asked
    judgement: Judgement | None = None
    judged_generation: int = 0
    store_problem: str = ""
    query_problem: str = ""
    unanswered_since: datetime | None = None  # Prometheus does not answer the judging's queries
    watched: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)  # by query, for abort rules
    watch_next: float = float("-inf")  # on the loop's clock
    released: bool = False
    environment_applied: bool = False
    alone_since: dict[str, float] = field(default_factory=dict)  # earlier workers by UID, on the loop's clock
    by_itself: bool = False  # nothing earlier may still send load
    cleared: set[tuple[str, str]] = field(default_factory=set)  # kind and name of what this process deleted


@dataclass
class Session:
    """One LoadTest."""

    inputs: Inputs | None = None
    inputs_version: str = ""
    inputs_read: float = float("-inf")  # on the loop's clock
    attempt: Attempt | None = None
    made: set[RunRef] = field(default_factory=set)  # attempts whose ConfigMap is there, or may be

    def unmade(self, config: str) -> None:
        self.made = {run for run in self.made if run.config != config}

    def left_by(self, others: str) -> list[RunRef]:
        """Attempts of LoadTests of this name that have another UID than this one."""
        return [run for run in self.made if run.uid != others]

    def of(self, fence: str) -> Attempt:
        """The attempt with this fence; whatever belonged to another one is forgotten."""
        if self.attempt is None or self.attempt.fence != fence:
            self.attempt = Attempt(fence)
        return self.attempt


class Sessions:
    def __init__(self) -> None:
        self._by_key: dict[Key, Session] = {}

    def of(self, key: Key) -> Session:
        return self._by_key.setdefault(key, Session())

    def drop(self, key: Key) -> None:
        self._by_key.pop(key, None)
