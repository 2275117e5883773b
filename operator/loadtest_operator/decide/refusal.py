"""Why a spec cannot be run as it is: what a person has to change, or what is waited for."""

from datetime import datetime, timedelta

from loadtest_operator.build.agent_config import config_map_names
from loadtest_operator.decide.observed import Inputs, Note, Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, same
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

# ConfigMaps are not watched (nobody may watch every user's ConfigMaps), so a missing one is asked for again.
LOOK_AGAIN_FOR_INPUTS = timedelta(seconds=5)


def refused(inputs: Inputs) -> bool:
    wrong = inputs.invalid or inputs.unsupported or inputs.forbidden
    return bool(wrong or inputs.missing or inputs.denied or inputs.unusable)


def blocks(seen: Observed) -> bool:
    """Whether a refusal is the answer. A ConfigMap that goes after its run takes nothing back of what was shown."""
    return refused(seen.inputs) and (seen.wants_another_run or not seen.inputs.unread or bool(seen.inputs.invalid))


def refuse(seen: Observed, now: datetime) -> Plan:
    """No run with this spec, and why."""
    inputs = seen.inputs
    if inputs.invalid:
        return stalled(seen, now, Reason.INVALID_SPEC, inputs.invalid)
    if inputs.unsupported:
        fields = ", ".join(inputs.unsupported)
        return stalled(
            seen,
            now,
            Reason.NOT_SUPPORTED_YET,
            f"this version does not act on {fields} yet: remove it, or use a newer version",
        )
    if inputs.forbidden:
        return stalled(seen, now, Reason.POLICY_REFUSED, inputs.forbidden)
    if inputs.denied:
        return _waiting(seen, now, Reason.ACCESS_MISSING, inputs.denied)
    if inputs.missing:
        return _waiting(seen, now, Reason.INPUT_MISSING, inputs.missing)
    if config_map_names(seen.raw.get("spec") or {}):  # which can be put right without an edit of the LoadTest
        return _waiting(seen, now, Reason.INPUT_INVALID, inputs.unusable)
    return stalled(seen, now, Reason.INPUT_INVALID, inputs.unusable)


def stalled(seen: Observed, now: datetime, reason: Reason, message: str) -> Plan:
    """Nothing runs and nothing will until a person changes something."""
    say = Statement(Phase.PENDING, Outcome.FAILS, reason, message, fresh=True)
    return told_once(seen, say, now)


def told_once(seen: Observed, say: Statement, now: datetime, again: timedelta | None = None) -> Plan:
    """Why this is not admitted; status and Event are written once, not at every look."""
    status = compose(seen, say.but(facts=(Fact(ConditionType.ADMITTED, False, say.reason, say.message),)), now)
    if same(status, seen.status):
        return Plan(requeue_after=again)
    return Plan(status=status, notes=(Note("Warning", str(say.reason), say.message),), requeue_after=again)


def _waiting(seen: Observed, now: datetime, reason: Reason, message: str) -> Plan:
    say = Statement(Phase.PENDING, Outcome.WORKING, reason, message, fresh=True)
    return told_once(seen, say, now, LOOK_AGAIN_FOR_INPUTS)
