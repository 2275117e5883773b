"""A run begins: its number and id are fixed before anything is created."""

from datetime import datetime, timedelta

from loadtest_operator.build import names
from loadtest_operator.decide import held, refusal
from loadtest_operator.decide.observed import Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, stamp
from loadtest_operator.model import defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase


def begin(seen: Observed, now: datetime) -> Plan:
    return refusal.refuse(seen, now) if refusal.refused(seen.inputs) else held.held(seen, now) or admit(seen, now)


def admit(seen: Observed, now: datetime) -> Plan:
    """The first write that knows the run: its number and id are fixed here, before anything is created."""
    metadata = seen.raw["metadata"]
    assert seen.inputs.test is not None
    number = int((seen.status.get("run") or {}).get("number", 0)) + 1
    run = {
        "id": names.run_id(metadata["name"], metadata["uid"], number),
        "number": number,
        "attempt": 1,
        "runKey": seen.inputs.run_key,
        "startTime": stamp(now),
        "workers": defaults.workers(seen.inputs.test.spec),
    }
    if seen.inputs.test.spec.target.version:
        run["targetVersion"] = seen.inputs.test.spec.target.version
    message = f"run {number} admitted"
    say = Statement(
        phase=Phase.PREPARING,
        outcome=Outcome.WORKING,
        reason=Reason.PREPARING,
        message=message,
        facts=(Fact(ConditionType.ADMITTED, True, Reason.ADMITTED, message),),
        fields={"run": run, **({"lastHandledRunRequest": seen.request} if seen.request else {})},
        fresh=True,
    )
    return Plan(status=compose(seen, say, now), requeue_after=timedelta(0))
