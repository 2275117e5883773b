"""Random histories: agents advance or vanish, pods die, operators restart, people edit; and what always holds."""

from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadtest_operator.decide import refusal
from loadtest_operator.decide.observed import Plan
from loadtest_operator.decide.queue import GO, Turn
from loadtest_operator.decide.run import decide
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.phases import Phase

from tests.unit.decide_run import states
from tests.unit.decide_run.cluster import conditions
from tests.unit.decide_run.figures import SPEC, STATES
from tests.unit.decide_run.kstatus import CURRENT, FAILED, IN_PROGRESS, kstatus
from tests.unit.decide_run.test_giving_up import last_word, unscheduled, waiting

LOADS = [{"users": users, "duration": "5m"} for users in (50, 60)]
LIMITS = [[{"metric": "p95", "fail": limit}] for limit in ("500ms", "100ms")]
ORDER = list(Phase)
SOMEBODY = [{"when": ["Error"], "secretRef": {"name": "slack", "key": "url"}}]  # not acted on yet
HOOKS = {"before": {"image": "seed:1"}, "after": {"image": "clean:1"}}
WAITS = Turn(False, Reason.QUEUED, "nightly holds checkout.shop since 02:00 UTC", 1)


def _advance(world, state):
    if world.agent is not None and world.agent["state"] in STATES[: STATES.index(state)]:
        world.advance(state)


def _end_master(world, word):
    if world.master() is not None and world.master()["status"]["phase"] != "Failed":
        world.end_master(last_word(word) if word else None)


def _remove_master(world):
    if world.master() is not None:
        world.remove_master()


def _trouble(world, trouble):
    for pod in world.pods():
        if pod["status"]["phase"] == "Pending":
            trouble(pod)


def _stop(world, run):
    if "run" in world.raw["status"]:
        world.stop(run or None)


def _unready(world, is_ready):
    if world.master() is not None and world.master()["status"]["phase"] == "Running":
        world.master()["status"]["conditions"] = conditions(Ready=is_ready)


def _reach(world, reachable):
    world.reachable = reachable


def _store(world, away):
    world.store_away = away


def _answer(world, running):
    if world.agent is not None:
        world.agent["workers"] = {"expected": 2, "connected": running, "lost": 2 - running}


def _end_hooks(world, words):
    """Those that are at work end, well or badly; without this step they hang."""
    for role in HOOKS:
        job = world.hook(role) if "run" in world.raw["status"] else None
        if job is not None and not job["status"]:
            world.end_hook(role, words)


def _turn(world, turn):
    world.turn = turn


def _pull(pod):
    waiting(pod, "ErrImagePull", "manifest unknown")


steps = st.one_of(
    st.just((lambda world: world.start_pods(),)),
    st.sampled_from(STATES[1:]).map(lambda state: (_advance, state)),
    st.sampled_from(STATES[3:]).map(lambda state: (_advance, state)),
    st.sampled_from([None, "ScriptError", "WorkersMissing", "Stopped"]).map(lambda word: (_end_master, word)),
    st.just((_remove_master,)),
    st.sampled_from([_pull, unscheduled]).map(lambda trouble: (_trouble, trouble)),
    st.sampled_from(["True", "False"]).map(lambda ready: (_unready, ready)),
    st.booleans().map(lambda reachable: (_reach, reachable)),
    st.booleans().map(lambda away: (_store, away)),
    st.sampled_from([1, 2]).map(lambda running: (_answer, running)),
    st.sampled_from([1, 5, 31, 200, 3700]).map(lambda count: (lambda world, count: world.tick(count), count)),
    st.just((lambda world: world.restart(),)),
    st.sampled_from(["", "no such table"]).map(lambda words: (_end_hooks, words)),
    st.sampled_from([HOOKS, None]).map(lambda hooks: (lambda world, hooks: world.edit(hooks=hooks), hooks)),
    st.sampled_from(LOADS).map(lambda load: (lambda world, load: world.edit(load=load), load)),
    st.sampled_from(LIMITS).map(lambda limits: (lambda world, limits: world.edit(thresholds=limits), limits)),
    st.just((lambda world: world.edit(load={"users": 0, "duration": "5m"}),)),
    st.just((lambda world: world.edit(notify=SOMEBODY),)),
    st.just((lambda world: world.edit(notify=None),)),
    st.sampled_from([GO, WAITS]).map(lambda turn: (_turn, turn)),
    st.sampled_from([True, None]).map(lambda value: (lambda world, value: world.edit(suspend=value), value)),
    st.sampled_from(["Replace", None]).map(lambda value: (lambda world, value: world.edit(onChange=value), value)),
    st.sampled_from(["Request", None]).map(lambda value: (lambda world, value: world.edit(runOn=value), value)),
    st.sampled_from(["", "checkout-7-0123456789"]).map(lambda run: (_stop, run)),
    st.sampled_from(["a", "b", ""]).map(lambda value: (lambda world, value: world.request(value), value)),
)
# Half of them begin with hooks, with the one before the load over or still at work.
seeded = [((lambda world: world.edit(hooks=HOOKS),), 3), ((_end_hooks, ""), 1)]
histories = st.builds(
    lambda first, rest: [*first, *rest],
    st.sampled_from([[], [], seeded[:1], seeded]),
    st.lists(st.tuples(steps, st.integers(0, 3)), max_size=25),
)
checked = settings(max_examples=75, suppress_health_check=[HealthCheck.too_slow])


