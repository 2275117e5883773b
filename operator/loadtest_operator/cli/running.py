"""The work behind `run`: from a loaded file to an exit code, with everything a person sees on the way."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.text import Text

from loadtest_operator.build.names import RunRef
from loadtest_operator.cli import reports, result
from loadtest_operator.cli.errors import UserError
from loadtest_operator.cli.live import LiveTable
from loadtest_operator.cli.loading import Loaded
from loadtest_operator.cli.plain import PlainLines, Silent
from loadtest_operator.local import inputs, results
from loadtest_operator.local.errors import NotHereError
from loadtest_operator.local.results import Outcome
from loadtest_operator.local.run import Abandoned, Request
from loadtest_operator.local.run import run as run_here
from loadtest_operator.model import defaults, quantities
from loadtest_operator.store import Store, StoreUnavailable, open_store

Display: TypeAlias = AbstractContextManager[LiveTable] | PlainLines | Silent

INTERRUPTED = 130  # as a shell reports SIGINT


def config_maps(loaded: Loaded, given: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Those in the same file, and over them those of --config-map."""
    found: dict[str, Mapping[str, str]] = dict(loaded.config_maps)
    for assignment in given:
        name, equals, folder = assignment.partition("=")
        if not equals or not name or not folder:
            raise UserError(f"--config-map {assignment}: write it as NAME=FOLDER.")
        try:
            found[name] = inputs.from_folder(Path(folder))
        except NotHereError as error:
            raise UserError(f"--config-map {assignment}: {error}") from None
    return found


def split(command: str | None) -> list[str]:
    if command is None:
        return []
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UserError(f"--target-command {command}: cannot be split into words: {error}.") from None
    if not words:
        raise UserError("--target-command: the command is empty.")
    return words


def run(loaded: Loaded, request: Request, store: Path | None, report: Path | None, *, as_json: bool) -> int:
    """Run, show, and say with which code to exit."""
    console = result.console(to_stderr=as_json)
    path = store or results.default_store()
    outcome = _run(request, loaded, path, console, brief=False)
    if outcome is None:
        return INTERRUPTED
    code = exit_code(outcome, loaded)
    file = report or (reports.beside(path, outcome.ref.id) if outcome.judgement else None)
    problem = reports.write(reports.of_outcome(outcome, str(loaded.test.spec.target.url)), file) if file else ""
    written = None if problem else file
    if as_json:
        sys.stdout.write(result.as_json(outcome, loaded.test.spec, code, path, written))
    _show(console, outcome, loaded, path)
    if file:
        console.print(Text(f"report: {problem or file}", style="yellow" if problem else "dim"), soft_wrap=True)
    console.print(
        Text(result.exit_line(outcome, defaults.fail_on(loaded.test.spec), code), style="dim"), soft_wrap=True
    )
    return code


def briefly(loaded: Loaded, command: Sequence[str], path: Path, console: Console) -> Outcome | None:
    """Run, and say nothing but what goes wrong; None: ended at once by hand."""
    request = Request(loaded.raw, loaded.test, loaded.config_maps, command)
    return _run(request, loaded, path, console, brief=True)


def exit_code(outcome: Outcome, loaded: Loaded) -> int:
    if outcome.cancelled:
        return INTERRUPTED
    return outcome.gate(defaults.fail_on(loaded.test.spec)).exit_code


def _run(request: Request, loaded: Loaded, path: Path, console: Console, *, brief: bool) -> Outcome | None:
    try:
        opened = open_store(path)
        ref = results.next_run(opened, loaded.raw, loaded.test.spec)
    except StoreUnavailable as error:
        raise UserError(f"--store {path}: {error}") from None
    if not brief:
        console.print(_headline(loaded, ref), soft_wrap=True)
    for name in inputs.not_read(loaded.spec, request.config_maps):
        console.print(
            Text(f"note: {name} (spec.scenario.envFrom) is not here; its variables are taken as they are set")
        )
    try:
        return _measured(request, ref, opened, _silent(console) if brief else _display(console, request))
    except NotHereError as error:
        raise UserError(f"{loaded.document.source}: {error}") from None
    except Abandoned:
        console.print("ended at once; nothing was kept")
        return None
    finally:
        opened.close()


def _measured(request: Request, ref: RunRef, store: Store, display: Display) -> Outcome:
    ledger = results.Ledger(request, ref, store)
    with display as shown:
        measured = asyncio.run(run_here(request, ref, watch=shown, say=shown.say, keep=ledger.keep))
    return ledger.outcome(measured)


def _silent(console: Console) -> Silent:
    return Silent(lambda text: console.print(Text(text), soft_wrap=True))


def _display(console: Console, request: Request) -> Display:
    if console.is_terminal:
        return LiveTable(console, defaults.warmup(request.test.spec).total_seconds())

    def write(line: str) -> None:
        console.file.write(line)
        console.file.flush()

    return PlainLines(write)


def _headline(loaded: Loaded, ref: RunRef) -> Text:
    spec = loaded.test.spec
    duration = quantities.duration(defaults.duration(spec))
    workers = defaults.workers(spec)
    what = f"{defaults.most_users(spec)} users for {duration} against {spec.target.url}"
    return Text.assemble(
        (loaded.name, "bold"), f": {what}, {workers} worker{'s' if workers > 1 else ''} (run {ref.id})"
    )


def _show(console: Console, outcome: Outcome, loaded: Loaded, path: Path) -> None:
    console.print()
    if outcome.judgement is not None:
        result.show(console, outcome.judgement)
    console.print(result.verdict_line(outcome), soft_wrap=True)
    if outcome.store_problem:
        console.print(Text(f"not stored: {outcome.store_problem}", style="yellow"), soft_wrap=True)
    elif outcome.judgement is not None:
        console.print(Text(f"stored in {path}; all runs: loadtest history {loaded.name}", style="dim"), soft_wrap=True)
