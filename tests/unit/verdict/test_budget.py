"""The time that a verdict may take: 50 endpoints x 360 windows against 10 baseline runs within a second of one core."""

import json
import time

from loadtest_operator.verdict.compare import compare
from loadtest_operator.verdict.comparison import Rules
from loadtest_operator.verdict.fingerprint import Fingerprint, fingerprint

from tests.unit.verdict.prints import large_record

BUDGET_S = 1.0


def test_a_large_verdict_takes_at_most_a_second_of_one_core(record_property):
    record = large_record(endpoints=50, windows=360, requests=200)  # 1000 requests/s for an hour
    found = fingerprint(record)
    stored = [json.dumps({**found.to_json(), "run": f"checkout-{n}"}) for n in range(10)]
    began = time.process_time()
    new = fingerprint(record)
    fingerprinted = time.process_time()
    comparison = compare([new], [Fingerprint.from_json(json.loads(text)) for text in stored], Rules())
    ended = time.process_time()
    parts = f"fingerprint {fingerprinted - began:.2f} s, comparison {ended - fingerprinted:.2f} s"
    said = f"50 endpoints x 360 windows, 10 baseline runs: {ended - began:.2f} s of one core ({parts})"
    record_property("says", said)
    assert len(comparison.endpoints) == 50
    assert ended - began <= BUDGET_S
