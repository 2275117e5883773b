"""Preparing: inputs are frozen, one load pod of each role is tried out dry, then everything is created."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build import agent_config, children, manifests, networkpolicy
from loadtest_operator.build import hooks as hook_jobs
from loadtest_operator.build.agent_config import Endpoints
from loadtest_operator.build.children import Timing
from loadtest_operator.build.pods import Images, PodPlan
from loadtest_operator.decide import admission, ending, environment, hookjobs, hooks, kueue, lingering, refusal, stage
from loadtest_operator.decide.observed import Frozen, Observed, Plan
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, stamp
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

TRY_AGAIN = timedelta(seconds=3)
WAIT_FOR_PODS = timedelta(seconds=5)  # their events tell sooner


def decide(seen: Observed, now: datetime) -> Plan:
    if (waits := lingering.waits(seen, now)) is not None:
        return waits
    if seen.frozen is not None:
        return _first(seen, seen.frozen, now) or kueue.waits(seen, now) or _create(seen, seen.frozen, now)
    if seen.inputs.run_key != seen.status["run"]["runKey"] or seen.inputs.test is None:
        # Edited between admission and freezing: nothing has been created for this run, so it is admitted afresh.
        return admission.begin(seen, now)
    frozen = freeze(seen)
    plan = _create(seen, frozen, now, first=True)
    if not (frozen.environment or (frozen.test.spec.hooks and frozen.test.spec.hooks.before)):
        return plan
    # Who may not start load pods hears of it before minutes are spent on an environment.
    return Plan(dry_run=plan.dry_run, create=plan.create[:1], requeue_after=timedelta(0))


def _first(seen: Observed, frozen: Frozen, now: datetime) -> Plan | None:
    """What has to be there before the load pods: the environment, then what the hook puts into it."""
    return environment.prepare(seen, frozen, now) or hooks.before(seen, frozen, now)


def freeze(seen: Observed) -> Frozen:
    """The current spec with what it points to, as this run keeps it."""
    run, test = seen.run, seen.inputs.test
    assert run is not None
    assert test is not None
    objects = manifests.placed(seen.inputs.environment, run.environment)
    return Frozen(seen.raw["spec"], test, seen.inputs.files, objects, image=seen.images.own)


def timing(frozen: Frozen) -> Timing:
    spec = frozen.test.spec
    health = defaults.health(spec).timeout or defaults.HEALTH_TIMEOUT
    return Timing(
        start_timeout=defaults.start_timeout(spec).total_seconds(),
        health_timeout=health.total_seconds(),
        duration=defaults.duration(spec).total_seconds(),
        keep=defaults.keep_pods_for(spec).total_seconds(),
    )


def _create(seen: Observed, frozen: Frozen, now: datetime, *, first: bool = False) -> Plan:
    run = seen.run
    assert run is not None
    told = kueue.let_go(seen, now)
    deadline = ending.deadline_at(told, frozen.test.spec)
    # What is frozen cannot know how long Kueue makes it wait, so the master is told when that is over.
    asked = bool(kueue.queue_name(seen)) or stage.with_kueue(seen.status)
    ends_at = int(deadline.timestamp()) if asked else None
    locks = tuple(told.get("locks") or ())
    plan = PodPlan(run, frozen.raw, _images(seen, frozen), seen.instance, ends_at, locks, stamp(deadline))
    config = agent_config.agent_config(
        frozen.test, frozen.raw, run, seen.token_sha256, Endpoints(master_host=children.service_host(run))
    )
    if not asked:
        config["deadlineAt"] = deadline.timestamp()
    inputs = _inputs(seen, frozen, config) if first or frozen.inherited else ()
    around = (*inputs, *_fence(seen, frozen), children.service(run, seen.instance))
    times, workers = timing(frozen), defaults.workers(frozen.test.spec)
    dry_run = (
        children.dry_run_pod(plan, "master"),
        children.dry_run_pod(plan, "worker"),
        *(hook_jobs.dry_run_pods(plan) if first else ()),
    )
    if kueue.queue_name(seen) and "worker" not in seen.children.jobs:
        job = children.worker_job(plan, times, workers, kueue.queue_name(seen))
        status = compose(seen, kueue.standing(seen, now), now)
        return Plan(
            dry_run=dry_run,
            create=(*around, job),
            status=status,
            notes=(kueue.note(seen),),
            requeue_after=WAIT_FOR_PODS,
        )
    jobs = (children.master_job(plan, times), children.worker_job(plan, times, workers))
    status = compose(seen, _starting(seen, frozen, workers, told), now)
    return Plan(dry_run=dry_run, create=(*around, *jobs), status=status, requeue_after=WAIT_FOR_PODS)


def _starting(seen: Observed, frozen: Frozen, workers: int, run: Mapping[str, Any]) -> Statement:
    assert seen.run is not None
    admitted = Fact(ConditionType.ADMITTED, True, Reason.ADMITTED, f"run {seen.run.number} admitted")
    return Statement(
        phase=Phase.STARTING,
        outcome=Outcome.WORKING,
        reason=Reason.STARTING,
        message=f"creating 1 master and {workers} worker{'s' if workers != 1 else ''}",
        facts=(
            *((admitted,) if stage.with_kueue(seen.status) else ()),
            *environment.ready_fact(frozen, seen.run.environment),
            *hookjobs.fact(seen),
            Fact(ConditionType.WORKERS_CONNECTED, False, Reason.STARTING, f"0 of {workers} workers connected"),
        ),
        fields={"run": run},
    )


def _images(seen: Observed, frozen: Frozen) -> Images:
    """An attempt has one image, also when another version of the operator goes on with it: what is frozen was written
    for that one, and master and workers have to understand each other."""
    if frozen.inherited or not frozen.image:
        return seen.images
    return replace(seen.images, own=frozen.image)


def _fence(seen: Observed, frozen: Frozen) -> tuple[dict[str, Any], ...]:
    """Before the Jobs: no load pod is ever without it."""
    if seen.fence is None or seen.run is None:
        return ()
    return (networkpolicy.network_policy(seen.run, seen.instance, seen.fence, frozen.raw),)


def _inputs(seen: Observed, frozen: Frozen, config: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    run = seen.run
    assert run is not None
    image = seen.images.own
    return (children.config_map(run, seen.instance, image, config, frozen.raw, frozen.files, frozen.environment),)


def _refused_since(seen: Observed, now: datetime) -> datetime:
    admitted = conditions.told(seen.status, ConditionType.ADMITTED)
    return quantities.parse_timestamp(admitted["lastTransitionTime"]) if admitted.get("status") == "False" else now


def refused(seen: Observed, reason: Reason, message: str, now: datetime) -> Plan:
    """A child may not be created: a person may mend that within runners.startTimeout, then the run is over."""
    if reason is Reason.ENVIRONMENT_FAILED:  # what is frozen cannot be corrected, only replaced by another run
        return ending.broken(seen, now, reason, message)
    started = _refused_since(seen, now)
    spec = seen.frozen.test.spec if seen.frozen else seen.inputs.test.spec if seen.inputs.test else None
    patience = defaults.start_timeout(spec) if spec else timedelta(0)
    if now - started > patience:
        return ending.broken(seen, now, reason, message)
    return refusal.told_once(seen, Statement(Phase.PREPARING, Outcome.WORKING, reason, message), now, TRY_AGAIN)
