"""Validity: when the numbers describe the generator rather than the target, and what to do about it."""

from dataclasses import replace

import pytest
from loadtest_operator.model.conditions import Reason
from loadtest_operator.verdict.record import Failure, RunRecord
from loadtest_operator.verdict.validity import Expected, assess, marked

from tests.unit.verdict.records import cell, real, record_of, steady, window

TWO_WORKERS = Expected(workers=2, users=50)


def reasons(validity):
    return [doubt.reason for doubt in validity.doubts]


def cpu_in(*shares):
    return record_of(*(window(w, cell(), cpu=share) for w, share in enumerate(shares)))


def test_a_calm_run_is_valid():
    found = assess(steady(60), TWO_WORKERS)
    assert found.valid
    assert (found.generator_cpu, found.lag_p99_s, found.workers_lost, found.achieved) == (0.31, 0.004, 0, 1.0)
    assert found.environment.valid


@pytest.mark.parametrize(("busy", "valid"), [(0, True), (10, True), (11, False), (100, False)])
def test_a_worker_at_its_limit_in_more_than_a_tenth_of_the_windows_makes_the_run_invalid(busy, valid):
    found = assess(cpu_in(*[0.97] * busy, *[0.5] * (100 - busy)), TWO_WORKERS)
    assert found.valid is valid
    if not valid:
        assert reasons(found) == [Reason.GENERATOR_SATURATED]
        assert f"above 90% in {busy}% of the windows" in found.doubts[0].says
        assert "runners.workers" in found.doubts[0].says
        assert "3 workers or more would do" in found.doubts[0].says


def test_a_late_event_loop_is_saturation_too():
    found = assess(steady(60, about={"lag": 0.4}), TWO_WORKERS)
    assert reasons(found) == [Reason.GENERATOR_SATURATED]
    assert "more than 250ms late" in found.doubts[0].says


@pytest.mark.parametrize(("held", "valid"), [(6, True), (7, False)])
def test_a_worker_that_its_limit_stops_again_and_again_is_saturated(held, valid):
    shares = [0.2] * held + [0.01] * (60 - held)
    found = assess(record_of(*(window(w, cell(), throttled=share) for w, share in enumerate(shares))), TWO_WORKERS)
    assert found.valid is valid
    if not valid:
        assert "its CPU limit stopped a worker for more than 10% of the time" in found.doubts[0].says
        assert "runners.resources" in found.doubts[0].says


@pytest.mark.parametrize(("own", "valid"), [(1, True), (200, False)])
def test_requests_that_the_generator_could_not_send_are_not_the_targets_errors(own, valid):
    calm = steady(60, cell(latencies=[0.1] * 50))
    lack = Failure("generator: no free port", own)
    record = replace(calm, endpoints=(replace(calm.endpoints[0], failures=(lack, Failure("HTTP 503", 900))),))
    found = assess(record, TWO_WORKERS)
    assert found.valid is valid
    if not valid:
        assert reasons(found) == [Reason.GENERATOR_SATURATED]
        assert "failed in the load generator: no free port" in found.doubts[0].says


def test_a_single_pause_of_the_generator_is_no_saturation():
    record = record_of(*(window(w, cell(), lag=2.0 if w == 30 else 0.004) for w in range(60)))
    assert assess(record, TWO_WORKERS).valid


def test_what_happens_during_warmup_does_not_count():
    record = record_of(*(window(w, cell(), cpu=0.99 if w < 30 else 0.5) for w in range(60)), warmup_s=30)
    assert assess(record, TWO_WORKERS).valid


def test_a_lost_worker_within_tolerance_stands():
    windows = [window(w, cell(), users=50 if w < 50 else 25, workers=2 if w < 50 else 1) for w in range(60)]
    found = assess(record_of(*windows), TWO_WORKERS)
    assert found.valid
    assert (found.workers_lost, found.achieved) == (1, pytest.approx(0.9167, rel=1e-3))


def test_a_lost_worker_beyond_tolerance_makes_the_run_invalid():
    windows = [window(w, cell(), users=50 if w < 40 else 25, workers=2 if w < 40 else 1) for w in range(60)]
    found = assess(record_of(*windows), TWO_WORKERS)
    assert reasons(found) == [Reason.WORKERS_LOST]
    assert found.doubts[0].says.startswith("1 of 2 workers were lost and only 83.33% of the load was made")


