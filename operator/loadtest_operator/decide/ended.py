"""A run that is over, told again: for a new generation, or because the edit that had replaced it was taken back."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.decide.gate import gate
from loadtest_operator.decide.observed import Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose
from loadtest_operator.model import conditions, defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, StopReason, Verdict

_PHASES = {str(StopReason.CANCELLED): Phase.CANCELLED, str(Verdict.ERROR): Phase.ERROR}


def phase_of(seen: Observed) -> Phase | None:
    """How the run ended that answers what is asked for now; None: there is none, or it is to be run anew."""
    if seen.wants_another_run or "endTime" not in seen.status["run"]:
        return None
    if seen.phase is not None and seen.phase.terminal:
        return seen.phase
    return _PHASES.get(_word(seen), Phase.COMPLETED)


def carried_over(seen: Observed, now: datetime, phase: Phase) -> Plan:
    """Same verdict, new generation: what was measured is not there any more to be judged by other limits."""
    restored = phase is not seen.phase
    verdict = Verdict(seen.status.get("verdict") or _verdict(seen))
    test = seen.inputs.test
    opens = phase is Phase.COMPLETED and test is not None and gate(verdict, defaults.fail_on(test.spec)).passes
    number = seen.status["run"]["number"]
    message = f"run {number}: {_word(seen)}; its numbers are not here any more" if restored else seen.status["message"]
    say = Statement(
        phase=phase,
        outcome=Outcome.PASSES if opens else Outcome.FAILS,
        reason=_reason(seen, phase, verdict, restored=restored),
        message=str(message),
        facts=(Fact(ConditionType.ADMITTED, True, Reason.ADMITTED, f"run {number} admitted"),),
        fields={"verdict": str(verdict)} if restored and phase is not Phase.CANCELLED else None,
        passed=opens,
    )
    return Plan(status=compose(seen, say, now), requeue_after=timedelta(0))


def _reason(seen: Observed, phase: Phase, verdict: Verdict, *, restored: bool) -> Reason | str:
    if phase is Phase.COMPLETED:
        return Reason(str(verdict))
    ready = {} if restored else conditions.told(seen.status, ConditionType.READY)
    return str(ready["reason"]) if ready else Reason(str(phase))


def _verdict(seen: Observed) -> str:
    word = _word(seen)
    return word if word in set(Verdict) else str(Verdict.ERROR)


def _word(seen: Observed) -> str:
    """What history says of the run."""
    run = seen.status["run"]["id"]
    lines: list[Mapping[str, Any]] = list(seen.status.get("history") or ())
    return next((str(line.get("verdict")) for line in lines if line["id"] == run), str(Verdict.ERROR))
