"""What Prometheus answered, and the one number of it."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model.phases import Reduce
from loadtest_operator.verdict import queries
from loadtest_operator.verdict.queries import Answer
from loadtest_operator.verdict.reading import BadInputError
from loadtest_operator.verdict.record import RunRecord

from tests.unit.verdict.records import cell, steady


def line(*values, every=1.0):
    return [(1000.0 + index * every, value) for index, value in enumerate(values)]


@pytest.mark.parametrize(
    ("how", "expected"),
    [(Reduce.MAX, 9.0), (Reduce.AVG, 4.0), (Reduce.LAST, 2.0)],
)
def test_one_number_of_many(how, expected):
    assert queries.reduced(line(1, 9, 4, 2), how) == expected


@pytest.mark.parametrize("how", list(Reduce))
def test_nothing_gives_nothing(how):
    assert queries.reduced([], how) is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((100, 110, 120), 0.2),
        ((100, 100, 100), 0.0),
        ((100, 90, 80), -0.2),
        ((-100, -90, -80), 0.2),  # it grew by a fifth of where it began
    ],
)
def test_growth_is_the_share_that_was_added_from_the_first_moment_to_the_last(values, expected):
    assert queries.growth(line(*values)) == pytest.approx(expected)
    assert queries.growth(line(*values, every=15.0)) == pytest.approx(expected)


def test_a_spike_at_the_end_is_no_growth():
    steady_line = [100 + (index % 3) for index in range(60)]
    assert abs(queries.growth(line(*steady_line, 5000))) < 0.02


@pytest.mark.parametrize("values", [(), (5,), (0, 0, 0), (0, 10, 20)])
def test_of_nothing_nothing_is_a_share(values):
    assert queries.growth(line(*values)) is None


@given(st.floats(1, 1e12), st.floats(-0.9, 5), st.integers(2, 40))
def test_a_straight_line_grows_as_it_was_drawn(begin, share, points):
    values = [begin * (1 + share * index / (points - 1)) for index in range(points)]
    assert queries.growth(line(*values)) == pytest.approx(share, abs=1e-6)


def test_what_is_no_number_is_left_out():
    assert queries.finite([(1, 2.0), (2, math.nan), (3, math.inf)]) == ((1, 2.0),)


def test_a_record_keeps_what_was_asked():
    answers = (Answer("up", ((1.0, 2.0),)), Answer("x" * 4096, problem="nobody answers"))
    record = dataclasses.replace(steady(3, cell("GET /", [0.1])), queries=answers)
    assert RunRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_samples_of_others_are_checked():
    with pytest.raises(BadInputError, match="samples that cannot be read"):
        Answer.read({"promql": "up", "samples": [[1, 2, 3]]})
