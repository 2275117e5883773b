"""One LoadTest: (Observed, now) -> Plan. Reads like the table of phases in docs/architecture.md."""

from datetime import datetime

from loadtest_operator.decide import (
    admission,
    after,
    ending,
    environment,
    follow,
    hooks,
    judging,
    prepare,
    queries,
    stopping,
)
from loadtest_operator.decide.observed import Observed, Plan
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.phases import Phase


def decide(seen: Observed, now: datetime) -> Plan:
    return _whole(seen, _decide(seen, now), now)


def refused(seen: Observed, reason: Reason, message: str, now: datetime) -> Plan:
    """The API server does not let a child be created."""
    return _whole(seen, hooks.refused(seen, message, now) or prepare.refused(seen, reason, message, now), now)


def _whole(seen: Observed, plan: Plan, now: datetime) -> Plan:
    return environment.beside(seen, hooks.beside(seen, stopping.instead(seen, plan, now), now), now)


def _decide(seen: Observed, now: datetime) -> Plan:
    if seen.deleting:
        # Not the Jobs alone: with `--cascade=orphan` no garbage collector takes the others, nor does anybody else.
        return Plan(delete=ending.children_of_run(seen))
    if reason := stopping.wanted(seen):
        return stopping.begin(seen, reason, now)
    if ending.overdue(seen, now):
        return ending.deadline_exceeded(seen, now)
    if environment.is_lost(seen):
        return environment.lost(seen, now)
    match seen.phase:
        case Phase.PREPARING:
            return prepare.decide(seen, now)
        case Phase.STARTING | Phase.PREFLIGHT | Phase.RUNNING | Phase.COLLECTING:
            return queries.beside(seen, stopping.ask(seen, follow.decide(seen, now), now))
        case Phase.JUDGING:
            return judging.decide(seen, now)
        case _ if after.concerns(seen):
            return after.decide(seen, now)
        case _:
            return after.give_way(seen, admission.begin(seen, now))
