"""`history`: what the runs before said, from the store on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from loadtest_operator.cli.errors import UserError
from loadtest_operator.cli.run import Output, StoreOption

if TYPE_CHECKING:
    from loadtest_operator.store import StoredRun


def history(
    test: Annotated[str, typer.Argument(metavar="TEST", help="The test's name (metadata.name).")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many runs, newest first.")] = 20,
    store: StoreOption = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to show them.")] = Output.TABLE,
) -> None:
    """List the runs of a test on this machine, newest first.

    Example: loadtest history demo
    """
    from loadtest_operator.local import results
    from loadtest_operator.store import StoreUnavailable, open_store

    path = store or results.default_store()
    if not path.exists():
        raise UserError(f"{path}: there is no store yet; `loadtest run` and `loadtest demo` make one.")
    try:
        opened = open_store(path)
        try:
            runs = results.history(opened, test, limit)
        finally:
            opened.close()
    except StoreUnavailable as error:
        raise UserError(f"--store {path}: {error}") from None
    if not runs:
        raise UserError(f"{path}: there is no run of a test named {test!r} in it.")
    _show(runs, as_json=output is Output.JSON)


def _show(runs: list[StoredRun], *, as_json: bool) -> None:
    import json

    from loadtest_operator.cli import result

    if as_json:
        sys.stdout.write(json.dumps([result.history_entry(run) for run in runs], indent=2) + "\n")
    else:
        result.show_history(runs)
