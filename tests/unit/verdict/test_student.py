"""Student's t against published tables and closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import student

DOFS = st.floats(1, 200)


@pytest.mark.parametrize(
    ("share", "dof", "expected"),
    [
        (0.975, 1, 12.7062047364),
        (0.95, 2, 2.9199855804),
        (0.975, 4, 2.7764451052),
        (0.9, 5, 1.4758840488),
        (0.995, 10, 3.1692726726),
        (0.975, 13, 2.1603686565),
        (0.9995, 13, 4.2208317277),
        (0.95, 30, 1.6972608865),
        (0.975, 120, 1.9799304051),
        (0.5, 7, 0.0),
    ],
)
def test_quantiles_are_those_of_published_tables(share, dof, expected):
    assert student.quantile(share, dof) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert student.quantile(1 - share, dof) == pytest.approx(-expected, rel=1e-9, abs=1e-9)


@given(st.floats(-1e4, 1e4))
def test_with_one_degree_of_freedom_it_is_the_cauchy_distribution(t):
    assert student.cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-12)


@given(st.floats(-1e3, 1e3))
def test_with_two_degrees_of_freedom_it_has_a_closed_form(t):
    assert student.cdf(t, 2) == pytest.approx(0.5 * (1 + t / math.sqrt(2 + t * t)), abs=1e-12)


@given(st.floats(-6, 6))
def test_with_many_degrees_of_freedom_it_is_the_normal_distribution(t):
    assert student.upper_tail(t, 1e7) == pytest.approx(0.5 * math.erfc(t / math.sqrt(2)), rel=1e-4)


def test_small_tails_keep_their_digits():
    # 1 / (pi t) (1 - 1 / (3 t^2)): the Cauchy tail far out
    assert student.upper_tail(1e6, 1) == pytest.approx(1 / (math.pi * 1e6), rel=1e-9)
    assert student.upper_tail(40, 13) == pytest.approx(2.6e-15, rel=0.1)


@given(st.floats(1e-6, 1 - 1e-6), DOFS)
def test_a_quantile_is_where_the_distribution_reaches_its_share(share, dof):
    assert student.cdf(student.quantile(share, dof), dof) == pytest.approx(share, rel=1e-8)


@given(st.floats(-50, 50), st.floats(0, 10), DOFS)
def test_a_larger_value_is_never_likelier_to_be_exceeded(t, more, dof):
    assert student.upper_tail(t + more, dof) <= student.upper_tail(t, dof) + 1e-14


@pytest.mark.parametrize("share", [0, 1, -0.1, 2])
def test_a_share_of_none_or_all_has_no_quantile(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        student.quantile(share, 5)
