import pytest
from loadtest_operator.local.progress import progress
from loadtest_operator.verdict import histogram
from loadtest_operator.verdict.windows import WindowLog

STATE = {
    "state": "Running",
    "startedAt": 1000.0,
    "now": 1012.0,
    "endsAt": 1030.0,
    "endedAt": None,
    "workers": {"expected": 2, "connected": 2},
    "users": {"target": 50, "running": 40},
    "recent": {"rps": 195.2, "p95": 0.183, "errorRate": 0.01},
    "requests": 2000,
    "failures": 20,
}


def log_of(windows: int) -> WindowLog:
    log = WindowLog()
    endpoint = {"method": "GET", "name": "/a", "n": 10, "errors": 1, "hist": {str(histogram.bucket(0.02)): 9}}
    busier = {"method": "GET", "name": "/b", "n": 30, "errors": 0, "hist": {str(histogram.bucket(0.01)): 30}}
    pages = [{"w": w, "seq": w + 1, "endpoints": [endpoint, busier]} for w in range(windows)]
    log.absorb({"run": "r", "attempt": 1, "cursor": windows, "windows": pages})
    return log


def test_a_run_that_has_not_begun_has_no_figures_yet() -> None:
    found = progress({"state": "Starting"}, WindowLog(), 1)
    assert (found.state, found.elapsed, found.duration, found.endpoints) == ("Starting", 0, 0, ())


def test_the_agents_state_becomes_progress() -> None:
    found = progress(STATE, WindowLog(), 1)
    assert (found.elapsed, found.duration) == (12, 30)
    assert (found.users, found.workers) == ((40, 50), (2, 2))
    assert (found.rps, found.p95, found.error_rate, found.failures) == (195.2, 0.183, 0.01, 20)


def test_an_ended_run_stands_still() -> None:
    assert progress({**STATE, "endedAt": 1030.5, "now": 1060.0}, WindowLog(), 1).elapsed == 30.5


def test_endpoints_have_totals_of_the_run_and_rates_of_its_newest_windows_busiest_first() -> None:
    busiest, other = progress(STATE, log_of(25), 1).endpoints
    assert busiest.label == "GET /b"
    assert (other.requests, other.errors) == (250, 25)
    assert other.rps == pytest.approx(10)
    assert other.p50 == pytest.approx(0.02, rel=0.02)
    assert busiest.p95 == pytest.approx(0.01, rel=0.02)


def test_longer_windows_count_by_their_length() -> None:
    busiest, _ = progress(STATE, log_of(5), 2).endpoints
    assert busiest.rps == pytest.approx(15)
