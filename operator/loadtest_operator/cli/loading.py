"""From a file to a LoadTest that this version can run, or to every reason why not, each with its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtest_operator.cli import documents, overrides
from loadtest_operator.cli.documents import Document
from loadtest_operator.cli.errors import UserError
from loadtest_operator.model import loadtest, supported
from loadtest_operator.model.errors import InvalidSpec, Problem
from loadtest_operator.model.loadtest import LoadTest

LATER = "this version does not act on it yet: remove it, or use a newer version"


@dataclass(frozen=True)
class Loaded:
    """One LoadTest with all that stands around it in its file."""

    document: Document
    raw: dict[str, Any]
    test: LoadTest
    config_maps: dict[str, dict[str, str]]

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.raw["spec"]
        return spec


def load(path: str, name: str | None = None, assignments: Sequence[str] = ()) -> Loaded:
    """The LoadTest of a file, with `--set` applied; UserError lists all that is wrong with it."""
    found = documents.read(path)
    document = documents.only_test(found, name)
    raw = overrides.apply(document.raw, assignments)
    wrong = problems(raw)
    if wrong:
        raise UserError(*(said(document, problem) for problem in wrong))
    return Loaded(document, raw, loadtest.parse(raw), documents.config_maps(found))


def problems(raw: dict[str, Any]) -> list[Problem]:
    """What is wrong with a LoadTest: its fields, what this version cannot do yet, and a script that is not Python."""
    try:
        test = loadtest.parse(raw)
    except InvalidSpec as invalid:
        return invalid.problems
    later = [Problem(field, LATER) for field in supported.unsupported(test.spec)]
    return [*later, *_script_problems(test)]


def _script_problems(test: LoadTest) -> list[Problem]:
    locust = test.spec.scenario.locust
    if locust is None or locust.inline is None:
        return []
    try:
        compile(locust.inline, "locustfile.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno} of the script" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        return [Problem("spec.scenario.locust.inline", f"is not Python: {reason}{line}")]
    return []


def schedule_problems(raw: dict[str, Any]) -> list[Problem]:
    """The same for a LoadTestSchedule and the test in it."""
    from loadtest_operator.model import schedule

    try:
        parsed = schedule.parse(raw)
    except InvalidSpec as invalid:
        return invalid.problems
    return [Problem(field, LATER) for field in supported.unsupported(parsed.spec)]


def only_well_formed(text: str, origin: str) -> None:
    """For a text that we wrote with a person's words in it."""
    import yaml

    try:
        wrong = problems(yaml.safe_load(text))
    except yaml.YAMLError:
        wrong = [Problem("", "has characters that YAML gives a meaning")]
    if wrong:
        raise UserError(*(f"{origin}: {problem}" for problem in wrong))


def said(document: Document, problem: Problem) -> str:
    return f"{document.place(problem.field)}: {problem}"
