"""Whose turn it is: who holds what, who waits for what, and why, from front to back of one line."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from loadtest_operator.model import status
from loadtest_operator.model.conditions import Reason

# What a point of priority is worth: whoever waits is at some time ahead of all who come.
PRIORITY_STEP: Final = timedelta(minutes=1)
EXACT_PLACES: Final = 20
WORDS_MAX: Final = 256  # status.queue.waitingFor


class Name(NamedTuple):
    """A LoadTest."""

    namespace: str
    name: str


class Standing(Enum):
    """What `queue.after` sees of another LoadTest; whatever is missing here is not over yet."""

    PASSED = "passed its gate"
    FAILED = "is over and did not pass its gate"
    MISSING = "is not there"
    UNDER_WAY = "has not passed its gate yet"


@dataclass(frozen=True, slots=True)
class Need:
    """What a run takes while it is under way."""

    locks: frozenset[str] = frozenset()
    users: int = 1
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """One that waits."""

    of: Name
    need: Need
    since: datetime
    priority: int = 0
    after: tuple[str, ...] = ()
    timeout: timedelta = timedelta(hours=2)

    @property
    def order(self) -> tuple[datetime, Name]:
        """Smaller goes first. It does not change while it waits, so nobody is overtaken for ever."""
        return self.since - self.priority * PRIORITY_STEP, self.of


@dataclass(frozen=True, slots=True)
class Hold:
    """One that is under way."""

    of: Name
    need: Need
    since: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be under way at the same time; 0: as much as they like."""

    runs: int = 0
    users: int = 0
    workers: int = 0

    def items(self) -> tuple[tuple[str, int], ...]:
        return (("runs", self.runs), ("users", self.users), ("workers", self.workers))


def no_policy(_namespace: str) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of the operator's settings: for all namespaces together, and for each."""

    everywhere: Limits = Limits()
    each_namespace: Limits = Limits()
    concurrent: Callable[[str], int] = no_policy  # the policy's word on runs of a namespace; 0: it has none


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to one that waits."""

    goes: bool
    reason: Reason = Reason.ADMITTED
    waiting_for: str = ""
    position: int | None = None


GO: Final = Turn(True)


def _no(reason: Reason, says: str, position: int | None = None) -> Turn:
    """As long as the status has room for: locks are long where people make them long."""
    return Turn(False, reason, status.cut(says, WORDS_MAX), position)


def never(of: Name, need: Need, rules: Rules) -> str:
    """Why it can never be its turn, in words; empty when it can."""
    for scope, limits, _ in _scopes(of, rules):
        for what, most in limits.items():
            if most and _amount(need, what) > most:
                setting = _setting(what, scope)
                return (
                    f"it needs {_amount(need, what)} {what}, and {setting} is {most}: ask for less, or have the "
                    f"operator's setting {setting} raised"
                )
    return ""


@dataclass
class Line:
    """Everybody who waits is asked once, in order; what `step` answers depends on those before alone."""

    now: datetime
    rules: Rules = Rules()
    standings: Mapping[Name, Standing] = field(default_factory=dict)
    waits_after: Mapping[Name, tuple[str, ...]] = field(default_factory=dict)
    last: tuple[datetime, Name] | None = None

    def __post_init__(self) -> None:
        self._holders: dict[str, Hold] = {}
        self._waiting: dict[str, int] = {}  # by lock: how many wait for it
        self._first: dict[str, Name] = {}
        self._used: dict[tuple[str, str], int] = {}  # by namespace (or "") and what is limited
        self._short: dict[tuple[str, str], int] = {}  # how many wait for that

    def take(self, hold: Hold) -> None:
        """It is under way."""
        for lock in hold.need.locks:
            self._holders.setdefault(lock, hold)
        for scope in ("", hold.of.namespace):
            for what in ("runs", "users", "workers"):
                self._used[scope, what] = self._used.get((scope, what), 0) + _amount(hold.need, what)

    def step(self, ticket: Ticket) -> Turn:
        """The next in line."""
        self.last = ticket.order
        if turn := self._after(ticket):
            return turn
        if turn := self._locked(ticket) or self._limited(ticket):
            return turn
        self.take(Hold(ticket.of, ticket.need, self.now))
        return GO

    def _after(self, ticket: Ticket) -> Turn | None:
        namespace = ticket.of.namespace
        for name in ticket.after:
            standing = self.standings.get(Name(namespace, name), Standing.UNDER_WAY)
            if standing is Standing.PASSED:
                continue
            if standing is Standing.MISSING:
                says = f"{name} is not there: create it, or remove it from queue.after"
                return _no(Reason.AFTER_MISSING, says)
            if circle := self._circle(ticket.of, name):
                says = f"queue.after is a circle ({circle}): remove one of them"
                return _no(Reason.AFTER_CIRCLE, says)
            if standing is Standing.FAILED:
                says = f"{name} did not pass its gate: it goes on when a run of {name} passes"
                return _no(Reason.AFTER_FAILED, says)
            return _no(Reason.QUEUED, f"{name} has not passed its gate yet")
        return None

    def _circle(self, of: Name, name: str) -> str:
        """The way back to where it began, when there is one."""
        stack: list[tuple[str, tuple[str, ...]]] = [(name, (of.name, name))]
        seen: set[str] = set()
        while stack:
            here, path = stack.pop()
            if here == of.name:
                return " after ".join(path)
            if here not in seen:
                seen.add(here)
                ways = self.waits_after.get(Name(of.namespace, here), ())
                open_ways = [n for n in ways if self.standings.get(Name(of.namespace, n)) is not Standing.PASSED]
                stack += [(following, (*path, following)) for following in open_ways]
        return ""

    def _locked(self, ticket: Ticket) -> Turn | None:
        longest, most = "", (-1, False)
        for lock in sorted(ticket.need.locks):
            waiting, held = self._waiting.get(lock, 0), lock in self._holders
            if (waiting or held) and (waiting, held) > most:
                longest, most = lock, (waiting, held)
        if not longest:
            return None
        place = most[0] + 1
        self._claim(ticket)
        return _no(Reason.QUEUED, self._why(ticket.of, longest, place), coarse(place))

    def _claim(self, ticket: Ticket) -> None:
        """Nobody behind may take these."""
        for lock in ticket.need.locks:
            self._waiting[lock] = self._waiting.get(lock, 0) + 1
            self._first.setdefault(lock, ticket.of)

    def _why(self, of: Name, lock: str, place: int) -> str:
        if place > EXACT_PLACES:
            return f"more than {EXACT_PLACES} others are ahead for {lock}"
        if hold := self._holders.get(lock):
            return f"{_told(hold.of, of)} holds {lock} since {_clock(hold.since, self.now)}"
        return f"{_told(self._first[lock], of)} is ahead for {lock}"

    def _limited(self, ticket: Ticket) -> Turn | None:
        short = None
        for scope, limits, place in _scopes(ticket.of, self.rules):
            for what, most in limits.items():
                waiting = self._short.get((place, what), 0)
                used = self._used.get((place, what), 0)
                if most and (waiting or used + _amount(ticket.need, what) > most):
                    self._short[place, what] = waiting + 1
                    short = short or (scope, what, most, used, waiting + 1)
        if short is None:
            return None
        self._claim(ticket)
        return _no(Reason.QUEUED, _shortage(*short), coarse(short[-1]))


def decide(tickets: Iterable[Ticket], line: Line) -> dict[Name, Turn]:
    """Everybody's turn; `line` knows who is under way."""
    return {ticket.of: line.step(ticket) for ticket in sorted(tickets, key=lambda ticket: ticket.order)}


