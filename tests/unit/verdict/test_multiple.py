"""Benjamini-Hochberg: its published example, and what must hold for any set of p-values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import multiple

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=60)
# Benjamini and Hochberg (1995), section 3.2: at 5 % the first four of fifteen are rejected.
PUBLISHED = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.759,
    1,
]


def test_the_published_example_rejects_its_four_hypotheses():
    assert [q <= 0.05 for q in multiple.adjusted(PUBLISHED)] == [True] * 4 + [False] * 11


def test_q_values_come_in_the_order_of_their_p_values():
    shuffled = [PUBLISHED[at] for at in (14, 3, 0, 7)]
    by_p = dict(zip(sorted(shuffled), multiple.adjusted(sorted(shuffled)), strict=True))
    assert multiple.adjusted(shuffled) == [by_p[p] for p in shuffled]


@given(P_VALUES)
def test_q_is_never_below_p_nor_above_one(p_values):
    assert all(p <= q <= 1 for p, q in zip(p_values, multiple.adjusted(p_values), strict=True))


@given(P_VALUES, st.floats(0.001, 0.5))
def test_what_is_found_is_what_the_step_up_rule_finds(p_values, level):
    ordered = sorted(p_values)
    passing = [p for rank, p in enumerate(ordered, 1) if p * (len(ordered) / rank) <= level]
    limit = max(passing, default=-1.0)
    assert [q <= level for q in multiple.adjusted(p_values)] == [p <= limit for p in p_values]


def test_one_test_alone_and_none_at_all_need_no_correction():
    assert multiple.adjusted([0.03]) == [pytest.approx(0.03)]
    assert multiple.adjusted([]) == []
