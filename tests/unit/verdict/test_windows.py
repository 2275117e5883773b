"""Pulling windows: the last version counts, nothing is counted twice, and a bad page changes nothing."""

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.reading import BadInputError
from loadtest_operator.verdict.windows import MAX_ENDPOINTS, MAX_WINDOWS, WindowLog

from tests.unit.verdict.records import cell, log_of, page, window


def requests(log):
    return sum(row.n for _, rows in log.decoded() for row in rows)


def test_a_window_that_comes_again_replaces_its_earlier_version():
    log = log_of(window(0, cell(latencies=[0.1]), seq=1))
    log.absorb(page(window(0, cell(latencies=[0.1, 0.2]), seq=2)))
    assert requests(log) == 2
    assert len(log) == 1


def test_an_older_version_that_comes_late_is_ignored():
    log = log_of(window(0, cell(latencies=[0.1, 0.2]), seq=2))
    log.absorb(page(window(0, cell(latencies=[0.1]), seq=1)))
    assert requests(log) == 2
    assert log.cursor == 2


def test_the_cursor_is_the_last_window_read_while_there_are_more():
    log = WindowLog()
    log.absorb(page(window(0, seq=4), window(1, seq=7), cursor=30, more=True))
    assert log.cursor == 7
    log.absorb(page(window(2, seq=30), cursor=30))
    assert log.cursor == 30


def test_only_the_last_page_completes_the_log():
    log = log_of(window(0), complete=True, more=True)
    assert not log.complete
    log.absorb(page(window(1), complete=True))
    assert log.complete


def test_pulling_everything_again_changes_nothing():
    pages = [page(window(w, cell(), cell("POST /orders"))) for w in range(5)]
    once, twice = WindowLog(), WindowLog()
    for one in pages:
        once.absorb(one)
    for one in pages + pages:
        twice.absorb(one)
    assert once == twice


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=1, max_size=30), st.randoms())
def test_the_order_of_pages_does_not_matter(versions, random):
    pages = [page(window(w, cell(latencies=[0.1] * seq), seq=seq)) for w, seq in versions]
    shuffled = random.sample(pages, len(pages))
    logs = [WindowLog(), WindowLog()]
    for log, order in zip(logs, [pages, shuffled], strict=True):
        for one in order:
            log.absorb(one)
    assert list(logs[0].decoded()) == list(logs[1].decoded())
    assert logs[0].cursor == logs[1].cursor


def test_what_a_window_says_is_kept():
    log = log_of(window(3, cell("GET /search", [0.05, 0.402], failed=[0.3], unanswered=1), users=48, cpu=0.3127))
    [(about, [row])] = log.decoded()
    assert (about.w, about.workers, about.users, about.cpu, about.lag) == (3, 2, 48, 0.3127, 0.004)
    assert (row.n, row.errors, row.sum_us, row.max_us) == (4, 2, 452_000, 402_000)
    assert histogram.unpack(row.hist) == {histogram.bucket(0.05): 1, histogram.bucket(0.402): 1}
    assert histogram.unpack(row.fail_hist) == {histogram.bucket(0.3): 1}


def test_what_a_window_says_about_its_pacing_is_kept():
    told = {"n": 480, "missed": 14.203, "late": {"3": 200, "77": 2}}
    log = log_of(window(0, cell(), pacing=told), window(1, cell()))
    (paced, [row]), (plain, _) = log.decoded()
    assert (paced.pacing.to_json(), plain.pacing) == (told, None)
    assert histogram.unpack(row.hist) == {histogram.bucket(0.05): 1}


def test_a_pacing_that_nobody_can_have_measured_does_no_harm():
    log = log_of(window(0, pacing={"n": 1, "missed": 1e308, "late": {"1500": 9}}))
    [(about, _)] = log.decoded()
    assert about.pacing.missed == 1e15
    for odd in ({"n": -1}, {"n": 1, "missed": -0.5}, {"n": 1, "late": {"1501": 1}}, {"n": 1, "late": 3}, [1], "late"):
        with pytest.raises(BadInputError):
            log_of(window(0, pacing=odd))


def test_what_was_not_measured_stays_unknown():
    log = log_of({"w": 0, "seq": 1, "endpoints": [{"method": "GET", "name": "/", "n": 3}]})
    [(about, [row])] = log.decoded()
    assert (about.workers, about.users, about.cpu, about.lag) == (None, None, None, None)
    assert (row.n, row.errors, row.hist, row.sum_us, row.max_us) == (3, 0, b"", None, None)


