"""Progress as a table that renews itself, for a person at a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtest_operator.cli import plain
from loadtest_operator.local.progress import EndpointProgress, Progress
from loadtest_operator.model import quantities

MAX_ENDPOINTS = 12
BAR_WIDTH = 40


class LiveTable:
    """Called with every progress; as a context, it owns the lower part of the terminal."""

    def __init__(self, console: Console, warmup_s: float) -> None:
        self.console = console
        self.warmup_s = warmup_s
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveTable:
        self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.__exit__(kind, value, trace)

    def __call__(self, now: Progress) -> None:
        self.live.update(render(now, self.warmup_s), refresh=True)

    def say(self, text: str) -> None:
        self.console.print(Text(text), soft_wrap=True)


def render(now: Progress, warmup_s: float) -> RenderableType:
    if now.state != plain.RUNNING:
        return Text(plain.stage(now), style="dim")
    parts: list[RenderableType] = [_headline(now, warmup_s), Text(plain.figures(now))]
    if now.endpoints:
        parts += [Text(), _table(now.endpoints)]
    return Group(*parts)


def _headline(now: Progress, warmup_s: float) -> RenderableType:
    total, done = max(now.duration, 1.0), min(now.elapsed, now.duration)
    bar = ProgressBar(total=total, completed=done, width=BAR_WIDTH, complete_style="cyan", finished_style="cyan")
    text = f" {min(now.elapsed, now.duration):.0f} s of {now.duration:.0f} s"
    if now.elapsed < warmup_s:
        text += f", warm-up until {warmup_s:.0f} s"
    grid = Table.grid()
    grid.add_row(bar, Text(text))
    return grid


def _table(endpoints: tuple[EndpointProgress, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("endpoint", overflow="ellipsis", no_wrap=True)
    for heading in ("requests", "errors", "req/s", "p50", "p95"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in endpoints[:MAX_ENDPOINTS]:
        errors = Text(f"{one.errors:,}", style="red" if one.errors else "")
        table.add_row(
            Text(one.label), f"{one.requests:,}", errors, f"{one.rps:.1f}", _latency(one.p50), _latency(one.p95)
        )
    if len(endpoints) > MAX_ENDPOINTS:
        table.add_row(Text(f"and {len(endpoints) - MAX_ENDPOINTS} more", style="dim"))
    return table


def _latency(seconds: float | None) -> str:
    return "-" if seconds is None else quantities.latency(seconds)
