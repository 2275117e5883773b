"""Stored windows: nothing is lost, little is needed, and damage is noticed."""

import math
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.store import blob
from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.record import Cell, Endpoint

from tests.unit.store.runs import measured
from tests.unit.verdict.records import real

HISTOGRAMS = st.dictionaries(st.integers(0, histogram.MAX_BUCKET), st.integers(1, 10**6), max_size=12)
PACKED = HISTOGRAMS.map(histogram.pack)
MICROSECONDS = st.none() | st.integers(0, 10**12)
COUNTS = st.integers(0, 10**6)
CELLS = st.builds(Cell, st.integers(0, 400), COUNTS, COUNTS, PACKED, PACKED, MICROSECONDS, MICROSECONDS)
ENDPOINTS = st.lists(st.lists(CELLS, max_size=6).map(tuple), max_size=4)


@given(ENDPOINTS)
def test_nothing_is_lost(endpoints):
    named = tuple(Endpoint("GET", f"/{at}", cells) for at, cells in enumerate(endpoints))
    record = replace(measured(), endpoints=named)
    assert blob.unpack(blob.pack(record)) == record


@pytest.mark.parametrize("name", ["unchanged", "slower"])
def test_a_real_run_takes_half_of_its_gzip_json(name):
    record = real(name)
    packed = blob.pack(record)
    assert blob.unpack(packed) == record
    assert len(packed) < 0.55 * len(record.dumps())


@given(st.integers(0, 2000), st.integers(1, 255))
def test_damage_is_noticed_or_harmless(at, change):
    record = measured()
    data = bytearray(blob.pack(record))
    data[at % len(data)] ^= change
    try:
        found = blob.unpack(bytes(data))
    except blob.BlobError:
        return
    assert found == record


@given(st.integers(0, 2000))
def test_a_lost_end_is_noticed(length):
    data = blob.pack(measured())
    with pytest.raises(blob.BlobError):
        blob.unpack(data[: length % len(data)])


def test_an_hour_of_fifty_endpoints_at_a_thousand_requests_per_second_takes_less_than_a_megabyte():
    """Measured on ten of the fifty, which is no easier: less to learn from."""
    record = replace(measured(), duration_s=3600, window_s=10, endpoints=_hour(random.Random(7)))
    started = time.process_time()
    packed = blob.pack(record)
    between = time.process_time()
    assert blob.unpack(packed) == record
    seconds = between - started, time.process_time() - between
    took = f"an hour takes {5 * len(packed):,} bytes, {5 * seconds[0]:.2f} s to pack, {5 * seconds[1]:.2f} s to unpack"
    print(took)  # noqa: T201 - shown with -s
    assert 5 * len(packed) <= 1_000_000, took
    assert 5 * max(seconds) < 3, took


def _hour(chance):
    """Log-normal services, half of them with a slow second mode, under a load that wavers; 360 windows of 10 s."""
    return tuple(Endpoint("GET", f"/endpoint/{at}", tuple(_service(chance))) for at in range(10))


def _service(chance):
    centre = math.log(chance.uniform(0.005, 0.15) * 1e6) / histogram.LN_WIDTH
    spread = chance.uniform(0.2, 0.7) / histogram.LN_WIDTH
    slow_share = chance.uniform(0.02, 0.25) if chance.random() < 0.5 else 0.0
    slower = math.log(chance.uniform(2, 8)) / histogram.LN_WIDTH
    level = 0.0
    for w in range(360):
        level = 0.8 * level + chance.gauss(0, 3)
        n = max(1, round(chance.gauss(200, 14)))
        hist: dict[int, int] = {}
        for position in (chance.gauss(centre + level, spread) for _ in range(n)):
            b = max(0, int(position + slower if chance.random() < slow_share else position))
            hist[b] = hist.get(b, 0) + 1
        sum_us = round((histogram.mean(hist) or 0) * n * 1e6 * chance.uniform(0.99, 1.01))
        max_us = round((histogram.top(hist) or 0) * 1e6 * chance.uniform(0.981, 1))
        yield Cell(w, n, 0, histogram.pack(hist), b"", sum_us, max_us)
