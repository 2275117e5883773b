"""A run as one HTML file that needs nothing else: no script, no font, no picture from anywhere.

Everything that a user wrote is escaped by the template engine; nothing is marked as safe but our own style sheet.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from loadtest_operator.model import quantities
from loadtest_operator.model.phases import ComparisonResult, Metric, Phase, ThresholdResult, Verdict
from loadtest_operator.report import charts, timeline
from loadtest_operator.report.content import Content
from loadtest_operator.report.findings import finding_rows
from loadtest_operator.verdict import validity
from loadtest_operator.verdict.numbers import Figures, Numbers, summarise
from loadtest_operator.verdict.record import RunRecord

# The agent keeps the kinds of failure apart per endpoint; a page with more of them than this helps nobody.
MAX_ERRORS = 100
SAMPLE_MAX = 300

CANCELLED = str(Phase.CANCELLED)
MEANINGS: dict[str, str] = {
    Verdict.PASSED: "Every limit holds.",
    Verdict.WARNING: "A warning limit is crossed, or something looks worse than before.",
    Verdict.INCONCLUSIVE: "There is not enough to say yes or no.",
    Verdict.REGRESSED: "Worse than the runs before, by more than is tolerated.",
    Verdict.FAILED: "A limit is crossed.",
    Verdict.INVALID: "It ran, but its numbers do not describe the target.",
    Verdict.ERROR: "The run broke.",
    CANCELLED: "Stopped by hand; the figures are of the time until then.",
}
# Few tones, each with a sign of its own: nothing is told by colour alone.
_TONES: dict[str, str] = {
    **dict.fromkeys((Verdict.PASSED, ThresholdResult.PASSED, "Improved"), "good"),
    **dict.fromkeys((Verdict.FAILED, Verdict.REGRESSED, Verdict.INVALID, Verdict.ERROR, CANCELLED), "bad"),
    ComparisonResult.COLLECTING_BASELINE: "neutral",
}
_SIGNS = {"good": "✓", "bad": "✕", "unsure": "!", "neutral": "…"}
_MAX_CPU, _MAX_LAG = quantities.share(validity.MAX_CPU), quantities.latency(validity.MAX_LAG_S)
_TILES = (
    ("requests", "Requests"),
    ("failures", "Failed"),
    ("errorRate", "Error rate"),
    ("rps", "Throughput"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("max", "Slowest"),
    ("capacity", "Capacity"),
)


def render(content: Content) -> str:
    """The whole page. The same content always gives the same text."""
    record = content.record
    numbers = summarise(record) if record else None
    headline = CANCELLED if content.phase == CANCELLED else content.verdict
    text = _template().render(
        content=content,
        headline=headline,
        meaning=MEANINGS.get(headline, ""),
        facts=list(_facts(content)),
        tiles=[(label, _shown(content.summary[key])) for key, label in _TILES if content.summary.get(key) is not None],
        findings=finding_rows(content.comparison),
        endpoints=_measured_endpoints(numbers) if numbers else _told_endpoints(content),
        errors=list(_errors(record)) if record else list(content.errors),
        charts=_charts(record, numbers) if record and numbers else [],
        warmup=_seconds(record.warmup_s) if record and record.warmup_s else "",
        measurements=list(_measurements(content.validity)),
    )
    # What an agent tells may hold halves of characters, which no file can.
    return text.encode("utf-8", "replace").decode("utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("loadtest_operator.report", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"tone": tone, "sign": lambda result: _SIGNS[tone(result)], "shown": _shown}
    style = resources.files("loadtest_operator.report").joinpath("page", "style.css").read_text(encoding="utf-8")
    environment.globals["style"] = style
    return environment.get_template("report.html")


def tone(result: object) -> str:
    return _TONES.get(str(result), "unsure")


def _facts(content: Content) -> Iterator[tuple[str, str]]:
    record = content.record
    users = max((one.users or 0 for one in record.run_windows), default=0) if record else 0
    workers = max((one.workers or 0 for one in record.run_windows), default=0) if record else 0
    attempt = f", attempt {content.attempt}" if content.attempt > 1 else ""
    yield "Test", content.test
    yield "Namespace", content.namespace
    yield "Run", f"{content.number} ({content.run}{attempt})"
    yield "Series", content.series
    yield "Target", content.target
    yield "Version", content.version
    yield "Began", _moment(content.start)
    yield "Load for", _length(content)
    yield "Warm-up", _seconds(record.warmup_s) if record else ""
    yield "Users", f"{users:,}" if users else ""
    yield "Workers", f"{workers:,}" if workers else ""


def _length(content: Content) -> str:
    if content.start is None or content.end is None:
        return ""
    return _seconds((content.end - content.start).total_seconds())


def _measured_endpoints(numbers: Numbers) -> list[dict[str, Any]]:
    """All of them, busiest first, and the total."""
    busiest = sorted(numbers.endpoints.items(), key=lambda one: (-one[1].requests, one[0]))
    rows = [_row(" ".join(key).strip(), figures) for key, figures in busiest]
    return [*rows, {**_row("All endpoints", numbers.total), "total": True}] if rows else []


def _row(name: str, figures: Figures) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "requests": figures.requests, "failures": figures.failures}
    row["rps"] = None if figures.rps is None else quantities.rate(figures.rps)
    row["errorRate"] = None if figures.error_rate is None else quantities.share(figures.error_rate)
    for metric in (Metric.P50, Metric.P95, Metric.P99, Metric.MAX):
        value = figures.value(metric)
        row[str(metric)] = None if value is None else quantities.latency(value)
    return row


def _told_endpoints(content: Content) -> list[Mapping[str, Any]]:
    if not content.endpoints:
        return []
    return [*content.endpoints, {**content.summary, "name": "All endpoints", "total": True}]


def _errors(record: RunRecord) -> Iterator[dict[str, Any]]:
    failures = [(endpoint.label, failure) for endpoint in record.endpoints for failure in endpoint.failures]
    failures.sort(key=lambda one: (-one[1].n, one[0], one[1].kind))
    begun = record.start.timestamp()
    for label, failure in failures[:MAX_ERRORS]:
        moments = {"first": failure.first, "last": failure.last}
        yield {
            "kind": failure.kind,
            "endpoint": label,
            "count": failure.n,
            "sample": failure.sample[:SAMPLE_MAX],
            **{key: None if at is None else charts.time(max(0.0, at - begun)) for key, at in moments.items()},
        }


def _charts(record: RunRecord, numbers: Numbers) -> list[charts.Chart]:
    spread = charts.distribution(numbers.total.hist)
    drawn = charts.over_time(timeline.points(record), record.warmup_s)
    return [*drawn, spread] if spread else drawn


def _measurements(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key, label, why in (
        ("achieved", "Load that was reached", "of the load that was asked for"),
        ("generatorCPU", "CPU of the busiest worker", f"over {_MAX_CPU} the generator slows the requests down itself"),
        ("lagP99", "Lag of the generator", f"over {_MAX_LAG} its own delays are in the latencies"),
        ("paced", "Iterations that were made", "of those that the script's pacing asks for"),
        ("workersLost", "Workers lost", "each takes its users with it"),
    ):
        if told.get(key) is not None:
            yield label, _shown(told[key]), why


def _shown(value: object) -> str:
    if value is None or value == "":
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _moment(at: datetime | None) -> str:
    return quantities.timestamp(at).replace("T", " ").replace("Z", " UTC") if at else ""


def _seconds(seconds: float) -> str:
    return quantities.duration(timedelta(seconds=round(seconds, 1)))
