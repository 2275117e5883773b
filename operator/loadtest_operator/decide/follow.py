"""From Starting to Collecting: what the pods and the master's agent say becomes phase, conditions and progress."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from loadtest_operator.decide import ending, environment, generator, kueue, losses, refusal, workers
from loadtest_operator.decide.observed import Note, Observed, Plan
from loadtest_operator.decide.podproblems import last_end_of, problem_of
from loadtest_operator.decide.status import Fact, Outcome, Statement, compose, same, stamp
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.phases import Phase

# How often a person gets new numbers: often enough to watch, seldom enough for etcd.
PROGRESS_EVERY_SECONDS = 10.0
# Asking the agent: quickly while a phase may change at any moment, every 5 s while load just runs, so that a lost
# master costs at most the last seconds.
ASK_SOON = timedelta(seconds=0.5)
# A pod that starts, or cannot, is told by its events; this is for the time-out.
WAIT_FOR_PODS = timedelta(seconds=5)
ASK_RUNNING = timedelta(seconds=5)
ASK_ENDING = timedelta(seconds=0.3)
EDITED = "; the edited spec runs next"
ASKED = "; another run was asked for, and follows"
_PHASES = {
    "Loading": Phase.STARTING,
    "WaitingForWorkers": Phase.STARTING,
    "Preflight": Phase.PREFLIGHT,
    "Running": Phase.RUNNING,
    "Collecting": Phase.COLLECTING,
    "Holding": Phase.COLLECTING,
    "Released": Phase.COLLECTING,
}


def decide(seen: Observed, now: datetime) -> Plan:
    if seen.stored:
        return _move(seen, now, Phase.JUDGING, "the store already holds this run's result")
    if seen.agent.complete:  # the master is not needed any more, whatever became of it
        if (again := losses.workers_gone(seen, now)) is not None:
            return again
        if seen.phase is Phase.COLLECTING:
            return _move(seen, now, Phase.JUDGING, "all results are here")
        return _following(seen, now)
    if kueue.preempted(seen):
        return losses.lost(seen, now, Reason.PREEMPTED, kueue.PREEMPTED)
    ended = seen.children.master_end
    if ended is not None:
        return losses.master_ended(seen, ended, now)
    if _master_is_gone(seen, now):
        return losses.master_gone(seen, now)
    if (given_up := losses.unreadable(seen, now)) is not None:
        return given_up
    if seen.agent.state:
        return _following(seen, now)
    # Without an answer in a later phase it is the operator that is new or cut off: the run goes on by itself.
    return _starting(seen, now) if seen.phase is Phase.STARTING else Plan(requeue_after=ASK_SOON)


def _master_is_gone(seen: Observed, now: datetime) -> bool:
    """No pod where there was one, or one that neither answers nor is Ready."""
    if not seen.agent.state and seen.phase is Phase.STARTING:
        return False
    if seen.children.master is None:
        return True
    leaving = seen.children.master["metadata"].get("deletionTimestamp")
    if leaving and now - quantities.parse_timestamp(leaving) > losses.MASTER_SILENCE:
        return True  # its node is gone, and nobody else will say so
    return _silent(seen, now) and not seen.children.master_ready


def _silent(seen: Observed, now: datetime) -> bool:
    return seen.agent.silent_since is not None and now - seen.agent.silent_since > losses.MASTER_SILENCE


def _starting(seen: Observed, now: datetime) -> Plan:
    """No agent yet: what keeps the pods, and for how long already."""
    problem = problem_of(seen.children.all_pods)
    if _overdue(seen, now):
        return ending.start_timed_out(seen, problem, now)
    wanted = (seen.status.get("run") or {}).get("workers", 0)
    again = ASK_SOON if seen.children.master_running else WAIT_FOR_PODS
    if problem is None:
        return Plan(requeue_after=again)
    reason = ending.reason_of(problem)
    say = Statement(
        phase=Phase.STARTING,
        outcome=Outcome.WORKING,
        reason=reason,
        message=str(problem),
        facts=(Fact(ConditionType.WORKERS_CONNECTED, False, reason, f"0 of {wanted} workers connected; {problem}"),),
    )
    return _write(seen, say, now, again, note=Note("Warning", str(reason), str(problem)))


def _overdue(seen: Observed, now: datetime) -> bool:
    if seen.children.master_running and not _silent(seen, now):
        return False  # a master that runs is first asked for a while: an operator may have been away during its start
    # Without the frozen inputs, too: an operator may have died when all was deleted, and before it said so.
    test = seen.frozen.test if seen.frozen else seen.inputs.test
    return test is None or now - _pods_since(seen) > defaults.start_timeout(test.spec)


def _pods_since(seen: Observed) -> datetime:
    """When the first load pod was made; else its Job, whose pods are refused; else since there could have been one."""
    stamps = [pod["metadata"].get("creationTimestamp") for pod in seen.children.all_pods]
    stamps = stamps or [_begun(job) for job in seen.children.jobs.values()]
    times = [quantities.parse_timestamp(stamp) for stamp in stamps if stamp]
    return min(times, default=environment.ready_since(seen))


def _begun(job: Mapping[str, Any]) -> str | None:
    """Since when it may have pods: one that was suspended counts from its release."""
    told = (job.get("status") or {}).get("startTime") or job["metadata"].get("creationTimestamp")
    return str(told) if told else None


def _following(seen: Observed, now: datetime) -> Plan:
    phase = _phase(seen)
    message = _message(seen, phase) + _next(seen)
    lost = workers.news(seen, workers.fact(seen)) if phase is Phase.RUNNING else None
    say = Statement(
        phase=phase,
        outcome=Outcome.WORKING,
        reason=Reason(str(phase)),
        message=message,
        facts=_facts(seen, phase),
        fields={"progress": _progress(seen, now), **workers.counted(seen)} if phase is Phase.RUNNING else None,
    )
    again = _ask_again(seen, phase, now)
    if phase is seen.phase and not _due(seen, now) and lost is None:
        said = str(seen.status.get("message", "")).removesuffix(EDITED).removesuffix(ASKED)
        say = say.but(message=said + _next(seen), fields=None)
        if _quiet(seen, say, now):
            return Plan(requeue_after=again)
    note = Note("Normal", str(phase), message) if phase is Phase.RUNNING and seen.phase is not Phase.RUNNING else None
    plan = _write(seen, say, now, again, note=note)
    return replace(plan, notes=(*plan.notes, lost)) if lost else plan


def _phase(seen: Observed) -> Phase:
    """What the agent says in our words; never an earlier phase than we are in, whatever it says."""
    told = _PHASES.get(seen.agent.phase)
    if seen.agent.phase == "Failed" and seen.agent.state.get("startedAt"):
        told = Phase.COLLECTING
    order = list(Phase)
    return max((told or Phase.STARTING, seen.phase or Phase.STARTING), key=order.index)


def _quiet(seen: Observed, say: Statement, now: datetime) -> bool:
    """Nothing but the numbers would change, and those are not due yet."""
    status = compose(seen, say, now)
    return bool(_without_messages(status) == _without_messages(seen.status))


def _without_messages(status: Any) -> Any:
    facts = [
        (item["type"], item["status"], item["reason"])
        for item in status.get("conditions") or ()
        if item["type"] != ConditionType.GENERATOR_HEALTHY  # a figure, too: told with the others
    ]
    return sorted(facts), status.get("observedGeneration"), status.get("phase")


def _due(seen: Observed, now: datetime) -> bool:
    """Live numbers at most every max(10 s, duration/100)."""
    if seen.phase is not Phase.RUNNING or seen.agent.phase != "Running" or seen.agent.silent_since is not None:
        return False
    updated = (seen.status.get("progress") or {}).get("updated")
    if updated is None:
        return True
    state = seen.agent.state
    duration = float(state.get("endsAt") or 0) - float(state.get("startedAt") or 0)
    return (now - quantities.parse_timestamp(updated)).total_seconds() >= max(PROGRESS_EVERY_SECONDS, duration / 100)


def _facts(seen: Observed, phase: Phase) -> tuple[Fact, ...]:
    told = seen.agent.state.get("workers") or {}
    connected, expected = int(told.get("connected", 0)), int(told.get("expected", 0))
    said = f"{connected} of {expected} workers connected"
    facts: list[Fact] = []
    if phase is Phase.STARTING:
        problem = problem_of(seen.children.all_pods)
        last = last_end_of(seen.children.pods.get("worker", ()))
        why = f"; {problem or last}" if problem or last else ""
        reason = ending.reason_of(problem) if problem else Reason.WAITING_FOR_WORKERS
        facts.append(Fact(ConditionType.WORKERS_CONNECTED, False, reason, said + why))
    elif phase is not Phase.COLLECTING:
        facts.append(workers.fact(seen))
    elif seen.phase in {Phase.STARTING, Phase.PREFLIGHT} and seen.agent.state.get("startedAt"):
        facts.append(workers.unseen(seen))  # no operator was there while the load was on
    healthy = generator.fact(seen) if phase is Phase.RUNNING else None
    if healthy is not None:
        facts.append(healthy)
    preflight = seen.agent.state.get("preflight") or {}
    if phase is Phase.PREFLIGHT:
        reason = Reason.PREFLIGHT if not preflight.get("message") else Reason.TARGET_UNREACHABLE
        facts.append(Fact(ConditionType.TARGET_REACHABLE, None, reason, str(preflight.get("message") or "")))
    elif preflight.get("ok"):
        facts.append(
            Fact(ConditionType.TARGET_REACHABLE, True, Reason.TARGET_REACHABLE, str(preflight.get("message", "")))
        )
    return tuple(facts)


def _message(seen: Observed, phase: Phase) -> str:
    state = seen.agent.state
    match phase:
        case Phase.RUNNING:
            users = state.get("users") or {}
            there, target = users.get("running", 0), users.get("target", 0)
            # The next words come seconds later: that nobody is there in the first instant is not worth them.
            return f"{there} of {target} users" if there else f"load begins, {target} users in all"
        case Phase.PREFLIGHT:
            return str((state.get("preflight") or {}).get("message") or Reason.PREFLIGHT.says)
        case Phase.STARTING:
            told = state.get("workers") or {}
            return f"{told.get('connected', 0)} of {told.get('expected', 0)} workers connected"
        case _:
            return Reason(str(phase)).says


def _next(seen: Observed) -> str:
    """Who edits under load shall see that it was noticed, and that this run is not the answer."""
    if not seen.wants_another_run or seen.unanswered or refusal.refused(seen.inputs):
        return ""
    return ASKED if seen.inputs.answered_by(seen.run_key) else EDITED


def _progress(seen: Observed, now: datetime) -> dict[str, Any]:
    state = seen.agent.state
    recent = state.get("recent") or {}
    begun, ends = float(state.get("startedAt") or 0), float(state.get("endsAt") or 0)
    percent = 0 if ends <= begun else min(100, int(100 * (float(state.get("now") or begun) - begun) / (ends - begun)))
    return {
        "percent": percent,
        "users": int((state.get("users") or {}).get("running", 0)),
        "workers": int((state.get("workers") or {}).get("connected", 0)),
        **(_recent(recent) if recent.get("requests") else {}),
        "updated": stamp(now),
    }


def _recent(recent: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing before the first answer: a rate of 0/s would read as a dead target."""
    p95 = recent.get("p95")
    return {
        "rps": quantities.rate(float(recent.get("rps") or 0)),
        **({"p95": quantities.latency(float(p95))} if p95 is not None else {}),
        "errorRate": quantities.share(float(recent.get("errorRate") or 0)),
    }


def _ask_again(seen: Observed, phase: Phase, now: datetime) -> timedelta:
    if phase is Phase.COLLECTING:
        return timedelta(0) if seen.agent.complete else ASK_ENDING
    if phase is not Phase.RUNNING:
        return ASK_SOON
    ends = seen.agent.state.get("endsAt")
    if not ends:
        return ASK_RUNNING
    left = timedelta(seconds=float(ends) - now.timestamp())
    return min(ASK_RUNNING, max(ASK_ENDING, left))


def _move(seen: Observed, now: datetime, phase: Phase, message: str) -> Plan:
    say = Statement(phase=phase, outcome=Outcome.WORKING, reason=Reason(str(phase)), message=message)
    return _write(seen, say, now, timedelta(0))


def _write(seen: Observed, say: Statement, now: datetime, again: timedelta, note: Note | None = None) -> Plan:
    status = compose(seen, say, now)
    if same(status, seen.status):
        return Plan(requeue_after=again)
    # A problem that is still the same is one Event, not one per look.
    news = note is not None and seen.status.get("message") != status["message"]
    return Plan(status=status, notes=(note,) if news and note else (), requeue_after=again)
