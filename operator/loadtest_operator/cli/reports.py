"""`report`, and the report that `run` writes: a run of the store on this machine as one file to pass on."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadtest_operator.cli.errors import UserError
from loadtest_operator.cli.run import StoreOption

if TYPE_CHECKING:
    from loadtest_operator.local.results import Outcome
    from loadtest_operator.report.content import Content
    from loadtest_operator.store import Store, StoredRun
    from loadtest_operator.verdict.record import RunRecord

STDOUT = "-"
# So many runs of a test are looked through for one with a certain number.
MANY = 10_000


class Format(StrEnum):
    HTML = "html"


def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="TEST (its newest run), TEST/NUMBER as in the history, or a run's id.")
    ],
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.HTML,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write here; - is standard output (default: beside the store)."
        ),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write the report of a run on this machine: one file, to open in a browser or to send to somebody.

    Without -o it goes into the folder `reports` beside the store.

    Example: loadtest report demo -o demo.html
    """
    from loadtest_operator.local import results
    from loadtest_operator.store import StoreUnavailable, open_store

    path = store or results.default_store()
    if not path.exists():
        raise UserError(f"{path}: there is no store yet; `loadtest run` and `loadtest demo` make one.")
    try:
        opened = open_store(path)
        try:
            found = _found(opened, run, path)
            content = of_run(found, opened.windows(found.id))
        finally:
            opened.close()
    except StoreUnavailable as error:
        raise UserError(f"--store {path}: {error}") from None
    if output == STDOUT:
        sys.stdout.write(_text(content, format_))
        return
    file = Path(output) if output else beside(path, content.run)
    problem = write(content, file, format_)
    if problem:
        raise UserError(problem)
    sys.stdout.write(f"{file}\n")


def beside(store: Path, run_id: str) -> Path:
    """Where a report goes when nobody says where."""
    return store.parent / "reports" / f"{run_id}.html"


def write(content: Content, file: Path, format_: Format = Format.HTML) -> str:
    """Says what is wrong; empty when the file is written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_text(content, format_), encoding="utf-8")
    except OSError as error:
        return f"{file}: cannot be written: {error.strerror}."
    return ""


def _text(content: Content, format_: Format) -> str:
    from loadtest_operator.report import html

    return {Format.HTML: html.render}[format_](content)


def _found(store: Store, asked: str, path: Path) -> StoredRun:
    from loadtest_operator.local import results

    test, _, number = asked.partition("/")
    by_id = None if number else store.run(asked)
    if by_id:
        return by_id
    runs = results.history(store, test, MANY if number else 1)
    for one in runs:
        if not number or str(one.number) == number:
            return one
    if runs:
        raise UserError(f"{path}: {test} has no run number {number}; see `loadtest history {test}`.")
    raise UserError(f"{path}: there is neither a run {asked!r} nor a test of that name in it.")


def of_run(run: StoredRun, record: RunRecord | None) -> Content:
    from loadtest_operator.report.content import Content

    judgement = run.judgement
    return Content(
        run=run.id,
        test=run.name,
        namespace=run.namespace,
        number=run.number,
        series=run.series,
        phase=run.phase,
        attempt=run.attempt,
        target=record.target.url or "" if record else "",
        version=record.target.version or "" if record else "",
        start=run.start,
        end=run.end,
        verdict=str(judgement.verdict),
        message=judgement.message,
        summary=judgement.summary,
        endpoints=judgement.endpoints,
        errors=judgement.errors,
        thresholds=judgement.thresholds,
        validity=judgement.validity,
        comparison=judgement.comparison,
        record=record,
    )


def of_outcome(outcome: Outcome, target: str) -> Content:
    """Of a run that has just ended, whether or not anything was measured or could be stored."""
    from loadtest_operator.report.content import Content

    if outcome.stored:
        return of_run(outcome.stored, outcome.stored.record)
    ref = outcome.ref
    return Content(
        run=ref.id,
        test=ref.test,
        namespace=ref.namespace,
        number=ref.number,
        phase="Cancelled" if outcome.cancelled else "Error",
        target=target,
        verdict=str(outcome.verdict),
        message=outcome.message,
    )