def _play(history, watch, world=None):
    """Each step, then so many looks; `watch(before, plan, after)` sees each look that writes."""
    world = world or states.fresh()
    for (do, *values), looks in history:
        do(world, *values)
        for _ in range(looks):
            before = deepcopy(world.raw["status"])
            seen = world.observe()
            plan = world.look()
            watch(before, plan, seen, world)
    return world


def _phase(status):
    return ORDER.index(Phase(status["phase"])) if status.get("phase") else -1


@checked
@given(histories)
def test_no_phase_comes_twice_in_one_attempt_and_attempts_are_as_many_as_were_asked_for(history):
    def watch(before, plan, seen, world):
        after = plan.status
        if after is None or "run" not in before or before["run"]["id"] != after.get("run", {}).get("id"):
            return
        if "run" in before and before["run"]["attempt"] != after["run"]["attempt"]:
            assert after["run"]["attempt"] == before["run"]["attempt"] + 1 == 2
            return
        told_again = before.get("phase") == "Suspended" and "stopReason" not in before["run"]
        back = after["phase"] in {"Pending", "Queued"} or (after["phase"] == "Suspended" and seen.wants_another_run)
        assert told_again or back or _phase(after) >= _phase(before), (before["phase"], after["phase"])

    _play(history, watch)


@checked
@given(histories)
def test_a_run_starts_only_for_a_new_key_or_request_or_after_one_that_was_cut_short(history):
    def watch(before, plan, seen, world):
        old, new = before.get("run"), (plan.status or {}).get("run")
        if new is None or old is None or old["id"] == new["id"]:
            return
        assert new["number"] == old["number"] + 1
        asked = plan.status.get("lastHandledRunRequest") != before.get("lastHandledRunRequest")
        unanswered = old.get("stopReason") in {"Suspended", "Superseded"}
        never_ended = "endTime" not in old
        assert old["runKey"] != new["runKey"] or asked or unanswered or never_ended or before["phase"] == "Queued"

    _play(history, watch)


@checked
@given(histories)
def test_nothing_is_created_before_its_turn(history):
    def watch(before, plan, seen, world):
        begun = (plan.status or {}).get("run", {}).get("id") not in {None, before.get("run", {}).get("id")}
        assert world.turn.goes or not begun or plan.status["phase"] == "Error"
        assert not (plan.create and before["phase"] in {"Pending", "Queued"})

    _play(history, watch)


@checked
@given(histories)
def test_what_is_settled_changes_only_for_a_new_generation_request_or_key(history):
    def watch(before, plan, seen, world):
        if plan.status is None or kstatus({**world.raw, "status": before}) not in {CURRENT, FAILED}:
            return
        assert seen.unsettled or seen.wants_another_run, (before, plan.status)

    _play(history, watch)


