"""What a person sees while a test runs and when it is over."""

import io
import json
from dataclasses import replace
from pathlib import Path

from loadtest_operator.build.names import RunRef
from loadtest_operator.cli import live, plain, result
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.local.progress import EndpointProgress, Progress
from loadtest_operator.local.results import Outcome
from loadtest_operator.model import loadtest
from loadtest_operator.model.phases import Verdict
from rich.console import Console

ENDPOINT = EndpointProgress("GET [bold]/a", 1234, 5, 61.7, 0.0052, 0.0093)
RUNNING = Progress("Running", "", 12, 30, (20, 20), (2, 2), 169.2, 0.0442, 0.001, 1234, 5, (ENDPOINT,))
SPEC = loadtest.parse(
    {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": "a"},
        "spec": {
            "target": {"url": "http://a"},
            "scenario": {"http": {"requests": [{"path": "/"}]}},
            "load": {"users": 1, "duration": "1m"},
        },
    }
).spec
JUDGEMENT = Judgement(
    verdict=Verdict.FAILED,
    message="p95 of GET /a is 600ms, over its limit of 500ms; 1 of 2 thresholds failed",
    summary={"requests": 1234, "failures": 5, "errorRate": "0.41%", "rps": "61.7/s", "p95": "600ms"},
    endpoints=[{"name": "GET [bold]/a", "requests": 1234, "failures": 5, "errorRate": "0.41%", "p95": "600ms"}],
    errors=[{"kind": "HTTP 503", "endpoint": "GET [bold]/a", "count": 5}],
    thresholds=[{"name": "p95", "value": "600ms", "fail": "500ms", "result": "Failed"}],
    validity={"valid": True, "reasons": []},
)
OUTCOME = Outcome(RunRef("local", "a", "uid", 3, id="a-3-x"), Verdict.FAILED, JUDGEMENT.message, JUDGEMENT, False, 60.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(*history: tuple[float, Progress]) -> list[str]:
    written: list[str] = []
    clock = Clock()
    shown = plain.PlainLines(written.append, clock)
    for at, now in history:
        clock.now = 100.0 + at
        shown(now)
    return written


def drawn(render) -> str:
    out = io.StringIO()
    render(Console(file=out, width=100, highlight=False))
    return out.getvalue()


def test_a_log_gets_a_line_for_every_stage_and_one_every_five_seconds_of_load() -> None:
    asking = replace(RUNNING, state="Preflight", message="connection refused", requests=0)
    seconds = [(float(second), replace(RUNNING, elapsed=second)) for second in range(2, 13)]
    found = lines((0, asking), (1, asking), *seconds, (13, replace(RUNNING, state="Collecting")))
    assert found == [
        "    0s  asking the target: connection refused\n",
        "    2s  2 of 30 s of load: 20 of 20 users, 169.2/s, p95 44.2ms, errors 0.1%\n",
        "    7s  7 of 30 s of load: 20 of 20 users, 169.2/s, p95 44.2ms, errors 0.1%\n",
        "   12s  12 of 30 s of load: 20 of 20 users, 169.2/s, p95 44.2ms, errors 0.1%\n",
        "   13s  load has ended, collecting the last results\n",
    ]


def test_before_the_first_answer_no_figures_are_shown() -> None:
    assert plain.figures(replace(RUNNING, requests=0)) == "20 of 20 users, no answers yet"


def test_a_terminal_gets_bar_figures_and_endpoints_and_names_are_no_markup() -> None:
    found = drawn(lambda console: console.print(live.render(RUNNING, warmup_s=15)))
    assert "12 s of 30 s, warm-up until 15 s" in found
    assert "20 of 20 users, 169.2/s, p95 44.2ms, errors 0.1%" in found
    assert "GET [bold]/a     1,234       5   61.7  5.2ms  9.3ms" in found


def test_a_terminal_shows_the_busiest_endpoints_and_counts_the_rest() -> None:
    many = tuple(replace(ENDPOINT, label=f"GET /{n}") for n in range(30))
    found = drawn(lambda console: console.print(live.render(replace(RUNNING, endpoints=many), warmup_s=0)))
    assert "and 18 more" in found
    assert len(found.splitlines()) < 20


def test_the_end_shows_thresholds_endpoints_and_errors_as_written() -> None:
    found = drawn(lambda console: result.show(console, JUDGEMENT))
    text = [" ".join(line.split()) for line in found.splitlines()]
    assert "p95 Failed 600ms - 500ms" in text
    assert "GET [bold]/a 1,234 5 0.41% - - 600ms -" in text
    assert "all 1,234 5 0.41% 61.7/s - 600ms -" in text
    assert "HTTP 503 GET [bold]/a 5 - -" in text


def test_the_last_lines_say_the_verdict_and_what_the_exit_code_means() -> None:
    assert result.verdict_line(OUTCOME).plain == f"Failed: {JUDGEMENT.message}"
    assert result.exit_line(OUTCOME, [], 0) == "exit code 0: the gate is open, a limit is crossed"
    closed = result.exit_line(OUTCOME, list(Verdict), 1)
    assert closed == "exit code 1: the gate is closed, a limit is crossed"


def test_a_run_that_was_stopped_says_how_much_was_measured() -> None:
    stopped = replace(OUTCOME, cancelled=True, seconds=12.3)
    assert (
        result.verdict_line(stopped).plain == "Cancelled: stopped by hand; the figures above are of the 12 s until then"
    )
    nothing = replace(stopped, judgement=None)
    assert result.verdict_line(nothing).plain == "Cancelled: stopped by hand; nothing was measured"
    assert result.exit_line(stopped, [], 130) == "exit code 130: interrupted"


def test_json_has_the_names_of_the_status() -> None:
    found = json.loads(result.as_json(OUTCOME, SPEC, 1, Path("/runs.db")))
    assert found["run"] == {"id": "a-3-x", "number": 3, "namespace": "local", "test": "a"}
    assert (found["phase"], found["verdict"], found["store"]) == ("Completed", "Failed", "/runs.db")
    assert found["gate"] == {"passes": False, "exitCode": 1}
    assert found["thresholds"][0]["result"] == "Failed"


def test_json_of_a_run_that_broke_has_no_results() -> None:
    broken = replace(OUTCOME, verdict=Verdict.ERROR, message="ScriptError: no", judgement=None)
    found = json.loads(result.as_json(broken, SPEC, 5, Path("/runs.db")))
    assert (found["phase"], found["store"], "thresholds" in found) == ("Error", None, False)
