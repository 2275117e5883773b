"""What is shown when a run is over: thresholds, endpoints, errors, and the verdict in plain words."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest_operator.decide.judge import Judgement
from loadtest_operator.local.results import Outcome
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.phases import ComparisonResult, GatedVerdict, Phase, ThresholdResult, Verdict
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.store import StoredRun

STYLES = {
    Verdict.PASSED: "bold green",
    Verdict.WARNING: "bold yellow",
    Verdict.INCONCLUSIVE: "bold yellow",
}
BAD = "bold red"
LOG_WIDTH = 120  # a log has no width; tables need one
RESULT_STYLES = {
    ThresholdResult.PASSED: "green",
    ThresholdResult.WARNING: "yellow",
    ThresholdResult.UNKNOWN: "yellow",
    ThresholdResult.FAILED: "red",
}
MEANINGS = {
    Verdict.PASSED: "every limit holds",
    Verdict.WARNING: "a warning limit is crossed",
    Verdict.INCONCLUSIVE: "there is not enough to say yes or no",
    Verdict.REGRESSED: "worse than the runs before",
    Verdict.FAILED: "a limit is crossed",
    Verdict.INVALID: "it ran, but its numbers do not describe the target",
    Verdict.ERROR: "the run broke",
}


def show(console: Console, judgement: Judgement) -> None:
    if judgement.thresholds:
        _show_table(console, "Thresholds", _thresholds(judgement.thresholds))
    if judgement.comparison:
        _show_table(console, _against(judgement.comparison), _findings(judgement.comparison.get("findings") or ()))
    if judgement.endpoints:
        _show_table(console, "Endpoints, after warm-up", _endpoints(judgement.endpoints, judgement.summary))
    if judgement.errors:
        _show_table(console, "Errors, warm-up included", _errors(judgement.errors))


def verdict_line(outcome: Outcome) -> Text:
    if outcome.cancelled:
        measured = f"the figures above are of the {outcome.seconds:.0f} s until then" if outcome.judgement else ""
        return Text.assemble(("Cancelled", BAD), f": stopped by hand; {measured or 'nothing was measured'}")
    return Text.assemble((f"{outcome.verdict}", STYLES.get(outcome.verdict, BAD)), f": {outcome.message}")


def exit_line(outcome: Outcome, fail_on: Collection[GatedVerdict], code: int) -> str:
    """What the exit code says."""
    if outcome.cancelled:
        return f"exit code {code}: interrupted"
    door = "is open" if outcome.gate(fail_on).passes else "is closed"
    return f"exit code {code}: the gate {door}, {MEANINGS[outcome.verdict]}"


def as_json(outcome: Outcome, spec: LoadTestSpec, code: int, store: Path, report: Path | None = None) -> str:
    """The same names as in the status of a LoadTest."""
    ref, judgement = outcome.ref, outcome.judgement
    found: dict[str, Any] = {
        "run": {"id": ref.id, "number": ref.number, "namespace": ref.namespace, "test": ref.test},
        "phase": "Cancelled" if outcome.cancelled else "Error" if outcome.verdict is Verdict.ERROR else "Completed",
        "verdict": str(outcome.verdict),
        "message": outcome.message,
        "gate": {"passes": outcome.gate(defaults.fail_on(spec)).passes, "exitCode": code},
        "store": str(store) if judgement and not outcome.store_problem else None,
        "report": str(report) if report else None,
    }
    if judgement is not None:
        for part in ("summary", "endpoints", "errors", "thresholds", "comparison", "validity"):
            found[part] = getattr(judgement, part)
    return json.dumps(found, indent=2) + "\n"


def history_entry(run: StoredRun) -> dict[str, Any]:
    judgement = run.judgement
    return {
        "id": run.id,
        "number": run.number,
        "phase": run.phase,
        "verdict": str(judgement.verdict),
        "message": judgement.message,
        "start": quantities.timestamp(run.start),
        "end": quantities.timestamp(run.end),
        "summary": judgement.summary,
    }


def show_history(runs: Sequence[StoredRun]) -> None:
    table = _new("run", "verdict", "started", "took", "requests", "rate", "p95", "errors", left=3)
    for run in runs:
        summary, verdict = run.judgement.summary, run.judgement.verdict
        cancelled = run.phase == Phase.CANCELLED
        table.add_row(
            "",
            str(run.number),
            Text("Cancelled" if cancelled else str(verdict), style=BAD if cancelled else STYLES.get(verdict, BAD)),
            f"{run.start.astimezone():%Y-%m-%d %H:%M}",
            quantities.duration(timedelta(seconds=round((run.end - run.start).total_seconds()))),
            *(_cell(summary.get(key)) for key in ("requests", "rps", "p95", "errorRate")),
        )
    console().print(table)


def console(*, to_stderr: bool = False) -> Console:
    found = Console(stderr=to_stderr, highlight=False)
    if not found.is_terminal:
        found.width = LOG_WIDTH
    return found


def _show_table(console: Console, title: str, table: Table) -> None:
    console.print(Text(title, style="bold"))
    console.print(table)
    console.print()


def _new(*columns: str, left: int = 1) -> Table:
    """The first columns are text, the others numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", width=0)
    for at, heading in enumerate(columns):
        table.add_column(heading, justify="left" if at < left else "right", overflow="fold")
    return table


