"""The entry point, `loadtest` and `kubectl loadtest`. Commands import what they need only when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from loadtest_operator.cli import check, demo, history, init, reports, run
from loadtest_operator.cli.errors import USAGE_ERROR, UserError

HELP = """\
Load tests with a verdict one can believe.

A load test is a YAML file (kind: LoadTest). The same file runs here, as processes, and in a cluster, as pods.
"""
EPILOG = """\
Begin with: `loadtest demo` (finds a regression in two minutes), then `loadtest init > test.yaml` and \
`loadtest run -f test.yaml`.

Exit codes: 0 the gate is open, 1 Failed, 2 wrong usage or file, 3 Regressed, 4 Inconclusive or Warning, \
5 Invalid or Error, 130 Ctrl-C.
"""
HERE = "On this machine, no cluster needed"
FILES = "Before anything runs"


class Command(TyperCommand):
    def get_help_option(self, ctx: Any) -> Any:
        return _plain(super().get_help_option(ctx))


class Commands(TyperGroup):
    """Says a user's error in its own words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(USAGE_ERROR) from None

    def get_help_option(self, ctx: Any) -> Any:
        return _plain(super().get_help_option(ctx))


def _plain(help_option: Any) -> Any:
    """Without the `<bool>` that is shown for a flag otherwise."""
    if help_option is not None:
        help_option.metavar = ""
        help_option.help = "Show this help."
    return help_option


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
        bool, typer.Option("--version", metavar="", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    HERE: (demo.demo, run.run, history.history, reports.report),
    FILES: (init.init, check.validate, check.explain),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(cls=Command, rich_help_panel=panel)(command)

if __name__ == "__main__":
    app()
