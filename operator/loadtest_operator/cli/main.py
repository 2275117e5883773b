"""The entry point, `loadtest` and `kubectl loadtest`. Commands import what they need only when they run."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from loadtest_operator.cli.errors import USAGE_ERROR, UserError

HELP = """\
Load tests with a verdict one can believe.

A load test is a YAML file (kind: LoadTest). The same file runs here, as processes, and in a cluster, as pods.
"""
EPILOG = """\
Begin with: `loadtest demo` (a whole run in a minute), then `loadtest init > test.yaml` and `loadtest run -f test.yaml`.

Exit codes: 0 the gate is open, 1 Failed, 2 wrong usage or file, 3 Regressed, 4 Inconclusive or Warning, \
5 Invalid or Error, 130 Ctrl-C.
"""


class Commands(TyperGroup):
    """Says a user's error in its own words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:  # as the class above declares it
        try:
            return super().invoke(ctx)
        except UserError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(USAGE_ERROR) from None


app = typer.Typer(
    cls=Commands,
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"loadtest {version('loadtest-operator')}\n")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


HERE = "On this machine, no cluster needed"
FILES = "Before anything runs"


def _register() -> None:
    from loadtest_operator.cli import check, history, init, run

    app.command(rich_help_panel=HERE)(run.demo)
    app.command(rich_help_panel=HERE)(run.run)
    app.command(rich_help_panel=HERE)(history.history)
    app.command(rich_help_panel=FILES)(init.init)
    app.command(rich_help_panel=FILES)(check.validate)
    app.command(rich_help_panel=FILES)(check.explain)


_register()

if __name__ == "__main__":
    app()
