"""How a run ends without a verdict about the target: what broke, in words, and what is taken down at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.build import networkpolicy
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide import hookjobs, retention, stage
from loadtest_operator.decide.observed import Note, Observed, Plan
from loadtest_operator.decide.podproblems import PodEnd, PodProblem, last_end_of, problem_of
from loadtest_operator.decide.status import HISTORY_LENGTH, Fact, Outcome, Statement, compose, stamp
from loadtest_operator.model import conditions, defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase, StopReason, Verdict
from loadtest_operator.model.spec import LoadTestSpec

# The agent's reasons (docs/decisions/0002-agent-protocol.md) in the words of our conditions.
AGENT_REASONS = {
    "ScriptError": Reason.SCRIPT_FAILED,
    "TargetUnreachable": Reason.TARGET_UNREACHABLE,
    "WorkersMissing": Reason.START_TIMEOUT,
    "WorkersLost": Reason.WORKERS_LOST,
    "Stopped": Reason.CANCELLED,
    "DeadlineExceeded": Reason.DEADLINE_EXCEEDED,
    "ConfigError": Reason.POD_FAILED,
    "InternalError": Reason.POD_FAILED,
    "OOMKilled": Reason.MASTER_LOST,
}

COLLECTING = timedelta(seconds=20)  # in-flight requests 5 s, the last windows 10 s
_TIMED = {Phase.PREPARING, Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING}
_LOADING = {"Loading", "WaitingForWorkers", "Preflight", "Running"}


_ADVICE = {
    Reason.IMAGE_PULL_FAILED: "; correct runners.image or runners.imagePullSecrets",
    Reason.UNSCHEDULABLE: "; ask for less in runners.resources, or add a node",
}


def start_timed_out(seen: Observed, problem: PodProblem | None, now: datetime) -> Plan:
    reason, said = _told_problem(seen) or _named(problem)
    return broken(seen, now, reason if reason in _ADVICE else Reason.START_TIMEOUT, f"{said}{_ADVICE.get(reason, '')}")


def reason_of(problem: PodProblem) -> Reason:
    if problem.image:
        return Reason.IMAGE_PULL_FAILED
    return Reason.UNSCHEDULABLE if problem.reason == "Unschedulable" else Reason.POD_FAILED


def _named(problem: PodProblem | None) -> tuple[Reason, str]:
    if problem is None:
        return Reason.START_TIMEOUT, "the master did not answer within runners.startTimeout"
    return reason_of(problem), str(problem)


def _told_problem(seen: Observed) -> tuple[Reason, str] | None:
    """What kept the pods, as the status told it before an operator took them down, and died before it said so."""
    if all(role in seen.children.jobs and _stays(seen.children.jobs[role]) for role in ("master", "worker")):
        return None
    found = conditions.told(seen.status, ConditionType.READY).get("reason")
    told = next((reason for reason in (*_ADVICE, Reason.POD_FAILED) if found == reason), None)
    return None if told is None else (told, str(seen.status.get("message", "")))


def overdue(seen: Observed, now: datetime) -> bool:
    """Whether the run has had its time, from admission on.

    Results that wait to be collected are not late, however long the operator was away; nor is a run given up on old
    news of its master.
    """
    if seen.phase not in _TIMED or seen.stored or stage.with_kueue(seen.status):
        return False
    asked = seen.agent.phase in _LOADING and seen.agent.silent_since is None
    if seen.phase is not Phase.PREPARING and not asked:
        return False
    test = seen.frozen.test if seen.frozen else seen.inputs.test
    if test is None:
        return False
    # Under load the master ends it by itself, and has the partial results; it is given the time to collect them.
    patience = COLLECTING if seen.phase is Phase.RUNNING else timedelta(0)
    return now > deadline_at(seen.status["run"], test.spec) + patience


def deadline_at(run: Mapping[str, Any], spec: LoadTestSpec) -> datetime:
    """Counted from admission, over all attempts; without what Kueue made them wait."""
    waited = timedelta(seconds=int(run.get("waitedSeconds", 0)))
    return quantities.parse_timestamp(run["startTime"]) + waited + defaults.deadline(spec)


def deadline_exceeded(seen: Observed, now: datetime) -> Plan:
    test = seen.frozen.test if seen.frozen else seen.inputs.test
    limit = quantities.duration(defaults.deadline(test.spec)) if test else "its time"
    message = f"no end within {limit}, phase {seen.phase} was reached: raise spec.deadline, or see what took so long"
    return broken(seen, now, Reason.DEADLINE_EXCEEDED, message)


def agent_failed(seen: Observed, now: datetime, fields: dict[str, Any]) -> Plan:
    """The run went wrong under load; what was measured until then is kept and shown."""
    error = seen.agent.state.get("error") or {}
    reason = AGENT_REASONS.get(str(error.get("reason")), Reason.ERROR)
    plan = broken(seen, now, reason, str(error.get("message") or reason.says), fields)
    return replace(plan, delete=())  # it holds its results and sends nothing: let go, its pods stay for their logs


def finished_run(seen: Observed, now: datetime, verdict: Verdict | StopReason, p95: str | None) -> dict[str, Any]:
    """run.endTime and one more line of history. A run that is told of again ended when it ended."""
    run = {"endTime": stamp(now), **seen.status["run"]}
    line = {"id": run["id"], "number": run["number"], "verdict": str(verdict), "endTime": run["endTime"]}
    if p95 is not None:
        line["p95"] = p95
    before = [item for item in seen.status.get("history") or () if item["id"] != run["id"]]
    return {"run": run, "history": [line, *before][:HISTORY_LENGTH]}


def unfinished_jobs(seen: Observed) -> tuple[dict[str, Any], ...]:
    """Jobs that may still send load; finished ones are kept a while for their logs."""
    over = {"master"} if seen.children.master_end else set()  # its pod is never replaced, and the Job says so later
    jobs = {role: job for role, job in seen.children.jobs.items() if role not in over}
    jobs |= {role: job for role, job in seen.hooks.jobs.items() if hookjobs.ended(seen, role) is None}
    return tuple(reference("Job", job) for job in _staying(jobs) if not _finished(job))


def all_jobs(seen: Observed) -> tuple[dict[str, Any], ...]:
    return (*load_jobs(seen), *(reference("Job", job) for job in _staying(seen.hooks.jobs)))


def load_jobs(seen: Observed) -> tuple[dict[str, Any], ...]:
    return (*(reference("Job", job) for job in _staying(seen.children.jobs)), *earlier_jobs(seen))


def earlier_jobs(seen: Observed) -> tuple[dict[str, Any], ...]:
    """Those of a lost attempt that nobody has deleted yet."""
    return tuple(reference("Job", job) for job in seen.children.earlier_jobs if _stays(job))


def service_of(seen: Observed) -> tuple[dict[str, Any], ...]:
    """By which workers find the master of this attempt."""
    run = seen.run
    if run is None:
        return ()
    metadata = {"name": run.service, "namespace": run.namespace}
    return ({"apiVersion": "v1", "kind": "Service", "metadata": metadata},)


def stop_load(seen: Observed) -> tuple[dict[str, Any], ...]:
    """Jobs that may still send load; when no other is left that would be looked after later, everything goes."""
    jobs = unfinished_jobs(seen)
    return (
        children_of_run(seen)
        if jobs and len(jobs) == len(_staying({**seen.children.jobs, **seen.hooks.jobs}))
        else jobs
    )


def reference(kind: str, raw: Any) -> dict[str, Any]:
    version = {"Job": "batch/v1"}.get(kind, "v1")
    metadata = {
        "name": raw["metadata"]["name"],
        "namespace": raw["metadata"]["namespace"],
        "uid": raw["metadata"].get("uid"),
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def children_of_run(seen: Observed) -> tuple[dict[str, Any], ...]:
    """Everything of the attempt; the Jobs last, because their presence tells that there is something to take down."""
    run = seen.run
    if run is None or not (seen.children.jobs or seen.children.earlier_jobs or seen.hooks.jobs):
        return ()
    return (*_beside_jobs(seen, run), *all_jobs(seen))


def leftovers(seen: Observed) -> tuple[dict[str, Any], ...]:
    """What is of no use once another run follows; finished Jobs stay for their logs, as long as the Jobs say."""
    everything = children_of_run(seen)
    if not retention.keeps_pods(seen):
        return everything
    return (*(item for item in everything if item["kind"] != "Job"), *unfinished_jobs(seen))


def _staying(jobs: Mapping[str, Any]) -> list[Any]:
    return [job for job in jobs.values() if _stays(job)]


def _stays(job: Any) -> bool:
    return "deletionTimestamp" not in job["metadata"]


def _finished(job: Any) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(item["type"] in {"Complete", "Failed"} and item["status"] == "True" for item in conditions)


def workers_missing(seen: Observed, end: PodEnd, now: datetime) -> Plan:
    """The master counts its workers; what keeps them is in their own pods."""
    workers = seen.children.pods.get("worker", ())
    problem, last = problem_of(workers), last_end_of(workers)
    if problem is not None and (problem.image or problem.reason == "Unschedulable"):
        return start_timed_out(seen, problem, now)
    why = f"; {last or problem}" if last or problem else ""
    return broken(seen, now, Reason.START_TIMEOUT, f"{end.message}{why}")


def broken(seen: Observed, now: datetime, reason: Reason, message: str, fields: dict[str, Any] | None = None) -> Plan:
    facts = _domain_fact(reason, message) + (() if reason is Reason.HOOK_FAILED else hookjobs.fact(seen))
    message = hookjobs.with_failure(seen, message)
    again = seen.wants_another_run
    say = Statement(
        phase=Phase.ERROR,
        outcome=Outcome.WORKING if again else Outcome.FAILS,
        reason=reason,
        message=message,
        facts=facts,
        fields={**(fields or {}), **finished_run(seen, now, Verdict.ERROR, None), "verdict": str(Verdict.ERROR)},
        passed=False,
    )
    return Plan(
        delete=everything_made(seen),
        status=compose(seen, say, now),
        notes=(Note("Warning", str(reason), say.message),),
        requeue_after=timedelta(0),
    )


def everything_made(seen: Observed) -> tuple[dict[str, Any], ...]:
    """What a run that ends now must not leave: whatever may send load, and what nobody would look after."""
    return stop_load(seen) or _without_jobs(seen)


def _without_jobs(seen: Observed) -> tuple[dict[str, Any], ...]:
    """What is made before the Jobs are, or stays when they went: nobody looks after it alone."""
    run = seen.run
    if run is None or _staying(seen.children.jobs):
        return ()
    return _beside_jobs(seen, run)


def _beside_jobs(seen: Observed, run: RunRef) -> tuple[dict[str, Any], ...]:
    """Also what lost attempts left."""
    attempts = [replace(run, attempt=attempt) for attempt in range(1, run.attempt + 1)]
    kinds = [("v1", "Service", "service"), ("v1", "ConfigMap", "config")]
    if seen.fence is not None:
        kinds.append((networkpolicy.VERSION, "NetworkPolicy", "network"))
    return tuple(
        {"apiVersion": version, "kind": kind, "metadata": {"name": getattr(one, name), "namespace": run.namespace}}
        for one in attempts
        for version, kind, name in kinds
    )


def _domain_fact(reason: Reason, message: str) -> tuple[Fact, ...]:
    """The domain condition that the reason belongs to."""
    if reason is Reason.HOOK_FAILED:
        return (Fact(ConditionType.HOOKS_SUCCEEDED, False, reason, message),)
    if reason is Reason.TARGET_UNREACHABLE:
        return (Fact(ConditionType.TARGET_REACHABLE, False, reason, message),)
    if reason in {Reason.ENVIRONMENT_NOT_READY, Reason.ENVIRONMENT_FAILED, Reason.ENVIRONMENT_LOST}:
        return (Fact(ConditionType.ENVIRONMENT_READY, False, reason, message),)
    if reason in {
        Reason.IMAGE_PULL_FAILED,
        Reason.UNSCHEDULABLE,
        Reason.START_TIMEOUT,
        Reason.SCRIPT_FAILED,
        Reason.WORKERS_LOST,
    }:
        return (Fact(ConditionType.WORKERS_CONNECTED, False, reason, message),)
    return ()
