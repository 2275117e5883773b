"""`demo`: the story that the product is for. A baseline of short runs, one endpoint made slower, and it is found."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from loadtest_operator.cli.check import SetOption
from loadtest_operator.cli.errors import UserError
from loadtest_operator.cli.run import Output, OutputOption, ReportOption, StoreOption

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from loadtest_operator.cli.loading import Loaded
    from loadtest_operator.local.results import Outcome

BASELINE_RUNS = 4
SLOWER = "search=1.4"
NEXT = """
Next:
  loadtest report demo -o demo.html      the report of the last run, as one file
  loadtest init > test.yaml              a test of your own; then: loadtest run -f test.yaml
"""


def demo(
    set_: SetOption = None,
    runs: Annotated[int, typer.Option("--runs", min=1, max=10, help="Runs of the unchanged shop.")] = BASELINE_RUNS,
    slower: Annotated[
        str, typer.Option("--slower", metavar="ENDPOINT=FACTOR", help="What becomes slower then; empty: nothing.")
    ] = SLOWER,
    store: StoreOption = None,
    report: ReportOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Find a regression in two minutes: a sample shop, some short runs, then one endpoint is made slower.

    The exit code is that of the last run, as a pipeline would see it: 3 when the slower endpoint was found.

    Example: loadtest demo --slower checkout=1.3
    """
    from loadtest_operator.cli import loading, result, running
    from loadtest_operator.local import demo as shop
    from loadtest_operator.local import results
    from loadtest_operator.local.run import Request

    loaded = loading.load(str(shop.FILE), None, [*shop.overrides(runs), *(set_ or [])])
    url = str(loaded.test.spec.target.url)
    as_json = output is Output.JSON
    console = result.console(to_stderr=as_json)
    console.print(f"The test is {shop.FILE}; its target, a small shop, is started here for it.\n", soft_wrap=True)
    path = store or results.default_store()
    _baseline(loaded, shop.target_command(url), path, runs, console)
    if slower:
        console.print(f"\nNow the shop changes: {slower} (times its latency). The same test again:\n")
    else:
        console.print("\nThe same test again, nothing has changed:\n")
    command = shop.target_command(url, slower)
    request = Request(loaded.raw, loaded.test, loaded.config_maps, command)
    code = running.run(loaded, request, store, report, as_json=as_json)
    console.print(NEXT, soft_wrap=True)
    sys.exit(code)


def _baseline(loaded: Loaded, command: Sequence[str], path: Path, runs: int, console: Console) -> None:
    from loadtest_operator.cli import running

    console.print(f"First {runs} runs of the shop as it is; together they are the baseline:")
    for number in range(1, runs + 1):
        outcome = running.briefly(loaded, command, path, console)
        if outcome is None or outcome.cancelled:
            sys.exit(running.INTERRUPTED)
        console.print(f"  {number} of {runs}: {_line(outcome)}", soft_wrap=True, markup=False)
        if outcome.store_problem:
            raise UserError(f"--store {path}: {outcome.store_problem}")
        if code := running.exit_code(outcome, loaded):
            sys.exit(code)


def _line(outcome: Outcome) -> str:
    judgement = outcome.judgement
    if judgement is None or str(outcome.verdict) != "Passed":
        return f"{outcome.verdict}: {outcome.message}"
    figures = judgement.summary
    return f"{outcome.verdict}, p95 {figures.get('p95')}, {figures.get('rps')}, errors {figures.get('errorRate')}"
