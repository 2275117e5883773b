"""The moderated test: its formulas by hand, and what must hold whatever the numbers."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import student
from loadtest_operator.verdict.moderated import Point, shift

POINTS = st.lists(st.builds(Point, st.floats(5, 15), st.floats(0, 0.3)), min_size=1, max_size=12)


def test_the_formulas_are_those_of_the_documentation():
    base = [Point(10.00, 0.01), Point(10.04, 0.02), Point(9.99, 0.01)]
    new = [Point(10.12, 0.03)]
    found = shift(new, base, tau=0.03)
    w2 = (0.01**2 + 0.02**2 + 0.01**2) / 3
    squares = 0.01**2 + 0.03**2 + 0.02**2
    s2 = max((4 * (0.03**2 + w2) + squares) / (4 + 2), w2)
    assert found.d == pytest.approx(0.11)
    assert found.dof == 6
    assert found.se == pytest.approx(math.sqrt(max(s2 - w2, 0) + 0.03**2 + s2 / 3))
    assert found.p_values[0] == pytest.approx(student.upper_tail(found.d / found.se, 6))
    assert found.below(0.95) == pytest.approx(found.d + student.quantile(0.95, 6) * found.se)
    assert found.detectable(0.01) == pytest.approx((student.quantile(0.99, 6) + 0.842) * found.se)


def test_with_one_run_on_both_sides_only_the_prior_speaks():
    found = shift([Point(10.1, 0.0)], [Point(10.0, 0.0)], tau=0.03)
    assert found.dof == 4
    assert found.se == pytest.approx(0.03 * math.sqrt(2))


@given(POINTS, POINTS)
def test_the_mirror_image_is_as_likely(new, base):
    there, back = (
        shift(new, base, 0.03),
        shift([Point(20 - y, w) for y, w in new], [Point(20 - y, w) for y, w in base], 0.03),
    )
    assert back.d == pytest.approx(-there.d, abs=1e-12)
    assert back.p_values == pytest.approx(there.p_values[::-1], abs=1e-9)
    assert sum(there.p_values) == pytest.approx(1)


@given(POINTS, POINTS)
def test_the_interval_holds_the_shift_and_the_one_sided_bound_lies_inside(new, base):
    found = shift(new, base, 0.03)
    low, high = found.within(0.95)
    assert low < found.d < found.below(0.95) < high


@given(POINTS, POINTS, st.integers(1, 5))
def test_more_runs_and_longer_runs_make_it_no_less_sure(new, base, more):
    found = shift(new, base, 0.03)
    assert found.se_with(k=found.k + more) <= found.se
    assert found.se_with(n=found.n + more) <= found.se
    assert found.se_with(longer=1 + more) <= found.se


def test_unchanged_runs_are_called_as_often_as_the_level_says():
    draw = random.Random(11)
    runs = [[Point(10 + draw.gauss(0, 0.03), 0.0) for _ in range(6)] for _ in range(4000)]
    called = sum(shift(one[:1], one[1:], tau=0.03).p_values[0] <= 0.05 for one in runs)
    assert 0.03 < called / len(runs) < 0.06
