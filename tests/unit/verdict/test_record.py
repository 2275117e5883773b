"""The run record: what was pulled comes out again, and what others wrote can be read."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from loadtest_operator.verdict.reading import BadInputError
from loadtest_operator.verdict.record import Environment, RunRecord, Target

from tests.unit.verdict.records import RUNS, cell, real, record_of, steady, window


def test_a_real_record_is_read_unchanged():
    raw = json.loads(gzip.decompress((RUNS / "slower.json.gz").read_bytes()))
    written = real("slower").to_json()
    assert [one["windows"] for one in written["endpoints"]] == [one["windows"] for one in raw["endpoints"]]
    assert {key: written[key] for key in raw if key not in {"endpoints", "start"}} == {
        key: raw[key] for key in raw if key not in {"endpoints", "start"}
    }
    assert written["start"] == raw["start"]


def test_a_record_that_was_written_reads_back_as_the_same():
    failure = {
        "method": "POST",
        "name": "/orders",
        "kind": "HTTP 503",
        "n": 1,
        "first": 1.5,
        "last": 2.5,
        "sample": "no",
    }
    before = record_of(
        window(0, cell(), cell("POST /orders", [], failed=[0.3])),
        window(1, cell(latencies=[0.1, 0.2]), pacing={"n": 8, "missed": 1.5, "late": {"69": 2}}),
        failures=[failure],
        namespace="shop",
        test="checkout",
        number=3,
        attempt=2,
        target=Target("1.4.2", {"shop": "registry.example/shop@sha256:0"}),
        environment=Environment(valid=False, reasons=("GeneratorSaturated",)),
    )
    assert RunRecord.loads(before.dumps()) == before
    assert before.run_windows[1].pacing is not None
    assert before.dumps() == before.dumps()


def test_cells_are_sorted_by_endpoint_and_keep_their_window():
    found = record_of(window(0, cell("GET /b"), cell("GET /a")), window(1), window(2, cell("GET /b")))
    assert [(one.label, [c.w for c in one.cells]) for one in found.endpoints] == [("GET /a", [0]), ("GET /b", [0, 2])]
    assert [one.w for one in found.run_windows] == [0, 1, 2]


def test_a_run_starts_when_the_master_says():
    assert steady(1).start == datetime.fromtimestamp(1795252001, UTC)


def test_failures_stand_beside_their_endpoint():
    failure = {"method": "GET", "name": "/search", "kind": "HTTP 503", "n": 2}
    [endpoint] = steady(2, failures=[failure]).endpoints
    assert [(one.kind, one.n) for one in endpoint.failures] == [("HTTP 503", 2)]


def test_failures_of_an_endpoint_that_was_folded_away_are_kept():
    found = steady(2, cell("GET other"), failures=[{"method": "GET", "name": "/item/4711", "kind": "HTTP 503", "n": 2}])
    assert [(one.label, len(one.cells), len(one.failures)) for one in found.endpoints] == [
        ("GET /item/4711", 0, 1),
        ("GET other", 2, 0),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"hello", "not a run record"),
        (b"", "its end is missing"),
        (gzip.compress(b"[" * 100_000, mtime=0), "not a run record"),
        (gzip.compress(b"{", mtime=0), "not a run record"),
        (gzip.compress(b"[]", mtime=0), "not an object"),
        (gzip.compress(b'{"format": "other/v1"}', mtime=0), "format is 'other/v1', expected 'loadtest.dev/run/v1'"),
        (gzip.compress(b'{"format": "loadtest.dev/run/v1"}', mtime=0), "has no run"),
        (real("slower").dumps()[:-20], "not a run record"),
    ],
)
def test_what_is_not_a_record_is_refused_with_a_sentence(data, says):
    with pytest.raises(BadInputError, match=says):
        RunRecord.loads(data)


def test_a_small_file_that_unfolds_into_a_huge_one_is_refused(monkeypatch):
    monkeypatch.setattr("loadtest_operator.verdict.gzipped.MAX_JSON", 1 << 20)
    with pytest.raises(BadInputError, match="larger than 1 MiB"):
        RunRecord.loads(gzip.compress(b" " * (2 << 20), mtime=0))


@pytest.mark.parametrize("start", ["yesterday", ""])
def test_a_start_that_is_no_time_is_refused(start):
    with pytest.raises(BadInputError, match="not a date and time"):
        RunRecord.from_json(real().to_json() | {"start": start})


def test_a_window_of_no_length_is_refused():
    with pytest.raises(BadInputError, match="window_s is 0, not"):
        RunRecord.from_json(real().to_json() | {"window_s": 0})
