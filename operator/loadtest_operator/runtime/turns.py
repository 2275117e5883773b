"""The line of those who wait, as the objects tell it; and who was let in this instant, before any object says so."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from loadtest_operator.decide import admission, queue, ticket
from loadtest_operator.decide.observed import Observed
from loadtest_operator.decide.queue import Hold, Limits, Line, Name, Rules, Ticket, Turn
from loadtest_operator.model import loadtest
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.errors import InvalidSpec
from loadtest_operator.model.policy import rule_of
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.settings import Settings

log = logging.getLogger(__name__)

# Between two rounds of telling: what changed meanwhile is told together, well within the second it may take.
GAP_SECONDS = 0.1

Object = Mapping[str, Any]


def rules(settings: Settings) -> Rules:
    @cache
    def concurrent(namespace: str) -> int:
        return rule_of(settings.policy, namespace)[0].max_concurrent

    return Rules(
        Limits(settings.max_runs, settings.max_users, settings.max_workers),
        Limits(settings.max_runs_per_namespace, settings.max_users_per_namespace, settings.max_workers_per_namespace),
        concurrent,
    )


class Turns:
    def __init__(
        self, rules: Rules, find: Callable[[Name], Object | None], wake: Callable[[Name], None], clock: Clock
    ) -> None:
        """`find` answers a LoadTest as it is known; `wake` is told of one that may go, or has news to write."""
        self._rules = rules
        self._find = find
        self._wake = wake
        self._clock = clock
        self._waiting: dict[Name, Ticket] = {}
        self._versions: dict[Name, tuple[str, int, str]] = {}  # of the object that a ticket was made from
        self._told: dict[Name, tuple[str, int | None]] = {}
        self._holding: dict[Name, Hold] = {}
        self._let_in: dict[Name, tuple[str, Hold]] = {}  # with the UID: decided, and no object says so yet
        self._named: set[Name] = set()  # whom those in line wait for
        self._line: Line | None = None  # None: it has to be formed anew
        self._turns: dict[Name, Turn] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def see(self, of: Name, raw: Object | None) -> None:
        """A LoadTest came, changed, or is gone: at once, from whatever knows it first."""
        self._see_hold(of, raw)
        self._see_wait(of, raw)
        if of in self._named:
            self._again()

    def place(self, seen: Observed) -> Observed:
        """With the turn of one that may begin a run. Nothing is awaited between the answer and its being counted."""
        if not admission.may_begin(seen):
            return seen
        assert seen.inputs.test is not None
        mine = ticket.ticket(seen.raw, seen.inputs.test.spec, self._clock())
        if words := queue.never(mine.of, mine.need, self._rules):
            self._leave(mine.of)
            return replace(seen, turn=Turn(False, Reason.LIMIT_EXCEEDED, words))
        uid = seen.raw["metadata"]["uid"]
        turn = self._ask(mine, uid)
        if turn.goes:
            self._waiting.pop(mine.of, None)
            self._turns.pop(mine.of, None)
            self._let_in[mine.of] = uid, Hold(mine.of, mine.need, self._clock())
        return replace(seen, turn=turn)

    def done(self, of: Name) -> None:
        """The plan was carried out. Who was let in and is not seen to be under way has stepped back.

        Not called when a write failed: it may have come through, and is repeated before anybody else is let in.
        """
        if self._let_in.pop(of, None) is not None and of not in self._holding:
            self._again()

    async def run(self) -> None:
        """Wakes whoever may go, and those to whom something new is to be told."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for of, turn in self._everybody().items():
                if turn.goes or self._told.get(of) != (turn.waiting_for, turn.position):
                    self._wake(of)
            await asyncio.sleep(GAP_SECONDS)

    def _ask(self, mine: Ticket, uid: str) -> Turn:
        let_in = self._let_in.get(mine.of)
        if let_in is not None and (let_in[0], let_in[1].need) == (uid, mine.need):
            return queue.GO  # the write is repeated
        if let_in is not None or mine.of in self._holding:  # edited before anything was created
            self._let_in.pop(mine.of, None)
            self._again()
        if self._waiting.get(mine.of) == mine:
            return self._everybody().get(mine.of, queue.GO)
        known = mine.of in self._waiting
        self._waiting[mine.of] = mine
        last_in_line = self._line is not None and not known and not mine.after and self._is_last(mine)
        if last_in_line:
            turn = self._turns[mine.of] = self._line.step(mine)  # type: ignore[union-attr]
            return turn
        self._again()
        return self._everybody(besides=mine.of)[mine.of]

    def _is_last(self, mine: Ticket) -> bool:
        return self._line is not None and (self._line.last is None or self._line.last < mine.order)

    def _everybody(self, besides: Name | None = None) -> Mapping[Name, Turn]:
        """Everybody's turn. `besides`: what this one held until now does not stand in its own way."""
        if self._line is None:
            self._named = {Name(one.of.namespace, name) for one in self._waiting.values() for name in one.after}
            self._line = Line(
                self._clock(),
                self._rules,
                {name: ticket.standing(self._find(name)) for name in self._named},
                {one.of: one.after for one in self._waiting.values() if one.after},
            )
            for hold in self._under_way(besides):
                self._line.take(hold)
            self._turns = queue.decide(self._waiting.values(), self._line)
            if besides in self._holding:
                self._line = None
        return self._turns

    def _under_way(self, besides: Name | None) -> Iterator[Hold]:
        for of, hold in self._holding.items():
            if of != besides:
                yield hold
        for of, (_, hold) in self._let_in.items():
            if of not in self._holding or of == besides:
                yield hold

    def _again(self) -> None:
        self._line = None
        self._changed.set()

    def _leave(self, of: Name) -> None:
        self._versions.pop(of, None)
        self._told.pop(of, None)
        if self._waiting.pop(of, None) is not None:
            self._again()

    def _see_hold(self, of: Name, raw: Object | None) -> None:
        before = self._holding.pop(of, None)
        let_in = self._let_in.get(of)
        if let_in is not None and (raw is None or let_in[0] != raw["metadata"]["uid"]):
            del self._let_in[of]
            self._again()
        if raw is not None and ticket.holds(raw):
            after = self._holding[of] = ticket.hold(raw)
            let_in = self._let_in.get(of)
            known = before or (let_in[1] if let_in else None)
            if known is None or known.need != after.need:
                self._again()
        elif before is not None:
            self._again()

    def _see_wait(self, of: Name, raw: Object | None) -> None:
        if raw is None or not ticket.waits(raw):
            self._leave(of)
            return
        self._told[of] = ticket.told(raw)
        since = str(((raw.get("status") or {}).get("queue") or {}).get("since"))
        version = (raw["metadata"]["uid"], int(raw["metadata"].get("generation", 1)), since)
        if self._versions.get(of) == version or of in self._let_in:
            return
        try:
            mine = ticket.ticket(raw, loadtest.parse(raw).spec, self._clock())
        except InvalidSpec:  # its own look tells that
            self._leave(of)
            return
        self._versions[of] = version
        if self._waiting.get(of) != mine:
            self._waiting[of] = mine
            self._again()
