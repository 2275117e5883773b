"""`validate` and `explain`: everything that can be said about a file before anything runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from loadtest_operator.cli.errors import UserError

FileOption = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="YAML file; - reads standard input.")]
NameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Which LoadTest, when the file holds several.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Replace a value of the file, such as load.users=50; repeat for more."
    ),
]


def validate(file: FileOption) -> None:
    """Check a file: every LoadTest and LoadTestSchedule in it.

    Says for each problem file, line, field and the way out. Exit code 0: all is well, 2: something is not.

    Example: loadtest validate -f test.yaml
    """
    from loadtest_operator.cli import documents, loading
    from loadtest_operator.model.errors import Problem
    from loadtest_operator.model.names import LOADTEST, SCHEDULE

    wrong: list[str] = []
    checked = 0
    for document in documents.read(file):
        found: list[Problem] = []
        if document.kind == LOADTEST:
            found = loading.problems(document.raw)
        elif document.kind == SCHEDULE:
            found = loading.schedule_problems(document.raw)
        else:
            sys.stdout.write(f"{document.place('')}: {document.kind} {document.name}: not checked\n")
            continue
        checked += 1
        wrong += [loading.said(document, problem) for problem in found]
        if not found:
            sys.stdout.write(f"{document.place('')}: {document.kind} {document.name}: valid\n")
    if wrong:
        raise UserError(*wrong)
    if not checked:
        raise UserError(f"{file}: there is neither a {LOADTEST} nor a {SCHEDULE} in it.")


def explain(
    file: FileOption,
    name: NameOption = None,
    set_: SetOption = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="text|yaml|json", help="yaml and json: the whole effective spec.")
    ] = "text",
) -> None:
    """Show what a file means: effective values, defaults included, and what would run.

    Example: loadtest explain -f test.yaml --set load.users=500
    """
    from loadtest_operator.cli import loading

    loaded = loading.load(file, name, set_ or [])
    sys.stdout.write(_explained(loaded, output))


def _explained(loaded: object, output: str) -> str:
    import json

    import yaml

    from loadtest_operator.cli import explaining
    from loadtest_operator.cli.loading import Loaded
    from loadtest_operator.model import effective

    assert isinstance(loaded, Loaded)
    match output:
        case "text":
            return explaining.text(loaded.name, loaded.test.spec)
        case "yaml":
            return yaml.safe_dump({"spec": effective.effective(loaded.test.spec)}, sort_keys=False, allow_unicode=True)
        case "json":
            return json.dumps({"spec": effective.effective(loaded.test.spec)}, indent=2) + "\n"
    raise UserError(f"--output {output}: choose text, yaml or json.")
