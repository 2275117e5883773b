"""One LoadTest: (Observed, now) -> Plan. Reads like the table of phases in docs/architecture.md."""

from datetime import datetime

from loadtest_operator.decide import admission, after, ending, environment, follow, judging, prepare, stopping
from loadtest_operator.decide.observed import Observed, Plan
from loadtest_operator.model.phases import Phase


def decide(seen: Observed, now: datetime) -> Plan:
    return environment.beside(seen, stopping.instead(seen, _decide(seen, now), now), now)


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
            return stopping.ask(seen, follow.decide(seen, now), now)
        case Phase.JUDGING:
            return judging.decide(seen, now)
        case _ if after.concerns(seen):
            return after.decide(seen, now)
        case _:
            return after.give_way(seen, admission.begin(seen, now))
