"""`run` and `demo`: a LoadTest on this machine, shown while it runs, answered with an exit code."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loadtest_operator.cli.check import FileOption, NameOption, SetOption


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="json: the result on standard output, progress on standard error.")
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="PATH", help="The file with all results (default: ~/.local/state/loadtest/runs.db)."
    ),
]
ReportOption = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FILE", help="Write the HTML report here (default: in a folder `reports` beside the store)."
    ),
]


def run(
    file: FileOption,
    name: NameOption = None,
    set_: SetOption = None,
    config_map: Annotated[
        list[str] | None,
        typer.Option(
            "--config-map", metavar="NAME=FOLDER", help="Stand-in for a ConfigMap that the test names; repeat for more."
        ),
    ] = None,
    target_command: Annotated[
        str | None,
        typer.Option(
            "--target-command", metavar="COMMAND", help="Start this before the test and stop it afterwards (no shell)."
        ),
    ] = None,
    prometheus: Annotated[
        str, typer.Option("--prometheus", metavar="URL", help="Who is asked for thresholds with promql.")
    ] = "",
    store: StoreOption = None,
    report: ReportOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run a test on this machine: the same file, load generator, verdict and store as in a cluster.

    Ctrl-C stops gracefully and keeps what was measured; a second one ends everything at once.

    Example: loadtest run -f test.yaml --set load.users=5 --target-command "python3 -m shop --port 8080"
    """
    from loadtest_operator.cli import loading, running
    from loadtest_operator.local.run import Request

    loaded = loading.load(file, name, set_ or [])
    maps = running.config_maps(loaded, config_map or [])
    request = Request(loaded.raw, loaded.test, maps, running.split(target_command), prometheus)
    sys.exit(running.run(loaded, request, store, report, as_json=output is Output.JSON))
