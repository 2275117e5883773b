"""Synthetic services: latencies with the troubles of real ones, and runs of them as run records.

A request must cost a microsecond here: latencies are drawn once per endpoint, as positions on the bucket axis, and
each window takes a few of them from a random place, shifted by what moves the service in that window.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.record import Cell, Endpoint, RunRecord

WARMUP_S = 30
# Positions are sixteenths of a bucket: an eighth of a percent.
FINE = 16
_PER_LN = FINE / histogram.LN_WIDTH
_POOL = 8192
_MICROSECONDS = 1e6


@dataclass(frozen=True)
class EndpointModel:
    name: str
    pool: Sequence[int]
    """Latencies in random order, as fine positions."""
    arrivals: Sequence[float]
    """The cumulated chances of 0, 1, 2, ... requests in a second."""
    own_spread: float


@dataclass(frozen=True)
class Service:
    seed: str
    endpoints: Sequence[EndpointModel]
    level_sd: float
    level_memory: float
    shared_spread: float
    pauses_per_s: float
    warm_up: float
    warm_up_s: float
    drift: float
    drift_phase: float


def service(seed: str, endpoints: int = 5) -> Service:
    draw = random.Random(seed)
    own = _clipped(draw, 0.012, 0.003, 0.05)
    return Service(
        seed=seed,
        endpoints=[_endpoint(draw, f"/{at}", own) for at in range(endpoints)],
        level_sd=draw.uniform(0.03, 0.15),
        level_memory=math.exp(-1 / _log_uniform(draw, 1, 30)),
        shared_spread=_clipped(draw, 0.025, 0.005, 0.10),
        pauses_per_s=_log_uniform(draw, 0.01, 0.3),
        warm_up=draw.uniform(0, 0.5),
        warm_up_s=draw.uniform(2, 15),
        drift=draw.uniform(0, 0.02),
        drift_phase=draw.uniform(0, 2 * math.pi),
    )


def run(of: Service, number: int, slower: Mapping[str, float] | None = None, seconds: int = 300) -> RunRecord:
    """One run; `slower` tells by which factor the latencies of an endpoint are multiplied."""
    draw = random.Random(f"{of.seed}/{number}")
    levels = _levels(of, draw, number, seconds)
    pauses = _pauses(of, draw, seconds)
    endpoints = [_measured(one, of, draw, levels, pauses, (slower or {}).get(one.name, 1.0)) for one in of.endpoints]
    return RunRecord(
        run=f"{of.seed}-{number}",
        series=of.seed,
        start=datetime(2026, 1, 1, tzinfo=UTC),
        duration_s=seconds,
        warmup_s=WARMUP_S,
        window_s=1,
        config_hash="synthetic",
        number=number,
        endpoints=tuple(endpoints),
    )


def _endpoint(draw: random.Random, name: str, own_spread: float) -> EndpointModel:
    median_us = _log_uniform(draw, 5, 150) * 1000
    sigma = draw.uniform(0.2, 0.7)
    slow_share, slow_factor = (draw.uniform(0.02, 0.25), draw.uniform(2, 8)) if draw.random() < 0.5 else (0.0, 1.0)
    pool = []
    for _ in range(_POOL):
        logarithm = math.log(median_us) + draw.gauss(0, sigma)
        if draw.random() < slow_share:
            logarithm += math.log(slow_factor)
        pool.append(round(logarithm * _PER_LN))
    # The end is as good as the start: slices may run over it.
    return EndpointModel(name, pool + pool[:200], _poisson(draw.uniform(3, 40)), own_spread)


def _levels(of: Service, draw: random.Random, number: int, seconds: int) -> list[float]:
    """What moves all endpoints, by second: this run's luck, the hour of the day, warm-up, and a level that wanders."""
    run_level = draw.gauss(0, of.shared_spread) + of.drift * math.sin(2 * math.pi * number / 8 + of.drift_phase)
    level = draw.gauss(0, of.level_sd)
    step = of.level_sd * math.sqrt(1 - of.level_memory**2)
    found = []
    for second in range(seconds):
        level = of.level_memory * level + draw.gauss(0, step)
        found.append(run_level + level + math.log1p(of.warm_up * math.exp(-second / of.warm_up_s)))
    return found


def _pauses(of: Service, draw: random.Random, seconds: int) -> dict[int, list[tuple[float, float]]]:
    """By second, the pauses that its requests may meet."""
    rate = of.pauses_per_s * math.exp(draw.gauss(0, 0.3))
    found: dict[int, list[tuple[float, float]]] = {}
    at = draw.expovariate(rate)
    while at < seconds:
        pause = (at, at + draw.uniform(0.03, 0.2))
        # Requests of the second before may still be in flight.
        for second in range(int(at) - 1, int(pause[1]) + 1):
            found.setdefault(second, []).append(pause)
        at += draw.expovariate(rate)
    return found


def _measured(
    one: EndpointModel,
    of: Service,
    draw: random.Random,
    levels: Sequence[float],
    pauses: Mapping[int, Sequence[tuple[float, float]]],
    slower: float,
) -> Endpoint:
    offset = draw.gauss(0, one.own_spread) + math.log(slower)
    chance, cells = draw.random, []
    for second in range(WARMUP_S, len(levels)):
        n = bisect_left(one.arrivals, chance())
        if not n:
            continue
        start = int(chance() * _POOL)
        move = round((levels[second] + offset) * _PER_LN)
        positions = [position + move for position in one.pool[start : start + n]]
        if second in pauses:
            positions = [_delayed(position, second + chance(), pauses[second]) for position in positions]
        cells.append(Cell(second, n, 0, _packed(positions), b""))
    return Endpoint("GET", one.name, tuple(cells))


def _delayed(position: int, arrival: float, pauses: Sequence[tuple[float, float]]) -> int:
    """What arrives in a pause, or is in flight when it begins, waits for its end."""
    latency = math.exp(position / _PER_LN) / _MICROSECONDS
    waited = latency
    for begin, end in pauses:
        if begin <= arrival < end:
            waited += end - arrival
        elif arrival < begin < arrival + waited:
            waited += end - begin
    return position if waited == latency else round(math.log(waited * _MICROSECONDS) * _PER_LN)


def _packed(positions: list[int]) -> bytes:
    positions.sort()
    flat: list[int] = []
    before, counted = 0, 0
    for position in positions:
        b = position // FINE
        if b != before:
            if counted:
                flat.append(counted)
            flat.append(b - before)
            before, counted = b, 0
        counted += 1
    flat.append(counted)
    return histogram.pack_numbers(flat)


def _poisson(mean: float) -> list[float]:
    def chances() -> Iterator[float]:
        chance = math.exp(-mean)
        for n in range(int(mean + 10 * math.sqrt(mean)) + 10):
            yield chance
            chance *= mean / (n + 1)

    # The last one takes what rounding left over.
    return [*list(accumulate(chances()))[:-1], 1.0]


def _log_uniform(draw: random.Random, low: float, high: float) -> float:
    return math.exp(draw.uniform(math.log(low), math.log(high)))


def _clipped(draw: random.Random, middle: float, low: float, high: float) -> float:
    """Log-normal around the middle, so that nearly all lies between the two ends, and then all of it."""
    return min(high, max(low, middle * math.exp(draw.gauss(0, 0.7))))
