"""The evaluation itself: quick, the same each time, and with every row that it promises."""

import pytest

from tests.verdict_eval import __main__ as evaluation
from tests.verdict_eval import others, rows, synthetic


@pytest.fixture(scope="module")
def measured():
    return evaluation.measure(quick=True, processes=1)


def test_every_row_is_measured(measured):
    assert {row.number for row in measured} == {"row", "1", "2", "3", "4", "5", "6", "8", "10"}
    assert all(row.measured for row in measured)


def test_what_real_runs_promise_holds_also_in_a_few_draws(measured):
    assert [row.what for row in measured if row.number in {"1", "2", "3"} and not row.holds] == []


def test_the_table_says_what_holds_and_what_does_not():
    found = [rows.Row("1", "alarms", "<= 1.0 %", "2.0 %", holds=False), rows.Row("10", "other", "", "9 %", holds=None)]
    assert rows.table(found) == "1   alarms  <= 1.0 %  2.0 %  FAILS\n10  other             9 %"


def test_the_exit_code_says_whether_all_targets_are_met(monkeypatch, capsys):
    for holds, code in ((True, 0), (None, 0), (False, 1)):
        row = rows.Row("1", "alarms", "<= 1.0 %", "2.0 %", holds)
        monkeypatch.setattr(evaluation, "measure", lambda row=row, **_: [row])
        assert evaluation.main([]) == code
    assert "FAILS" in capsys.readouterr().out


def test_a_synthetic_run_is_the_same_each_time_and_differs_from_the_next():
    service = synthetic.service("a test")
    assert synthetic.run(service, 3, seconds=60) == synthetic.run(synthetic.service("a test"), 3, seconds=60)
    assert synthetic.run(service, 3, seconds=60).endpoints != synthetic.run(service, 4, seconds=60).endpoints


def test_a_slower_synthetic_endpoint_is_that_much_slower_and_the_others_are_not():
    service = synthetic.service("a test")
    same, slower = (others.plain(synthetic.run(service, 3, {"/1": factor}, 90)) for factor in (1.0, 1.5))
    ratios = {label: slower[label].p95 / same[label].p95 for label in same}
    assert ratios.pop("GET /1") == pytest.approx(1.5, rel=0.03)
    assert all(ratio == pytest.approx(1) for ratio in ratios.values())


def test_kayenta_and_mann_whitney_see_what_is_plainly_slower():
    base = others.Plain(0.1, {500: 900, 550: 100}, [0.10, 0.11, 0.09, 0.10, 0.12, 0.10, 0.11, 0.10])
    slow = others.Plain(0.2, {540: 900, 590: 100}, [2 * one for one in base.p95_by_slice])
    assert [rule(slow, base) for rule in others.RULES.values()] == [True] * 3
    assert [rule(base, base) for rule in others.RULES.values()] == [False] * 3
