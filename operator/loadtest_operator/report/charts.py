"""The charts of a report, as coordinates and texts; how they are drawn is the page's business.

A plot is 1000 units wide and 100 high, stretched to the place that there is; so labels stay outside of it, in percent.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from loadtest_operator.model import quantities
from loadtest_operator.report import axes
from loadtest_operator.report.timeline import Point
from loadtest_operator.verdict import histogram

WIDTH = 1000.0
HEIGHT = 100.0
BARS = 72
MARKS = ((0.50, "p50"), (0.95, "p95"), (0.99, "p99"))


@dataclass(frozen=True, slots=True)
class Tick:
    percent: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """`style` is the name of a class of the style sheet."""

    label: str
    style: str
    path: str
    area: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of the plot that tells its figures when it is pointed at."""

    x: float
    width: float
    y: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    id: str
    title: str
    says: str
    """What it shows, for those who cannot see it."""
    x: Sequence[Tick]
    y: Sequence[Tick]
    lines: Sequence[Line] = ()
    bars: Sequence[Spot] = ()
    marks: Sequence[Tick] = ()
    spots: Sequence[Spot] = ()
    shaded: float = 0.0
    """How much of the width is warm-up."""

    @property
    def legend(self) -> Sequence[Line]:
        return [line for line in self.lines if line.label]


Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Curve:
    label: str
    style: str
    values: Values
    area: bool = False


def over_time(points: Sequence[Point], warmup_s: float) -> list[Chart]:
    """Throughput, latency, users, and how busy the load generator was, as far as it was measured."""
    if not points:
        return []
    p50, p95 = zip(*(one.latencies for one in points), strict=True)
    draw = _Drawing(points, warmup_s)
    rates = [Curve("requests", "total", [one.rate for one in points], area=True)]
    if any(one.failures for one in points):
        rates.append(Curve("failed", "failed", [one.failure_rate for one in points], area=True))
    curves = [
        ("throughput", "Requests per second", quantities.rate, rates),
        ("latency", "Latency of successful requests", quantities.latency, _latencies(p50, p95)),
        ("users", "Users", quantities.number, [Curve("users", "users", [one.users for one in points], area=True)]),
        ("cpu", "CPU of the busiest worker", quantities.share, [Curve("CPU", "cpu", [one.cpu for one in points])]),
    ]
    return [draw.chart(*one) for one in curves if any(value is not None for curve in one[3] for value in curve.values)]


def _latencies(p50: Values, p95: Values) -> list[Curve]:
    return [Curve("p95", "p95", p95), Curve("p50", "p50", p50)]


class _Drawing:
    """What all charts over time of one run have in common."""

    def __init__(self, points: Sequence[Point], warmup_s: float) -> None:
        self._points = points
        self._end = points[-1].until_s
        self._shaded = min(1.0, warmup_s / self._end) * WIDTH

    def chart(self, id_: str, title: str, shown: axes.Shown, curves: Sequence[Curve]) -> Chart:
        highest = max(value for curve in curves for value in curve.values if value is not None)
        y = axes.linear(highest)
        return Chart(
            id=id_,
            title=title,
            says=_says(curves, shown),
            x=[Tick(at / self._end * 100, time(at)) for at in axes.time(self._end)],
            y=[Tick(100 - at / y[-1] * 100, shown(at) if at else "0") for at in y],
            lines=[line for one in curves for line in self._lines(one, y[-1])],
            spots=[self._spot(at, curves, shown) for at in range(len(self._points))],
            shaded=self._shaded,
        )

    def _lines(self, curve: Curve, top: float) -> Iterator[Line]:
        if curve.area:
            yield Line("", curve.style, self._path(curve.values, top, area=True), area=True)
        yield Line(curve.label, curve.style, self._path(curve.values, top, area=False))

    def _path(self, values: Values, top: float, *, area: bool) -> str:
        """Straight lines between the middles of the windows; a gap where there is no value."""
        parts: list[str] = []
        for first, end in _stretches(values):
            inside = [
                (self._x((self._points[at].since_s + self._points[at].until_s) / 2), values[at] or 0.0)
                for at in range(first, end)
            ]
            left, right = self._x(self._points[first].since_s), self._x(self._points[end - 1].until_s)
            corners = [(left, inside[0][1]), *inside, (right, inside[-1][1])]
            drawn = "L".join(f"{x:.4g} {HEIGHT - value / top * HEIGHT:.4g}" for x, value in corners)
            parts.append(f"M{left:.4g} {HEIGHT:g}L{drawn}L{right:.4g} {HEIGHT:g}Z" if area else f"M{drawn}")
        return "".join(parts)

    def _spot(self, at: int, curves: Sequence[Curve], shown: axes.Shown) -> Spot:
        point = self._points[at]
        figures = [f"{one.label} {'-' if one.values[at] is None else shown(one.values[at] or 0.0)}" for one in curves]
        text = f"{time(point.since_s)} to {time(point.until_s)}: {', '.join(figures)}"
        return Spot(self._x(point.since_s), self._x(point.until_s - point.since_s), 0, HEIGHT, text)

    def _x(self, seconds: float) -> float:
        return round(seconds / self._end * WIDTH, 2)


