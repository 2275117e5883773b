"""What a decision is made from, and what it is: Observed in, Plan out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from loadtest_operator.build.names import ANNOTATION_RUN_REQUESTED, ANNOTATION_STOP_REQUESTED, RunRef
from loadtest_operator.build.networkpolicy import Fence
from loadtest_operator.build.pods import Images
from loadtest_operator.decide import runkey, stage
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.decide.podproblems import PodEnd, PodProblem, end_of, ready, running
from loadtest_operator.decide.queue import Turn
from loadtest_operator.decide.readiness import Live
from loadtest_operator.model import conditions
from loadtest_operator.model.conditions import ConditionType
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.phases import Phase, StopReason
from loadtest_operator.verdict.aborted import Aborted
from loadtest_operator.verdict.queries import Sample

Raw = Mapping[str, Any]

REQUEST_MAX = 256  # what status.lastHandledRunRequest can hold; an annotation can be longer


@dataclass(frozen=True)
class Inputs:
    """The current spec and what it points to."""

    test: LoadTest | None = None
    invalid: str = ""  # a sentence, when the spec cannot be read
    unsupported: tuple[str, ...] = ()
    forbidden: str = ""  # a sentence, when the installer's policy does not allow it
    missing: str = ""  # a sentence, when a ConfigMap that the spec names is not there
    denied: str = ""  # a sentence, when it may not be read
    unusable: str = ""  # a sentence, when the environment's manifests cannot be used
    files: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[Raw, ...] = ()  # its objects; `{namespace}` of metadata is filled in when they are frozen
    run_key: str = ""
    unread: bool = False  # a ConfigMap that the spec names is gone or may not be read: what it says is not known

    def answered_by(self, run_key: str) -> bool:
        """Whether a run with this key ran what is asked for now. What cannot be read is not taken as changed."""
        if self.unread:
            return runkey.of_spec(run_key) == runkey.of_spec(self.run_key)
        return run_key == self.run_key


@dataclass(frozen=True)
class Frozen:
    """The spec of the run in progress, as it was when it was admitted."""

    raw: Raw
    test: LoadTest
    files: Mapping[str, str] = field(default_factory=dict)  # of the scenario
    environment: tuple[Raw, ...] = ()  # what is applied into the ephemeral namespace
    inherited: bool = False  # from an attempt that was lost: this one has no copy of its own yet
    image: str = ""  # ours, when this was frozen; empty: of an operator that did not write it down


@dataclass(frozen=True)
class Surroundings:
    """The ephemeral namespace of the run in progress, or of the one that is just over."""

    name: str
    raw: Raw | None = None  # None: it is not there
    applied: bool = False
    live: Live = field(default_factory=Live)
    unknown: bool = False  # the operator may not look at it (any more)

    @property
    def lost(self) -> bool:
        """Gone, or going, whoever did it."""
        return not self.unknown and (self.raw is None or self.leaving)

    @property
    def leaving(self) -> bool:
        return self.raw is not None and "deletionTimestamp" in self.raw["metadata"]


@dataclass(frozen=True)
class Agent:
    """What the master's agent last said."""

    state: Raw = field(default_factory=dict)  # empty: it never answered
    answered: datetime | None = None
    silent_since: datetime | None = None
    complete: bool = False  # every window is here
    cursor: int = 0
    windows: int = 0  # how many are here
    problem: str = ""  # it answers, but what cannot be read: in its words or those of the reader
    problem_since: datetime | None = None

    @property
    def phase(self) -> str:
        return str(self.state.get("state", ""))


@dataclass(frozen=True)
class Lingering:
    """A worker's pod that has not ended: of a lost attempt, of an earlier run, or of another that had the same lock."""

    pod: Raw
    alone_for: timedelta | None = None  # since its master was seen to be gone; None: the master's pod is there
    load_ends: datetime | None = None  # by when that master ends the load; None: nobody wrote it down


@dataclass(frozen=True)
class Children:
    """The children of the run in progress, by role."""

    jobs: Mapping[str, Raw] = field(default_factory=dict)
    pods: Mapping[str, tuple[Raw, ...]] = field(default_factory=dict)
    earlier_jobs: tuple[Raw, ...] = ()  # of lost attempts of the same run
    lingering: tuple[Lingering, ...] = ()  # in phase Preparing: what others that had the same target left

    @cached_property
    def master(self) -> Raw | None:
        """The master's newest pod."""
        pods = self.pods.get("master", ())
        return max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default=None)

    @property
    def master_end(self) -> PodEnd | None:
        return end_of(self.master) if self.master else None

    @property
    def master_running(self) -> bool:
        return self.master is not None and running(self.master)

    @property
    def master_ready(self) -> bool:
        return self.master is not None and ready(self.master)

    @property
    def all_pods(self) -> tuple[Raw, ...]:
        return tuple(pod for pods in self.pods.values() for pod in pods)


