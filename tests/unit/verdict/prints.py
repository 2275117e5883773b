"""Builders: fingerprints of runs that never were, with numbers as a test wants them."""

import math
import random
from collections.abc import Mapping, Sequence

from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.fingerprint import Fingerprint, Traits
from loadtest_operator.verdict.record import Cell, Endpoint, RunRecord

from tests.unit.verdict.records import steady, without

FIVE = ("GET /home", "GET /search", "GET /item", "GET /cart", "POST /orders")
REQUESTS = 10_000


def traits(
    p50: float = 0.05, p95: float = 0.12, w: float = 0.005, failures: int = 20, requests: int = REQUESTS
) -> Traits:
    y = tuple(math.log(seconds * 1e6) for seconds in (p50, p95, 1.5 * p95))
    w_errors = math.sqrt(1 / (failures + 0.5) + 1 / (requests - failures + 0.5))
    return Traits(requests, failures, y, (w, 1.5 * w, 3 * w), w_errors)


def run(
    number: int = 0,
    slower: Mapping[str, float] | None = None,
    failures: Mapping[str, int] | None = None,
    labels: Sequence[str] = FIVE,
    spread: float = 0.01,
    w: float = 0.005,
) -> Fingerprint:
    """A run with its own luck; `slower` multiplies an endpoint's latencies ("all": everybody's)."""
    draw = random.Random(f"run {number}")
    slower, failures = slower or {}, failures or {}
    endpoints = {}
    for at, label in enumerate(labels):
        method, name = label.split(" ")
        luck = math.exp(draw.gauss(0, spread)) * slower.get(label, 1.0) * slower.get("all", 1.0)
        endpoints[method, name] = traits(0.02 * (at + 1) * luck, 0.05 * (at + 1) * luck, w, failures.get(label, 20))
    luck = math.exp(draw.gauss(0, spread)) * slower.get("total", slower.get("all", 1.0))
    total = traits(0.05 * luck, 0.2 * luck, w, 20 * len(labels), REQUESTS * max(1, len(labels)))
    return Fingerprint(f"run-{number}", "c0ffee", 270.0, total, endpoints)


def baseline(runs: int = 10, **about) -> list[Fingerprint]:
    return [run(number, **about) for number in range(1, runs + 1)]


def large_record(endpoints: int, windows: int, requests: int, number: int = 0) -> RunRecord:
    """So many requests per endpoint and window, some of them slow, in windows of ten seconds."""
    draw = random.Random(number)
    found = []
    for at in range(endpoints):
        middle, sigma = draw.uniform(450, 600), draw.uniform(10, 35)
        # As wide as real ones is what matters; that they repeat does not make them cheaper.
        hists = [_hist(draw, middle, sigma, requests) for _ in range(min(windows, 6))]
        cells = tuple(Cell(w, requests, 0, hists[w % len(hists)], b"") for w in range(windows))
        found.append(Endpoint("GET", f"/api/v1/endpoint/number/{at}", cells))
    about = {"duration_s": windows * 10, "window_s": 10, "endpoints": tuple(found)}
    return without(steady(1), run=f"checkout-{number}-7f3a9c21d4", **about)


def _hist(draw: random.Random, middle: float, sigma: float, requests: int) -> bytes:
    buckets = (int(draw.gauss(middle, sigma)) + (60 if draw.random() < 0.1 else 0) for _ in range(requests))
    return histogram.pack(histogram.merge({b: 1} for b in buckets))
