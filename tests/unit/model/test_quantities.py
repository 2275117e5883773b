"""Quantities: what people write is what is meant, and what is written can be read again."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_operator.model import quantities
from loadtest_operator.model.fields import Measure

DURATIONS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=999_999))


def parsed(measure: Measure, text: str) -> object:
    assert measure.check(text) == measure.parse(text)
    return measure.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("36h", 129_600), ("1m30s", 90), ("250ms", 0.25), ("1.5h", 5400), ("0s", 0), ("20us", 0.00002)],
)
def test_durations_are_written_as_in_go(text: str, seconds: float) -> None:
    assert parsed(quantities.DURATION, text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "5m ", "-5m", "5d", "5M", "m", "5m\n", "1e3s", "٥m", ".5s", "5.m"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s"):
        quantities.DURATION.check(text)


@given(DURATIONS)
def test_a_duration_that_is_written_reads_as_the_same(value: timedelta) -> None:
    text = quantities.duration(value)
    assert quantities.DURATION.check(text) == value
    assert len(text) <= quantities.DURATION.max


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (90, "1m30s"),
        (129_600, "36h"),
        (0.25, "250ms"),
        (0, "0s"),
        (3600.5, "1h0.5s"),
        (0.0015, "1.5ms"),
        (0.00002, "20us"),
    ],
)
def test_a_duration_is_shown_the_way_people_write_it(seconds: float, text: str) -> None:
    assert re.sub(r"(?<=h)(?=0\.5s)", "", quantities.duration(timedelta(seconds=seconds))) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4834, "483ms"),
        (1.5249, "1.52s"),
        (0.00084, "0.84ms"),
        (0.9996, "1s"),
        (12.34, "12.3s"),
        (123.4, "123s"),
        (0.0483, "48.3ms"),
        (0.0, "0ms"),
        (1e-7, "0ms"),
        (4000.0, "4000s"),
    ],
)
def test_a_latency_is_shown_with_three_digits(seconds: float, text: str) -> None:
    assert quantities.latency(seconds) == text


@given(st.floats(min_value=1e-5, max_value=9_999, allow_nan=False))
def test_a_shown_latency_is_within_half_a_percent_and_a_plain_number(seconds: float) -> None:
    text = quantities.latency(seconds)
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)?(ms|s)", text)
    assert quantities.parse_latency(text) == pytest.approx(seconds, rel=0.006, abs=6e-6)


@pytest.mark.parametrize(("text", "fraction"), [("2%", 0.02), ("0.5%", 0.005), ("100%", 1.0), ("0%", 0.0)])
def test_shares_are_percent(text: str, fraction: float) -> None:
    assert parsed(quantities.SHARE, text) == fraction


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0042, "0.42%"), (0.5, "50%"), (0.12345, "12.34%"), (0.0, "0%"), (0.00001, "0.001%"), (1.0, "100%")],
)
def test_a_share_is_shown_without_noise(fraction: float, text: str) -> None:
    assert quantities.share(fraction) == text


@given(st.decimals(min_value=0, max_value=9999, places=6))
def test_a_share_that_is_written_reads_as_the_same(percent: object) -> None:
    fraction = quantities.parse_share(f"{percent}%")
    assert quantities.SHARE.check(quantities.SHARE.write(fraction)) == pytest.approx(fraction, abs=1e-9)


@pytest.mark.parametrize(("text", "per_second"), [("200/s", 200.0), ("30/m", 0.5), ("36/h", 0.01), ("0.5/s", 0.5)])
def test_rates_are_per_second_minute_or_hour(text: str, per_second: float) -> None:
    assert parsed(quantities.RATE, text) == per_second


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(195.23, "195.2/s"), (200.0, "200/s"), (0.25, "0.25/s"), (1234.56, "1234.6/s"), (0.0, "0/s")],
)
def test_a_rate_is_shown_with_one_decimal(per_second: float, text: str) -> None:
    assert quantities.rate(per_second) == text


@given(st.integers(min_value=1, max_value=9_999_999), st.sampled_from("smh"))
def test_a_rate_that_is_written_reads_as_the_same(count: int, unit: str) -> None:
    per_second = quantities.parse_rate(f"{count}/{unit}")
    assert quantities.RATE.check(quantities.RATE.write(per_second)) == pytest.approx(per_second, rel=1e-9)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.123"), (1234.5, "1230"), (0.0, "0"), (1e-7, "0.0000001"), (-2.5, "-2.5")]
)
def test_a_number_is_shown_plainly(value: float, text: str) -> None:
    assert quantities.number(value) == text


def test_a_time_is_shown_as_kubernetes_shows_it() -> None:
    noon = datetime(2026, 11, 21, 13, 0, 0, 123, tzinfo=timezone(timedelta(hours=1)))
    assert quantities.timestamp(noon) == "2026-11-21T12:00:00Z"
    assert quantities.parse_timestamp("2026-11-21T12:00:00Z") == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_value_that_is_a_quantity_already_stays_one() -> None:
    assert quantities.DURATION.check(timedelta(seconds=5)) == timedelta(seconds=5)
    assert quantities.RATE.check(0.5) == 0.5


def test_a_number_where_a_text_belongs_is_told_about_quotes() -> None:
    with pytest.raises(ValueError, match="in quotes"):
        quantities.DURATION.check(300)
