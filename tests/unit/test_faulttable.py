"""The table that the tests of faults print."""

from tests.support import faulttable
from tests.support.recorder import Version

FINAL = {"status": {"phase": "Completed", "verdict": "Passed"}}
LOST = {"status": {"conditions": [{"type": "WorkersConnected", "reason": "OOMKilled"}]}}


def test_a_fault_that_was_told_has_its_reason_and_the_time_it_took() -> None:
    told = Version(12.34, "MODIFIED", LOST)
    row = faulttable.row("a fault", FINAL, told, 10.0, kind="WorkersConnected", load_left=0.5, lost=3, served=70)
    assert row == faulttable.Row("a fault", "2.3 s", "Completed, Passed", "OOMKilled", "0.5 s", "3 of 70")


def test_one_of_which_nothing_came_has_nothing_to_tell() -> None:
    row = faulttable.row("a fault", {"status": {"phase": "Error", "verdict": "Error"}}, None, 10.0)
    assert row == faulttable.Row("a fault", "-", "Error", "-", "-", "0")


def test_rows_come_in_order_and_each_once_and_what_they_say_breaks_no_column() -> None:
    rows = [("b", "1 s", "x|y", "-", "-", "0"), ("a", "1 s", "x", "-", "-", "0"), ("a", "1 s", "x", "-", "-", "0")]
    assert faulttable.markdown(rows).splitlines() == [
        "| fault | seen after | outcome | reason shown | load left running | lost requests |",
        "| -- | -- | -- | -- | -- | -- |",
        "| a | 1 s | x | - | - | 0 |",
        "| b | 1 s | x/y | - | - | 0 |",
    ]
