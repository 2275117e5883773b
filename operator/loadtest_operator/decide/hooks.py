"""When the Jobs before and after the load run, and what waits for them: the load pods, and the end of the run."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build import hooks as build
from loadtest_operator.build.hooks import AFTER, BEFORE
from loadtest_operator.build.pods import PodPlan
from loadtest_operator.decide import ending, environment, hookjobs, stopping
from loadtest_operator.decide.observed import Frozen, Note, Observed, Plan
from loadtest_operator.decide.status import RESULTS, Fact, Outcome, Statement, compose, same
from loadtest_operator.model import conditions, defaults
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, StopReason
from loadtest_operator.model.policies import Hook

LOOK_AGAIN = timedelta(seconds=5)  # its events tell sooner
_JUDGED = {Reason.JUDGING, Reason.STORE_UNAVAILABLE}


def before(seen: Observed, frozen: Frozen, now: datetime) -> Plan | None:
    """What is next before the load pods; None: it ended well, or there is none. A second attempt finds the data."""
    hook = frozen.test.spec.hooks.before if frozen.test.spec.hooks else None
    if hook is None or seen.run is None or seen.run.attempt > 1:
        return None
    if BEFORE not in seen.hooks.jobs:
        return replace(_preparing(seen, frozen, now), create=(_job(seen, BEFORE, hook),))
    did = hookjobs.settled(seen, BEFORE, now)
    if did is False:
        return ending.broken(seen, now, Reason.HOOK_FAILED, hookjobs.failure_of(seen, BEFORE))
    if did is None and hookjobs.late(seen, BEFORE, hook, now):
        return ending.broken(seen, now, Reason.HOOK_FAILED, hookjobs.too_late(seen, BEFORE))
    return None if did else _preparing(seen, frozen, now)


def beside(seen: Observed, plan: Plan, now: datetime) -> Plan:
    """Any plan; one that ends a run is held back until the Job after the load has ended, whatever ended the run."""
    hook = hookjobs.declared(seen, AFTER)
    if hook is None or seen.deleting or not _ends_run(seen, plan):
        return plan
    if not _over(seen, now):
        return _hold(seen, plan, hook, now)
    failed = hookjobs.failure(seen)
    return replace(plan, notes=(*plan.notes, Note("Warning", str(Reason.HOOK_FAILED), failed))) if failed else plan


def resumed(seen: Observed, now: datetime) -> Plan | None:
    """The end that was held back, again, as the status tells it; None: none was, or it follows from the results."""
    reason = conditions.told(seen.status, ConditionType.READY).get("reason", "")
    if not _held(seen) or reason in _JUDGED:
        return None
    shown = {key: seen.status[key] for key in RESULTS if key in seen.status}
    message = str(seen.status["message"])
    if seen.stop_reason is not None:
        plan = stopping.told(seen, now, seen.stop_reason, shown, message)
    else:
        plan = ending.broken(seen, now, Reason(reason), message, shown)
    if seen.stop_reason is StopReason.SUPERSEDED:
        return plan
    waits = seen.stored and seen.children.jobs  # a master that holds its results is let go first
    return replace(plan, delete=() if waits else ending.everything_made(seen))


def refused(seen: Observed, message: str, now: datetime) -> Plan | None:
    """The API server does not let the Job after the load be created: that is told, and stops nothing."""
    if not _held(seen):
        return None
    status = _holding(seen, None, _fact(False, Reason.HOOK_FAILED, f"hooks.after could not be started: {message}"), now)
    return Plan(status=status, requeue_after=timedelta(0))


def _ends_run(seen: Observed, plan: Plan) -> bool:
    old, new = seen.status.get("run") or {}, (plan.status or {}).get("run") or {}
    return bool(old) and new.get("id") == old["id"] and "endTime" in new and "endTime" not in old


def _held(seen: Observed) -> bool:
    """An end of the run waits for the Job."""
    said = hookjobs.told(seen)
    return seen.phase is Phase.JUDGING and bool(said) and said["status"] != "True"


def _over(seen: Observed, now: datetime) -> bool:
    if not _held(seen):
        return False
    could_not = hookjobs.told(seen).get("status") == "False"
    return could_not or hookjobs.settled(seen, AFTER, now) is not None


def _hold(seen: Observed, plan: Plan, hook: Hook, now: datetime) -> Plan:
    """The load ends at once; phase, locks and environment stay, and so do the frozen inputs of the Job.

    That it is wanted is written before it is made: no restart forgets how the run ends.
    """
    first = not _held(seen)
    create: tuple[Mapping[str, Any], ...] = ()
    fact = _fact(None, Reason.HOOK_RUNNING, hookjobs.running(seen, AFTER))
    if AFTER in seen.hooks.jobs:
        if hookjobs.late(seen, AFTER, hook, now):
            fact = _fact(False, Reason.HOOK_FAILED, hookjobs.too_late(seen, AFTER))
    elif not first:
        create = (_job(seen, AFTER, hook, _word(plan)),)
    status = _holding(seen, plan if first else None, fact, now)
    news = not same(status, seen.status)
    return Plan(
        stop=plan.stop,
        create=create,
        do=plan.do,
        delete=tuple(child for child in plan.delete if not _needed(seen, child)),
        status=status if news else None,
        requeue_after=timedelta(0) if news and not create else LOOK_AGAIN,
    )


def _holding(seen: Observed, plan: Plan | None, fact: Fact, now: datetime) -> dict[str, Any]:
    """Phase Judging, with the reason and the words of the end that is to come; without a plan, as they are."""
    status = seen.status if plan is None or plan.status is None else plan.status
    run: dict[str, Any] = {key: value for key, value in status["run"].items() if key != "endTime"}
    reason = conditions.told(status, ConditionType.READY)["reason"]
    message, fields = str(status["message"]), {"run": run}
    if status["phase"] == Phase.COMPLETED:  # it follows from the results once more, and may be worse then
        reason, message = str(Reason.JUDGING), Reason.JUDGING.says
    elif "stopReason" in run:
        reason = run["stopReason"]
    if status["phase"] != Phase.COMPLETED:
        fields |= {key: status[key] for key in RESULTS if key in status and key not in {"verdict", "progress"}}
    say = Statement(Phase.JUDGING, Outcome.WORKING, reason, message, facts=(fact,), fields=fields)
    return compose(seen, say, now)


def _fact(did: bool | None, reason: Reason, message: str) -> Fact:
    return Fact(ConditionType.HOOKS_SUCCEEDED, did, reason, message)


def _word(plan: Plan) -> str:
    """What the Job is told of the run."""
    status = plan.status or {}
    return str(status["run"].get("stopReason") or status.get("verdict") or Phase.ERROR)


def _needed(seen: Observed, child: Mapping[str, Any]) -> bool:
    run = seen.run
    wanted = (("Job", run.after), ("ConfigMap", run.config)) if run else ()
    return (child["kind"], child["metadata"]["name"]) in wanted


def _job(seen: Observed, role: str, hook: Hook, verdict: str = "") -> dict[str, Any]:
    run, test = seen.run, seen.frozen.test if seen.frozen else seen.inputs.test
    assert run is not None
    assert test is not None
    raw = seen.frozen.raw if seen.frozen else seen.raw["spec"]
    keep = defaults.keep_pods_for(test.spec).total_seconds()
    plan = PodPlan(run, raw, seen.images, seen.instance)
    return build.job(plan, role, timeout=hookjobs.timeout(hook).total_seconds(), keep=keep, verdict=verdict)


def _preparing(seen: Observed, frozen: Frozen, now: datetime) -> Plan:
    say = Statement(
        phase=Phase.PREPARING,
        outcome=Outcome.WORKING,
        reason=Reason.PREPARING,
        message=hookjobs.running(seen, BEFORE),
        facts=environment.ready_fact(frozen, seen.run.environment if seen.run else ""),
    )
    status = compose(seen, say, now)
    return Plan(status=None if same(status, seen.status) else status, requeue_after=LOOK_AGAIN)