def _thresholds(thresholds: Sequence[Mapping[str, Any]]) -> Table:
    table = _new("threshold", "result", "value", "warn", "fail", left=2)
    for one in thresholds:
        result = ThresholdResult(one["result"])
        table.add_row(
            "",
            Text(str(one["name"])),
            Text(str(result), style=RESULT_STYLES[result]),
            *(Text(str(one.get(key, "-"))) for key in ("value", "warn", "fail")),
        )
    return table


def _against(comparison: Mapping[str, Any]) -> str:
    runs = comparison["runs"]
    against = f"{runs} run{'' if runs == 1 else 's'} of {comparison['series']}"
    if comparison["result"] == ComparisonResult.COLLECTING_BASELINE:
        return f"Baseline: {against} so far, {comparison['needed']} are needed"
    return f"Compared with {against}"


def _findings(findings: Sequence[Mapping[str, Any]]) -> Table:
    table = _new("endpoint", "metric", "result", "change", "at least", "at most", left=3)
    for one in findings:
        found = ComparisonResult(one["result"])
        told = Text("" if found is ComparisonResult.COLLECTING_BASELINE else str(found), style=_STYLES.get(found, ""))
        table.add_row(
            "",
            *(_cell(one.get(key)) for key in ("endpoint", "metric")),
            told,
            *(_cell(one.get(key)) for key in ("change", "low", "high")),
        )
    return table


_STYLES = {
    ComparisonResult.REGRESSED: "red",
    ComparisonResult.WARNING: "yellow",
    ComparisonResult.INCONCLUSIVE: "yellow",
    ComparisonResult.IMPROVED: "green",
    ComparisonResult.PASSED: "green",
}

FIGURES = ("requests", "failures", "errorRate", "rps", "p50", "p95", "p99")


def _endpoints(endpoints: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> Table:
    table = _new("endpoint", "requests", "failed", "error rate", "rate", "p50", "p95", "p99")
    for one in [*endpoints, {**total, "name": "all"}]:
        table.add_row("", Text(str(one["name"])), *(_cell(one.get(key)) for key in FIGURES))
    return table


def _errors(errors: Sequence[Mapping[str, Any]]) -> Table:
    table = _new("error", "endpoint", "count", "first", "last", left=2)
    for one in errors:
        table.add_row("", *(_cell(one.get(key)) for key in ("kind", "endpoint", "count", "first", "last")))
    return table


def _cell(value: object) -> Text:
    if value is None:
        return Text("-")
    return Text(f"{value:,}" if isinstance(value, int) else str(value))
