"""Whose turn it is: locks, limits, priority with ageing, what comes after what, and what always holds."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadtest_operator.decide import queue
from loadtest_operator.decide.queue import Hold, Limits, Line, Name, Need, Rules, Standing, Ticket, coarse
from loadtest_operator.model.conditions import Reason

from tests.unit.decide_run.figures import NOON

DB = "staging-db"


def name(text, namespace="shop"):
    return Name(namespace, text)


def waiting(text, *locks, at=0, namespace="shop", users=1, workers=1, **more):
    need = Need(frozenset(locks), users, workers)
    return Ticket(name(text, namespace), need, NOON + timedelta(seconds=at), **more)


def holding(text, *locks, at=-7200, namespace="shop", users=1, workers=1):
    need = Need(frozenset(locks), users, workers)
    return Hold(name(text, namespace), need, NOON + timedelta(seconds=at))


NO_LIMITS = Rules()


def line(*holds, rules=NO_LIMITS, standings=None, after=None):
    made = Line(NOON, rules, standings or {}, after or {})
    for hold in holds:
        made.take(hold)
    return made


def turns(*tickets, **more):
    holds = more.pop("holds", ())
    after = {one.of: one.after for one in tickets if one.after}
    found = queue.decide(tickets, line(*holds, after=after, **more))
    return {of.name: turn for of, turn in found.items()}


def goes(found):
    return sorted(of for of, turn in found.items() if turn.goes)


def test_who_needs_nothing_that_others_have_goes():
    assert goes(turns(waiting("a", "x"), waiting("b", "y"), waiting("c"), holds=[holding("z", "w")])) == ["a", "b", "c"]


def test_a_policy_s_number_of_runs_takes_the_place_of_the_setting_s():
    rules = Rules(each_namespace=Limits(runs=1), concurrent=lambda namespace: 2 if namespace == "shop" else 0)
    here = turns(waiting("a"), waiting("b"), waiting("c"), rules=rules)
    assert goes(here) == ["a", "b"]
    assert "at most 2 runs may be under way in this namespace (maxConcurrent of policy)" in here["c"].waiting_for
    there = turns(waiting("d", namespace="team"), waiting("e", namespace="team"), rules=rules)
    assert "(max_runs_per_namespace)" in there["e"].waiting_for


def test_who_needs_what_is_held_waits_and_is_told_who_holds_it_and_since_when():
    turn = turns(waiting("a", DB), holds=[holding("nightly", DB)])["a"]
    assert (turn.goes, turn.position) == (False, 1)
    assert turn.waiting_for == "nightly holds staging-db since 10:00 UTC"


def test_a_holder_of_another_namespace_is_told_with_its_namespace_and_of_another_day_with_the_date():
    turn = turns(waiting("a", DB), holds=[holding("nightly", DB, namespace="other", at=-86400)])["a"]
    assert turn.waiting_for == "other/nightly holds staging-db since 2026-11-30 12:00 UTC"


def test_what_is_told_has_room_in_the_status():
    lock = "x" * 253
    assert len(turns(waiting("a", lock), holds=[holding("nightly", lock)])["a"].waiting_for) == 256


def test_the_first_of_those_who_wait_goes_and_the_others_keep_their_order():
    found = turns(waiting("c", DB, at=3), waiting("a", DB, at=2), waiting("b", DB, at=1))
    assert goes(found) == ["b"]
    assert (found["a"].position, found["c"].position) == (1, 2)


def test_locks_are_taken_all_or_none_and_nobody_behind_slips_in():
    found = turns(waiting("both", "x", "y", at=1), waiting("behind", "y", at=2), holds=[holding("h", "x")])
    assert goes(found) == []
    assert found["behind"].waiting_for == "both is ahead for y"


def test_priority_goes_first_and_a_point_is_worth_a_minute_of_waiting():
    soon = [waiting("low", DB, at=0), waiting("high", DB, at=59, priority=1)]
    late = [waiting("low", DB, at=0), waiting("high", DB, at=61, priority=1)]
    assert goes(turns(*soon)) == ["high"]
    assert goes(turns(*late)) == ["low"]


@pytest.mark.parametrize(
    ("standing", "reason", "says"),
    [
        (Standing.MISSING, Reason.AFTER_MISSING, "smoke is not there: create it, or remove it from queue.after"),
        (Standing.FAILED, Reason.AFTER_FAILED, "smoke did not pass its gate: it goes on when a run of smoke passes"),
        (Standing.UNDER_WAY, Reason.QUEUED, "smoke has not passed its gate yet"),
    ],
)
def test_who_comes_after_another_waits_until_that_passed_and_is_told_what_is_wrong(standing, reason, says):
    found = turns(waiting("a", DB, after=("smoke",)), waiting("b", DB, at=1), standings={name("smoke"): standing})
    assert (found["a"].reason, found["a"].waiting_for) == (reason, says)
    assert goes(found) == ["b"]  # who cannot go yet claims nothing


def test_who_comes_after_one_that_passed_goes():
    assert goes(turns(waiting("a", DB, after=("smoke",)), standings={name("smoke"): Standing.PASSED})) == ["a"]


def test_a_circle_is_told_with_its_way():
    ring = [waiting("a", after=("b",)), waiting("b", after=("c",)), waiting("c", after=("a",))]
    found = turns(*ring)
    assert {turn.reason for turn in found.values()} == {Reason.AFTER_CIRCLE}
    assert "a after b after c after a" in found["a"].waiting_for


def test_a_circle_with_one_that_passed_already_is_none():
    ring = [waiting("a", after=("b",)), waiting("b", after=("a",))]
    found = turns(*ring, standings={name("b"): Standing.PASSED})
    assert goes(found) == ["a"]
    assert found["b"].reason is Reason.QUEUED


def test_at_most_so_many_are_under_way_in_all_namespaces():
    rules = Rules(everywhere=Limits(runs=2))
    tickets = [waiting(text, namespace=text, at=at) for at, text in enumerate("abc")]
    found = turns(*tickets, holds=[holding("h")], rules=rules)
    assert goes(found) == ["a"]
    assert found["b"].waiting_for == "at most 2 runs may be under way in all namespaces (max_runs), 2 are"
    assert (found["b"].position, found["c"].position) == (1, 2)


def test_a_namespace_that_is_full_keeps_nobody_else_waiting():
    rules = Rules(each_namespace=Limits(workers=4))
    tickets = [waiting("a", workers=2), waiting("b", namespace="other", at=1, workers=4)]
    found = turns(*tickets, holds=[holding("h", workers=3)], rules=rules)
    assert goes(found) == ["b"]
    assert "(max_workers_per_namespace), 3 are" in found["a"].waiting_for


def test_a_big_one_is_not_starved_by_small_ones_behind_it():
    rules = Rules(everywhere=Limits(users=100))
    found = turns(
        waiting("big", users=90), waiting("small", users=5, at=1), holds=[holding("h", users=50)], rules=rules
    )
    assert goes(found) == []


def test_who_waits_for_a_lock_does_not_use_up_a_limit():
    rules = Rules(everywhere=Limits(runs=2))
    found = turns(waiting("a", DB), waiting("b", at=1), holds=[holding("h", DB)], rules=rules)
    assert goes(found) == ["b"]


def test_what_no_limit_can_ever_give_is_said_with_the_setting():
    rules = Rules(Limits(users=100), Limits(workers=2))
    assert queue.never(name("a"), Need(users=100, workers=2), rules) == ""
    assert "it needs 101 users, and max_users is 100" in queue.never(name("a"), Need(users=101), rules)
    assert "max_workers_per_namespace is 2" in queue.never(name("a"), Need(workers=3), rules)


def test_a_thousand_in_one_line_are_told_coarsely_so_that_one_end_changes_few_of_them():
    crowd = [waiting(f"t{at}", DB, at=at) for at in range(1000)]
    before = turns(*crowd, holds=[holding("first", DB)])
    after = turns(*crowd[1:], holds=[holding("t0", DB)])
    assert before["t0"].position == 1
    changed = [one for one in after if after[one] != before[one]]
    assert len(changed) <= 45
    assert before["t500"].waiting_for == "more than 20 others are ahead for staging-db"


@pytest.mark.parametrize(("place", "told"), [(1, 1), (20, 20), (21, 30), (30, 30), (101, 200), (1000, 1000)])
def test_places_are_rounded_up_beyond_twenty(place, told):
    assert coarse(place) == told


class Counted(frozenset):
    """Counts how often somebody looks at it."""

    looks = 0

    def __iter__(self):
        Counted.looks += 1
        return super().__iter__()


def test_the_work_grows_with_the_length_of_the_line_and_not_with_its_square():
    def work(count):
        Counted.looks = 0
        crowd = [Ticket(name(f"t{at}"), Need(Counted({DB})), NOON + timedelta(seconds=at)) for at in range(count)]
        queue.decide(crowd, line(holding("h", DB)))
        return Counted.looks

    assert work(2000) <= 2.2 * work(1000)
    assert work(1000) <= 10 * 1000


# What always holds

LOCKS = ["x", "y", "z"]
checked = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
tickets = st.builds(
    lambda number, locks, at, priority, users, space: waiting(
        f"t{number}", *locks, at=at, priority=priority, users=users, namespace=space
    ),
    st.integers(0, 40),
    st.sets(st.sampled_from(LOCKS)),
    st.integers(0, 10_000),
    st.integers(-50, 50),
    st.integers(1, 10),
    st.sampled_from(["shop", "other"]),
)
lines = st.lists(tickets, max_size=25, unique_by=lambda one: one.of)
limits = st.builds(Limits, st.sampled_from([0, 1, 3]), st.sampled_from([0, 10, 20]), st.just(0))
rule_sets = st.builds(Rules, limits, limits)


def admitted(crowd, rules, holds=()):
    found = queue.decide(crowd, line(*holds, rules=rules))
    return [one for one in crowd if found[one.of].goes], found


@checked
@given(lines, rule_sets)
def test_no_lock_has_two_holders_and_no_limit_is_crossed(crowd, rules):
    gone, _ = admitted(crowd, rules)
    taken = [lock for one in gone for lock in one.need.locks]
    assert len(taken) == len(set(taken))
    if rules.everywhere.users:
        assert sum(one.need.users for one in gone) <= rules.everywhere.users
    for space in ("shop", "other"):
        if rules.each_namespace.runs:
            assert sum(one.of.namespace == space for one in gone) <= rules.each_namespace.runs


@checked
@given(lines, rule_sets, st.randoms(use_true_random=False))
def test_the_answer_depends_on_the_objects_alone(crowd, rules, random):
    shuffled = list(crowd)
    random.shuffle(shuffled)
    assert admitted(crowd, rules)[1] == admitted(shuffled, rules)[1]


@checked
@given(lines, rule_sets)
def test_asking_one_after_the_other_answers_the_same_as_asking_all_anew(crowd, rules):
    """What a process adds to its line is what the next process would form from the objects."""
    ordered = sorted(crowd, key=lambda one: one.order)
    grown = line(rules=rules)
    assert {one.of: grown.step(one) for one in ordered} == queue.decide(crowd, line(rules=rules))


@checked
@given(lines, rule_sets, st.lists(tickets, min_size=1, max_size=60))
def test_nobody_waits_for_ever_however_many_come(crowd, rules, others):
    """Runs end in the order of their admission, and at each end a newcomer of the highest priority joins."""
    rules = Rules(Limits(rules.everywhere.runs), Limits(rules.each_namespace.runs))
    holds, line_of = [], {one.of: one for one in crowd}
    moment = 20_000
    for turn in range(2000):
        gone, _ = admitted(list(line_of.values()), rules, holds)
        for one in gone:
            holds.append(Hold(one.of, one.need, NOON))
            del line_of[one.of]
        if not {one.of for one in crowd} & line_of.keys():
            return
        if holds:
            holds.pop(0)
        moment += 60
        newcomer = others[turn % len(others)]
        need = Need(newcomer.need.locks or frozenset(LOCKS))
        of = Name(newcomer.of.namespace, f"new-{turn}")
        line_of[of] = Ticket(of, need, NOON + timedelta(seconds=moment), 50)
    raise AssertionError(f"still waiting: {line_of.keys() & {one.of for one in crowd}}")


@checked
@given(lines, rule_sets)
def test_somebody_goes_whenever_nothing_is_under_way(crowd, rules):
    assert bool(admitted(crowd, rules)[0]) == bool(crowd)