def _meant(seen, status):
    """The table of states: what a person who looks at phase and verdict would say."""
    phase, reason = Phase(status["phase"]), status["conditions"][0]["reason"]
    if phase is Phase.SUSPENDED:
        return IN_PROGRESS
    if phase is Phase.PENDING:
        return FAILED if reason in {"InvalidSpec", "NotSupportedYet"} else IN_PROGRESS
    if not phase.terminal or seen.wants_another_run or reason == "StoreUnavailable":
        return IN_PROGRESS
    if phase is Phase.COMPLETED and refusal.blocks(seen):
        return IN_PROGRESS  # the refusal follows at once
    return CURRENT if status.get("verdict") in {"Passed", "Warning"} else FAILED


@checked
@given(histories)
def test_gitops_reads_every_status_as_it_is_meant(history):
    def watch(before, plan, seen, world):
        if plan.status is not None:
            assert kstatus(world.raw) == _meant(seen, plan.status)

    _play(history, watch)


@checked
@given(histories)
def test_load_never_runs_without_a_run_that_looks_after_it(history):
    """Nothing that could send load stays; the finished pods of a failed run are left to their own time to live."""
    world = _play(history, lambda *_: None)
    world.request("")
    world.reachable = True
    world.store_away = False
    world.edit(load={"users": 0, "duration": "5m"})
    for _ in range(30):
        world.tick(400)
        world.look()
        if world.agent is not None:
            world.advance("Holding")
    assert world.raw["status"]["phase"] == "Pending"
    assert not [pod for pod in world.pods() if pod["status"]["phase"] not in {"Failed", "Succeeded"}]


@checked
@given(histories)
def test_an_object_that_goes_gets_nothing_and_loses_its_jobs(history):
    world = _play(history, lambda *_: None)
    world.raw["metadata"]["deletionTimestamp"] = "2026-12-01T12:00:00Z"
    plan = world.look()
    assert (plan.create, plan.dry_run, plan.do, plan.status, plan.notes) == ((), (), (), None, ())
    run = world.observe().run
    mine = {run.master, run.workers, run.before, run.after} if run else set()
    assert not [1 for kind, name in world.objects if kind == "Job" and name in mine]


@checked
@given(histories)
def test_who_sent_load_is_cleaned_up_behind_before_the_run_is_over_and_the_next_begins(history):
    loaded, cleaned = set(), set()

    def watch(before, plan, seen, world):
        hooks = seen.frozen.test.spec.hooks if seen.frozen else None
        for body in plan.create:
            role = body["metadata"]["labels"]["loadtest.dev/role"]
            made = cleaned if role == "after" else loaded if role == "worker" and hooks else set()
            made.add(body["metadata"]["labels"]["loadtest.dev/run"])
        over = {line["id"] for line in (plan.status or {}).get("history", ())}
        assert over & loaded <= cleaned
        if plan.status and before.get("run", {}).get("id") in loaded:
            assert plan.status["run"]["id"] == before["run"]["id"] or before["run"]["id"] in over | cleaned

    _play(history, watch)


@checked
@given(histories)
def test_every_history_comes_to_rest(history):
    """Left alone with a good spec, a healthy cluster and time, it ends, with nothing left and nothing more to do."""
    world = _play(history, lambda *_: None)
    world.reachable, world.store_away = True, False
    world.turn = GO
    world.edit(load=SPEC["load"], notify=None, suspend=None, runOn=None, onChange=None)
    for _ in range(40):
        world.tick(400)
        world.start_pods()
        plan = world.look()
        _advance(world, "Holding")
        _end_hooks(world, "")
    assert world.raw["status"]["phase"] in {"Completed", "Error", "Cancelled"}
    assert kstatus(world.raw) in {CURRENT, FAILED}
    assert plan == Plan()
    mine = world.raw["status"]["run"]["id"]
    assert not [item for item in world.objects.values() if item["metadata"]["labels"]["loadtest.dev/run"] == mine]


@pytest.mark.parametrize("phase", ["created", "running", "judging", "completed", "broken"])
def test_decisions_do_not_change_what_they_are_made_from(phase):
    world = getattr(states, phase)()
    seen = world.observe()
    before = deepcopy(seen)
    decide(seen, world.now)
    assert seen == before
