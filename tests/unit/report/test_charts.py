"""Points, axes and coordinates of the charts."""

import pytest
from loadtest_operator.report import axes, charts, timeline

from tests.unit.verdict.records import cell, record_of, steady, window


def test_a_point_tells_rates_latencies_and_users_of_its_window():
    (point,) = timeline.points(steady(1, cell("GET /", [0.05] * 9, failed=[0.01])))
    assert (point.rate, point.failure_rate, point.users) == (10, 1, 50)
    assert point.latencies[1] == pytest.approx(0.05, rel=0.02)


def test_four_thousand_windows_become_a_few_hundred_points_with_the_same_requests():
    found = timeline.points(steady(4000))
    assert len(found) <= timeline.MAX_POINTS
    assert sum(point.requests for point in found) == 4000
    assert found[-1].until_s == 4000


def test_a_window_that_is_missing_has_no_requests_and_nobody_is_known_to_be_there():
    found = timeline.points(record_of(window(0, cell()), window(2, cell()), duration_s=3))
    assert [(point.requests, point.users) for point in found] == [(1, 50), (0, None), (1, 50)]


def test_what_comes_after_the_end_of_the_load_is_not_drawn():
    assert len(timeline.points(steady(5, duration_s=3.2))) == 3
    assert len(timeline.points(steady(5, duration_s=3.6))) == 4


def test_a_gap_splits_the_line():
    found = timeline.points(record_of(window(0, cell()), window(2, cell()), duration_s=3))
    (latency,) = [chart for chart in charts.over_time(found, 0) if chart.id == "latency"]
    assert [line.path.count("M") for line in latency.lines] == [2, 2]


def test_warm_up_is_shaded_but_never_beyond_the_end():
    points = timeline.points(steady(10))
    assert charts.over_time(points, 2.5)[0].shaded == 250
    assert charts.over_time(points, 60)[0].shaded == 1000


@pytest.mark.parametrize("highest", [0, 1e-6, 0.0421, 0.9999, 1, 3, 50, 481.2, 1e7])
def test_axes_begin_at_zero_and_end_at_or_above_the_highest_value(highest):
    axis = axes.linear(highest)
    assert axis[0] == 0
    assert axis[-1] >= highest * 0.999999
    assert 2 <= len(axis) <= 6


@pytest.mark.parametrize(
    ("seconds", "last"), [(24, "20s"), (90, "1m30s"), (300, "5m"), (3600, "1h"), (7 * 86400, "150h")]
)
def test_time_is_marked_at_round_moments_inside_the_run(seconds, last):
    marks = axes.time(seconds)
    assert len(marks) <= 8
    assert charts.time(marks[-1]) == last


def test_the_distribution_counts_every_request_once():
    chart = charts.distribution({400: 3, 450: 6, 451: 1})
    assert chart is not None
    assert [bar.text.split(": ")[1] for bar in chart.bars] == ["3 requests, 30%", "6 requests, 60%", "1 requests, 10%"]
    assert charts.distribution({}) is None