def coarse(place: int) -> int:
    """Exact for those who are soon to go; else rounded up, so that one end of a run is not a thousand writes."""
    if place <= EXACT_PLACES:
        return place
    step = 10 if place <= 100 else 100
    return -(-place // step) * step


def _scopes(of: Name, rules: Rules) -> tuple[tuple[str, Limits, str], ...]:
    here, runs = rules.each_namespace, rules.concurrent(of.namespace)
    if runs:
        return (("", rules.everywhere, ""), (_POLICY, replace(here, runs=runs), of.namespace))
    return (("", rules.everywhere, ""), (_NAMESPACE, here, of.namespace))


_NAMESPACE, _POLICY = "_per_namespace", "maxConcurrent of policy"


def _setting(what: str, scope: str) -> str:
    if scope == _POLICY:
        return scope if what == "runs" else f"max_{what}{_NAMESPACE}"
    return f"max_{what}{scope}"


def _amount(need: Need, what: str) -> int:
    return {"runs": 1, "users": need.users, "workers": need.workers}[what]


def _shortage(scope: str, what: str, most: int, used: int, place: int) -> str:
    where = "in this namespace" if scope else "in all namespaces"
    if place > EXACT_PLACES:
        return f"more than {EXACT_PLACES} others are ahead for the {most} {what} that may be under way {where}"
    return f"at most {most} {what} may be under way {where} ({_setting(what, scope)}), {used} are"


def _told(who: Name, to: Name) -> str:
    return who.name if who.namespace == to.namespace else f"{who.namespace}/{who.name}"


def _clock(moment: datetime, now: datetime) -> str:
    there = moment.astimezone(UTC)
    same_day = there.date() == now.astimezone(UTC).date()
    return f"{there:%H:%M} UTC" if same_day else f"{there:%Y-%m-%d %H:%M} UTC"
