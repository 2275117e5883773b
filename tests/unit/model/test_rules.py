"""Rules between fields, in their CEL and Python forms."""

import pytest
from loadtest_operator.model import rules
from loadtest_operator.model.fields import Model


class Choice(Model):
    """A model with fields that exclude each other."""

    one: int | None = None
    two: int | None = None
    flag: bool | None = None


def test_exactly_one_counts_what_is_set() -> None:
    rule = rules.exactly_one("one", "two")
    assert rule.cel == "[has(self.one), has(self.two)].filter(set, set).size() == 1"
    assert [rule.holds(Choice(one=a, two=b)) for a, b in [(None, None), (0, None), (0, 1)]] == [False, True, False]


def test_a_flag_counts_only_when_it_is_true() -> None:
    rule = rules.exactly_one("one", "flag", flags=frozenset({"flag"}))
    assert "(has(self.flag) && self.flag)" in rule.cel
    assert rule.holds(Choice(one=1, flag=False))
    assert not rule.holds(Choice(one=1, flag=True))


def test_a_field_that_needs_another_is_named_with_it() -> None:
    rule = rules.needs("one", "two")
    assert not rule.holds(Choice(one=1))
    assert rule.holds(Choice(one=1, two=2))
    assert rule.message == "one needs two: add it, or remove one"
    assert rule.at == ".one"


def test_words_that_cel_reserves_are_escaped() -> None:
    assert rules.at_least_one("namespace", "cidr").cel == "has(self.__namespace__) || has(self.cidr)"


def test_a_rule_about_a_field_that_does_not_exist_is_a_programming_error() -> None:
    with pytest.raises(KeyError, match="three"):
        rules.exactly_one("one", "three").holds(Choice())
