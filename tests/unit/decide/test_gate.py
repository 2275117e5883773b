"""The gate: one order of verdicts, one meaning of failOn, one table of exit codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.decide.gate import gate, worst
from loadtest_operator.model.phases import GatedVerdict, Verdict

VERDICTS = st.sampled_from(list(Verdict))
FAIL_ON = st.sets(st.sampled_from(list(GatedVerdict)))
DEFAULT = (GatedVerdict.FAILED, GatedVerdict.REGRESSED, GatedVerdict.INVALID)
EVERYTHING = tuple(GatedVerdict)


@pytest.mark.parametrize(
    ("verdict", "fail_on", "passes", "exit_code"),
    [
        ("Passed", DEFAULT, True, 0),
        ("Warning", DEFAULT, True, 0),
        ("Inconclusive", DEFAULT, True, 0),
        ("Regressed", DEFAULT, False, 3),
        ("Failed", DEFAULT, False, 1),
        ("Invalid", DEFAULT, False, 5),
        ("Error", DEFAULT, False, 5),
        ("Passed", EVERYTHING, True, 0),
        ("Warning", EVERYTHING, False, 4),
        ("Inconclusive", EVERYTHING, False, 4),
        ("Regressed", ["Failed"], True, 0),
        ("Invalid", [], True, 0),
        ("Error", [], False, 5),
    ],
)
def test_the_table_of_the_gate(verdict, fail_on, passes, exit_code):
    found = gate(Verdict(verdict), [GatedVerdict(one) for one in fail_on])
    assert (found.passes, found.exit_code) == (passes, exit_code)


@given(VERDICTS, FAIL_ON)
def test_it_passes_exactly_when_the_exit_code_is_zero(verdict, fail_on):
    found = gate(verdict, fail_on)
    assert found.passes == (found.exit_code == 0)
    assert found.exit_code != 2


@given(VERDICTS, FAIL_ON, FAIL_ON)
def test_naming_more_verdicts_never_opens_the_gate(verdict, fail_on, more):
    assert gate(verdict, fail_on).passes or not gate(verdict, fail_on | more).passes


def test_it_takes_verdicts_as_well():
    assert not gate(Verdict.WARNING, [Verdict.WARNING]).passes


def test_the_worst_of_none_is_passed():
    assert worst([]) is Verdict.PASSED


def test_the_order_of_verdicts():
    order = ["Error", "Invalid", "Failed", "Regressed", "Inconclusive", "Warning", "Passed"]
    for at, name in enumerate(order):
        assert worst(Verdict(one) for one in order[at:]) is Verdict(name)