@dataclass(frozen=True)
class HookJobs:
    """The Jobs before and after the load, by role: of the run, whatever its attempt."""

    jobs: Mapping[str, Raw] = field(default_factory=dict)
    pods: Mapping[str, tuple[Raw, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    raw: Raw
    inputs: Inputs = field(default_factory=Inputs)
    frozen: Frozen | None = None
    children: Children = field(default_factory=Children)
    hooks: HookJobs = field(default_factory=HookJobs)
    environment: Surroundings | None = None
    agent: Agent = field(default_factory=Agent)
    judgement: Judgement | None = None
    stored: bool = False  # the store holds the result of the run in progress
    store_problem: str = ""
    query_problem: str = ""  # Prometheus does not answer a threshold's query, and is asked again
    watched: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)  # by query, what abort rules look at
    token_sha256: str = ""
    images: Images = field(default_factory=lambda: Images(own=""))
    instance: str = "loadtest-operator"
    fence: Fence | None = None  # None: load pods may connect to anything
    turn: Turn | None = None  # of one that may begin a run: whether it is its turn

    @cached_property
    def status(self) -> Raw:
        return self.raw.get("status") or {}

    @property
    def generation(self) -> int:
        return int(self.raw["metadata"].get("generation", 1))

    @property
    def deleting(self) -> bool:
        return "deletionTimestamp" in self.raw["metadata"]

    @cached_property
    def phase(self) -> Phase | None:
        return stage.stage(self.status)

    @property
    def request(self) -> str:
        return self._annotation(ANNOTATION_RUN_REQUESTED)[:REQUEST_MAX]

    @property
    def asked_to_stop(self) -> bool:
        """This very run; the id of another one asks for nothing."""
        asked = self._annotation(ANNOTATION_STOP_REQUESTED)
        return bool(asked) and asked == (self.status.get("run") or {}).get("id")

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the run that the status tells of was stopped, or is being stopped."""
        text = (self.status.get("run") or {}).get("stopReason")
        return StopReason(text) if text else None

    def _annotation(self, name: str) -> str:
        return str((self.raw["metadata"].get("annotations") or {}).get(name, ""))

    @cached_property
    def run(self) -> RunRef | None:
        run = self.status.get("run")
        if not run:
            return None
        metadata = self.raw["metadata"]
        return RunRef(
            namespace=metadata["namespace"],
            test=metadata["name"],
            uid=metadata["uid"],
            number=int(run["number"]),
            attempt=int(run.get("attempt", 1)),
            id=run["id"],
        )

    @property
    def unsettled(self) -> bool:
        """No run is under way, and the status is not yet an answer to this generation."""
        if self.phase is None or not (self.phase.terminal or self.phase in {Phase.PENDING, Phase.SUSPENDED}):
            return False
        working = bool(conditions.told(self.status, ConditionType.RECONCILING))
        return working or self.phase is Phase.PENDING or self.status.get("observedGeneration") != self.generation

    @property
    def run_key(self) -> str:
        """Of the run that the status tells of."""
        return str((self.status.get("run") or {}).get("runKey", ""))

    @property
    def new_request(self) -> bool:
        return bool(self.request) and self.request != self.status.get("lastHandledRunRequest")

    @property
    def unanswered(self) -> bool:
        """The run was stopped for another one to follow."""
        return self.stop_reason in {StopReason.SUSPENDED, StopReason.SUPERSEDED}

    @property
    def wants_another_run(self) -> bool:
        """A run key or request that no run has answered yet."""
        known = bool(self.status.get("run")) and self.inputs.answered_by(self.run_key)
        return not known or self.new_request or self.unanswered


class Do(StrEnum):
    """Work that a plan asks for beside creating, deleting and writing the status."""

    JUDGE = "judge"  # compute the verdict and commit the result; both off the loop's thread
    KEEP = "keep"  # judge and commit what there is of an attempt that was lost
    STOP = "stop"  # ask the master to end the load and to collect
    ACKNOWLEDGE = "acknowledge"  # let the master go
    BUILD_ENVIRONMENT = "build environment"  # namespace, guards, manifests: what is there already stays
    END_ENVIRONMENT = "end environment"  # delete the namespace


@dataclass(frozen=True)
class Note:
    """An Event on the LoadTest."""

    type: str  # Normal or Warning
    reason: str
    message: str


@dataclass(frozen=True)
class Plan:
    """In this order: what must stop, dry runs, creations, work, deletions, ONE status write, Events, and when to look
    again."""

    stop: tuple[Raw, ...] = ()  # load that must end before anything else is done
    dry_run: tuple[Raw, ...] = ()
    create: tuple[Raw, ...] = ()
    do: tuple[Do, ...] = ()
    abort: Aborted | None = None  # the load is to end, because a limit says so
    delete: tuple[Raw, ...] = ()  # Jobs: foreground, so that their pods go first
    status: dict[str, Any] | None = None  # None: leave it as it is
    notes: tuple[Note, ...] = ()
    requeue_after: timedelta | None = None


__all__ = ["Agent", "Children", "Do", "Frozen", "Inputs", "Note", "Observed", "Plan", "PodEnd", "PodProblem"]