def distribution(hist: Mapping[int, int]) -> Chart | None:
    """How often which latency was: bars on a logarithmic axis."""
    total = histogram.count(hist)
    if not total:
        return None
    low, high = min(hist), max(hist) + 1
    width = max(1, math.ceil((high - low) / BARS))
    counts = [sum(hist.get(b, 0) for b in range(at, at + width)) for at in range(low, high, width)]
    span = len(counts) * width

    def percent(seconds: float) -> float:
        return (math.log(seconds / histogram.value(low)) / histogram.LN_WIDTH) / span * 100

    y = axes.linear(max(counts) / total)
    x = axes.logarithmic(histogram.value(low), histogram.value(low + span))
    found = histogram.quantiles(hist, [share for share, _ in MARKS])
    marks = [(name, value) for (_, name), value in zip(MARKS, found, strict=True) if value is not None]
    told = ", ".join(f"{name} {quantities.latency(value)}" for name, value in marks)
    return Chart(
        id="distribution",
        title="How long answers took",
        says=f"{total:,} successful requests after warm-up: {told}.",
        x=[Tick(percent(at), quantities.latency(at)) for at in x],
        y=[Tick(100 - at / y[-1] * 100, quantities.share(at)) for at in y],
        bars=[
            _bar(at, n, total, y[-1], low + at * width, width, WIDTH / len(counts)) for at, n in enumerate(counts) if n
        ],
        marks=[Tick(percent(value), f"{name} {quantities.latency(value)}") for name, value in marks],
    )


def _bar(at: int, n: int, total: int, top: float, bucket: int, buckets: int, wide: float) -> Spot:
    high = max(0.6, n / total / top * HEIGHT)
    since, until = (quantities.latency(histogram.value(one)) for one in (bucket, bucket + buckets))
    text = f"{since} to {until}: {n:,} requests, {quantities.share(n / total)}"
    return Spot(round(at * wide, 2), round(wide * 0.86, 2), round(HEIGHT - high, 2), round(high, 2), text)


def time(seconds: float) -> str:
    """A moment of the run: `45s`, `1m30s`, `2h`."""
    whole = round(seconds, 1)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [(hours, "h"), (minutes, "m"), (round(rest, 1), "s")]
    return "".join(f"{value:g}{unit}" for value, unit in parts if value) or "0s"


def _says(curves: Sequence[Curve], shown: axes.Shown) -> str:
    return "; ".join(_range(curve, shown) for curve in curves) + "."


def _range(curve: Curve, shown: axes.Shown) -> str:
    known = [value for value in curve.values if value is not None]
    if not known:
        return f"{curve.label}: none"
    return f"{curve.label}: from {shown(min(known))} to {shown(max(known))}"


def _stretches(values: Values) -> list[tuple[int, int]]:
    """From where to where there are values, gap by gap."""
    known = [value is not None for value in values]
    edges = [at for at, (before, now) in enumerate(zip([False, *known], [*known, False], strict=True)) if before != now]
    return list(zip(edges[::2], edges[1::2], strict=True))
