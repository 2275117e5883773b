"""`loadtest report`: from the store on this machine to a file."""

from pathlib import Path

import pytest
from loadtest_operator.cli import reports
from loadtest_operator.cli.main import app
from loadtest_operator.local.results import NAMESPACE
from loadtest_operator.report.content import Content
from loadtest_operator.store import open_store
from typer.testing import CliRunner, Result

from tests.unit.store.runs import stored


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "runs.db"
    opened = open_store(path)
    for number in (1, 2, 3):
        about = {"namespace": NAMESPACE, "series": "loadtest/checkout", "number": number}
        opened.commit_run(stored(f"checkout-{number}-aaaa", **about))
    opened.close()
    return path


def report(store: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments, "--store", str(store)])


@pytest.mark.parametrize(
    ("asked", "number"), [("checkout", 3), ("checkout/1", 1), ("checkout-2-aaaa", 2), ("checkout/3", 3)]
)
def test_a_run_is_found_by_its_test_its_number_or_its_id(store: Path, asked: str, number: int) -> None:
    found = report(store, asked, "-o", "-")
    assert found.exit_code == 0, found.output
    assert f"<title>checkout #{number}: Passed</title>" in found.stdout


def test_it_is_written_where_it_was_asked_for(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "out.html"
    found = report(store, "checkout", "--format", "html", "-o", str(file))
    assert (found.exit_code, found.stdout) == (0, f"{file}\n")
    assert file.read_text().startswith("<!DOCTYPE html>")


def test_without_a_file_it_goes_beside_the_store(store: Path) -> None:
    found = report(store, "checkout/2")
    file = store.parent / "reports" / "checkout-2-aaaa.html"
    assert (found.exit_code, found.stdout) == (0, f"{file}\n")
    assert file.exists()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("basket", "there is neither a run 'basket' nor a test of that name in it."),
        ("checkout/9", "checkout has no run number 9; see `loadtest history checkout`."),
        ("checkout/x", "checkout has no run number x; see `loadtest history checkout`."),
    ],
)
def test_a_run_that_is_not_there_is_told(store: Path, asked: str, says: str) -> None:
    found = report(store, asked)
    assert (found.exit_code, found.stderr) == (2, f"{store}: {says}\n")


def test_a_file_that_cannot_be_written_is_told(store: Path) -> None:
    found = report(store, "checkout", "-o", "/proc/out.html")
    assert found.exit_code == 2
    assert found.stderr.startswith("/proc/out.html: cannot be written: ")


def test_there_is_no_store_yet(tmp_path: Path) -> None:
    found = report(tmp_path / "runs.db", "checkout")
    assert found.exit_code == 2
    assert "there is no store yet" in found.stderr


def test_a_problem_with_the_file_ends_nothing(tmp_path: Path) -> None:
    content = Content(run="a-1", test="a", namespace="local", number=1, verdict="Error", message="no")
    assert reports.write(content, tmp_path / "a.html") == ""
    assert reports.write(content, tmp_path / "a.html" / "b.html").startswith(f"{tmp_path}/a.html/b.html: cannot be")