def test_the_loss_is_named_also_when_it_is_tolerated_and_its_windows_are_marked():
    windows = [window(w, cell(), users=25 if w in {7, 8} else 50, workers=1 if w in {7, 8} else 2) for w in range(60)]
    record = record_of(*windows)
    found = assess(record, TWO_WORKERS)
    assert found.valid
    assert found.loss == "1 worker was lost: 1.67% of the load in 2 of 60 windows; runners.tolerateLoss allows 10%"
    marks = {one.w: one.degraded for one in marked(record, found).run_windows}
    assert [w for w, mark in marks.items() if mark] == [7, 8]
    assert RunRecord.loads(marked(record, found).dumps()).run_windows[7].degraded


def test_a_window_that_nobody_reported_had_no_users():
    found = assess(
        record_of(*(window(w, cell()) for w in range(60) if w not in range(20, 30)), duration_s=60), TWO_WORKERS
    )
    assert reasons(found) == [Reason.WORKERS_LOST]
    assert found.degraded == tuple(range(20, 30))


def test_users_beyond_the_wanted_do_not_make_up_for_lost_ones():
    windows = [window(w, cell(), users=25 if w < 10 else 75, workers=1 if w < 10 else 2) for w in range(20)]
    assert reasons(assess(record_of(*windows), TWO_WORKERS)) == [Reason.WORKERS_LOST]


def test_users_that_have_left_when_the_last_window_closes_were_there_in_it():
    windows = [window(w, cell(), users=50 if w < 4 else 0) for w in range(5)]
    assert assess(record_of(*windows), TWO_WORKERS).valid


def test_a_higher_tolerance_accepts_a_greater_loss():
    record = steady(60, about={"users": 30, "workers": 1})
    assert not assess(record, TWO_WORKERS).valid
    assert assess(record, Expected(workers=2, users=50, tolerate_loss=0.4)).valid


def test_without_a_known_level_the_workers_seconds_count():
    record = steady(60, about={"workers": 1})
    assert reasons(assess(record, Expected(workers=2))) == [Reason.WORKERS_LOST]
    assert assess(record, Expected(workers=1)).achieved == 1.0


def test_a_worker_that_came_back_with_its_users_is_counted_and_forgiven():
    found = assess(steady(60), Expected(workers=2, workers_lost=1, users=50))
    assert found.valid
    assert found.workers_lost == 1


def test_users_that_never_came_make_the_run_invalid():
    found = assess(steady(60, about={"users": 40}), TWO_WORKERS)
    assert reasons(found) == [Reason.LOAD_NOT_REACHED]
    assert "only 80% of the wanted 50 users" in found.doubts[0].says


def test_the_ramp_is_not_held_against_the_run():
    windows = [window(w, cell(), users=min(50, w)) for w in range(100)]
    assert not assess(record_of(*windows), TWO_WORKERS).valid
    assert assess(record_of(*windows), Expected(workers=2, users=50, ramp_s=50)).valid


def test_a_run_without_requests_is_invalid():
    found = assess(record_of(*(window(w) for w in range(10))), TWO_WORKERS)
    assert reasons(found) == [Reason.NO_DATA]
    assert "no request was made after warm-up" in found.doubts[0].says


def test_a_warmup_that_leaves_nothing_is_named():
    found = assess(steady(10, warmup_s=60), TWO_WORKERS)
    assert reasons(found) == [Reason.NO_DATA]
    assert "warm-up of 60 s leaves nothing of the 10 s" in found.doubts[0].says


def test_a_record_that_says_nothing_about_the_generator_is_not_doubted():
    found = assess(real(), TWO_WORKERS)
    assert found.valid
    assert (found.generator_cpu, found.lag_p99_s, found.achieved) == (None, None, None)


def test_the_record_keeps_reason_and_sentence():
    environment = assess(steady(60, about={"cpu": 1.0}), TWO_WORKERS).environment
    assert not environment.valid
    assert environment.reasons[0].startswith("GeneratorSaturated: a worker's CPU was above 90%")