def test_fields_of_a_newer_agent_are_ignored():
    log = WindowLog()
    log.absorb(page(window(0, cell() | {"bytes": 7}, pressure=[1, 2]), weather="fine"))
    assert requests(log) == 1


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (page(run="other"), "of other attempt 1, not of checkout-3-7f3a9c21d4"),
        (page(attempt=2), "attempt 2, not of"),
        (page(window(1, cell() | {"n": -1})), r"windows\[0\].endpoints\[0\].n is -1, not a count"),
        (page(window(1, cell() | {"n": True})), "not a count"),
        (page(window(1, cell() | {"hist": {"-4": 1}})), "'-4', not a bucket from 0 to 1500"),
        (page(window(1, cell() | {"hist": {"9999": 1}})), "not a bucket"),
        (page(window(1, cell() | {"hist": {"²": 1}})), "not a bucket"),
        (page(window(1, cell() | {"hist": {"412": 0.5}})), "0.5, not a count"),
        (page(window(1, cell() | {"hist": [1]})), "not a histogram"),
        (page(window(1, cpu=float("nan"))), "cpu is nan, not a number of 0 or more"),
        (page(window(1, cell() | {"max": "0.4"})), "max is '0.4', not a number"),
        (page(window(1, cell() | {"name": 7})), "name is 7, not a text"),
        (page(window(1, {"n": 1})), "has no method"),
        (page(window(1, cpu=-1)), "cpu is -1"),
        (page(complete="yes"), "not true or false"),
        (page() | {"windows": {}}, "windows is {}, not a list"),
        (page() | {"windows": ["w"]}, "is 'w', not an object"),
        (page(window(MAX_WINDOWS)), "window 4000 is beyond the 4000 that a run can have"),
        (page(window(1, *(cell(f"GET /{n}") for n in range(MAX_ENDPOINTS + 1)))), "more than 600 endpoints"),
        ([], "the page is \\[\\], not an object"),
    ],
)
def test_a_page_that_cannot_be_read_changes_nothing_and_says_why(bad, says):
    log = log_of(window(0, cell()))
    with pytest.raises(BadInputError, match=says):
        log.absorb(bad)
    assert (log.cursor, len(log), requests(log), log.complete) == (1, 1, 1, False)


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_latency_that_cannot_be_is_not_measured_and_loses_nothing_else(strange):
    [(_, [row])] = log_of(window(0, cell() | {"sum": strange, "max": strange})).decoded()
    assert (row.n, row.sum_us, row.max_us) == (1, None, None)


def test_a_moment_that_no_calendar_has_is_unknown():
    log = log_of(startedAt=1e300, failures=[{"method": "GET", "name": "/", "kind": "x", "n": 1, "first": 1e300}])
    assert log.started_at is None
    assert log.failures[0][1].first is None


def test_failures_are_those_of_the_last_page():
    failure = {"method": "GET", "name": "/search", "kind": "HTTP 503", "n": 2, "first": 1.0, "last": 2.0, "sample": "x"}
    log = log_of(window(0), failures=[failure])
    log.absorb(page(window(1), failures=[failure | {"n": 5, "sample": "y" * 9999}]))
    log.absorb(page(window(2)))
    [found] = log.failures_by_endpoint()["GET", "/search"]
    assert (found.kind, found.n, len(found.sample)) == ("HTTP 503", 5, 256)


def test_the_newest_windows_leave_out_the_one_that_is_still_filling():
    log = log_of(*(window(w, cell()) for w in range(20)))
    assert [about.w for about, _ in log.newest(3)] == [16, 17, 18]
    log.absorb(page(complete=True))
    assert [about.w for about, _ in log.newest(3)] == [17, 18, 19]


def test_a_window_that_comes_again_much_later_still_replaces():
    log = log_of(*(window(w, cell()) for w in range(100)))
    assert log._settled
    log.absorb(page(window(3, cell(latencies=[0.1, 0.2]), seq=200)))
    log.absorb(page(window(3, cell(), seq=150), window(100, cell())))
    assert requests(log) == 102
    assert [about.w for about, _ in log.decoded()] == list(range(101))
    assert (len(log), log.cursor) == (101, 200)


@given(st.lists(st.integers(0, 120), min_size=1, max_size=40, unique=True), st.integers(0, 130))
def test_windows_come_in_order_from_where_they_are_wanted(numbers, since):
    log = WindowLog()
    for seq, w in enumerate(numbers):
        log.absorb(page(window(w, cell(latencies=[0.1] * (w + 1)), seq=seq + 1)))
    found = [(about.w, row.n) for about, rows in log.decoded(since) for row in rows]
    assert found == [(w, w + 1) for w in sorted(numbers) if w >= since]


def test_a_hundred_logs_of_five_minutes_and_five_endpoints_take_less_than_ten_megabytes():
    chance = random.Random(7)
    log = WindowLog()
    for w in range(300):
        cells = (cell(f"GET /{n}", [chance.lognormvariate(n - 5, 0.5) for _ in range(40)]) for n in range(5))
        log.absorb(page(window(w, *cells)))
    kept = [*log._packed.values(), *log._settled.values(), log._packed, log._settled, log._seqs]
    assert 100 * sum(map(sys.getsizeof, kept)) < 10_000_000
