"""Durations, latencies, shares and rates: texts in YAML, timedelta or float in base units in Python, and back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from re import ASCII, finditer
from typing import Annotated, Any, Final

from loadtest_operator.model import walking
from loadtest_operator.model.fields import Measure, quoted
from loadtest_operator.model.rules import Rule

_MICROSECONDS: Final = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_PER_SECOND: Final = {"s": 1, "m": 60, "h": 3600}

# At most six digits before the point: with 20 characters no sum overflows the 290 years of a Go duration.
DURATION_PATTERN: Final = r"([0-9]{1,6}(\.[0-9]{1,6})?(h|ms|m|s|us)){1,4}"
SHARE_PATTERN: Final = r"[0-9]{1,4}(\.[0-9]{1,6})?%"
RATE_PATTERN: Final = r"[0-9]{1,7}(\.[0-9]{1,6})?/(s|m|h)"
NUMBER_PATTERN: Final = r"-?[0-9]{1,15}(\.[0-9]{1,9})?(e[+-]?[0-9]{1,2})?"
TIMESTAMP_PATTERN: Final = (
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][0-2][0-9]:[0-5][0-9])"
)

DURATION_SAYS: Final = "must be a duration such as 90s, 5m, 1h30m or 250ms"
LATENCY_SAYS: Final = "must be a latency such as 250ms or 2s"
SHARE_SAYS: Final = "must be a share such as 2% or 0.5%"
RATE_SAYS: Final = "must be a rate such as 200/s or 30/m"
NUMBER_SAYS: Final = 'must be a plain number in quotes such as "0.1" or "1500"'


def parse_duration(text: str) -> timedelta:
    """`1h30m`, `90s`, `250ms` (Go style, each part with its unit) as a timedelta."""
    total = Decimal(0)
    for part in finditer(r"([0-9.]+)(h|ms|m|s|us)", text, ASCII):
        total += Decimal(part[1]) * _MICROSECONDS[part[2]]
    return timedelta(microseconds=round(total))


def parse_latency(text: str) -> float:
    """`250ms` as 0.25 seconds."""
    return parse_duration(text) / timedelta(seconds=1)


def parse_share(text: str) -> float:
    """`2%` as 0.02."""
    return float(Decimal(text.removesuffix("%")) / 100)


def parse_rate(text: str) -> float:
    """`30/m` as 0.5 per second."""
    count, unit = text.split("/")
    return float(Decimal(count) / _PER_SECOND[unit])


def parse_timestamp(text: str) -> datetime:
    """An RFC 3339 time as an aware datetime."""
    return datetime.fromisoformat(text)


def duration(value: timedelta) -> str:
    """A timedelta the way people write it: `1m30s`, `36h`, `250ms`. Nothing is lost down to the microsecond."""
    micros = value // timedelta(microseconds=1)
    if micros == 0:
        return "0s"
    if micros < 1_000:
        return f"{micros}us"
    if micros < 1_000_000:
        return f"{_plain(Decimal(micros) / 1_000)}ms"
    hours, rest = divmod(micros, _MICROSECONDS["h"])
    minutes, rest = divmod(rest, _MICROSECONDS["m"])
    seconds = _plain(Decimal(rest) / 1_000_000)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "") + (f"{seconds}s" if rest else "")


def latency(seconds: float) -> str:
    """Seconds for display, three digits: `483ms`, `1.52s`, `0.84ms`."""
    millis = Decimal(repr(seconds)) * 1_000
    if _rounded(millis, 3) >= 1_000:
        return f"{_plain(_rounded(millis / 1_000, 3))}s"
    if millis < 1:
        return f"{_plain(round(millis, 2))}ms"
    return f"{_plain(_rounded(millis, 3))}ms"


def share(fraction: float) -> str:
    """A fraction for display: `0.42%`, `12.5%`; very small ones keep four decimals."""
    percent = Decimal(repr(fraction)) * 100
    return f"{_plain(round(percent, 2 if abs(percent) >= Decimal('0.01') else 4))}%"


def rate(per_second: float) -> str:
    """Events per second for display: `195.2/s`."""
    value = Decimal(repr(per_second))
    return f"{_plain(round(value, 1 if value >= 1 else 3))}/s"


def signed(fraction: float) -> str:
    """A change in hundredths without a unit, for display: `+18.4`, with three digits."""
    value = Decimal(repr(fraction)) * 100
    text = _plain(_rounded(value, 3) if abs(value) >= Decimal("0.01") else round(value, 2))
    return f"+{text.removeprefix('-')}" if Decimal(text) >= 0 else text


def change(fraction: float) -> str:
    """A change for display: `+18.4%`, with three digits."""
    return f"{signed(fraction)}%"


def points(difference: float) -> str:
    """A difference of two shares for display: `+1.5pp`, percentage points."""
    return f"{signed(difference)}pp"


def number(value: float) -> str:
    """A plain decimal for display: three significant digits, never an exponent."""
    return _plain(_rounded(Decimal(repr(value)), 3))


def timestamp(value: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC, whole seconds, as Kubernetes writes it."""
    return f"{value.astimezone(UTC).isoformat()[:19]}Z"


def rate_cel(text: str) -> str:
    """A CEL expression for the value per second of a rate."""
    unit = f"({text}.endsWith('s') ? 1.0 : {text}.endsWith('m') ? 60.0 : 3600.0)"
    return f"double({text}.split('/')[0]) / {unit}"


def share_cel(text: str) -> str:
    """A CEL expression for the percentage of a share."""
    return f"double({text}.replace('%', ''))"


def matches_cel(text: str, pattern: str) -> str:
    """A CEL expression for 'this text has the form of that pattern'."""
    return f"{text}.matches({quoted(f'^({pattern})$')})"


def in_order(first: str, second: str, kind: Measure, message: str, equal: bool = False, at: str = "") -> Rule:
    """Two fields of one kind of quantity, where the first must be less (or equal). Malformed texts are not compared:
    the field's own rule tells about them."""
    one, two = f"self.{first}", f"self.{second}"
    there = f"has({one}) && has({two})"
    fit = f"{matches_cel(one, kind.pattern)} && {matches_cel(two, kind.pattern)}"
    return Rule(
        cel=f"!({there} && {fit}) || {kind.compared(one)} {'<=' if equal else '<'} {kind.compared(two)}",
        holds=lambda obj: _ordered(walking.value(obj, first), walking.value(obj, second), equal),
        message=message,
        at=f".{at or first}",
    )


def _ordered(first: Any, second: Any, equal: bool) -> bool:
    if first is None or second is None:
        return True
    return bool(first <= second if equal else first < second)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value if value == 0 else round(value, digits - 1 - value.adjusted())


def _exactly_share(fraction: float) -> str:
    return f"{_plain(Decimal(repr(fraction)) * 100)}%"


def _exactly_rate(per_second: float) -> str:
    for unit, seconds in _PER_SECOND.items():
        count = round(Decimal(repr(per_second)) * seconds, 6)
        if parse_rate(f"{count:f}/{unit}") == per_second:
            return f"{_plain(count)}/{unit}"
    return f"{_plain(round(Decimal(repr(per_second)), 6))}/s"


def _bounded(measure: Measure, cel: str, within: Callable[[timedelta], bool], says: str) -> Measure:
    return replace(measure, bound=cel, within=within, says=f"{measure.says}, {says}")


_ZERO: Final = timedelta()
_SECOND: Final = timedelta(seconds=1)

DURATION: Final = Measure(
    kind="duration",
    pattern=DURATION_PATTERN,
    says=DURATION_SAYS,
    parse=parse_duration,
    write=duration,
    value=timedelta,
    compared="duration({})".format,
)
SPAN: Final = _bounded(DURATION, "duration(self) >= duration('1s')", lambda d: d >= _SECOND, "at least 1s")
TIMEOUT: Final = _bounded(DURATION, "duration(self) > duration('0s')", lambda d: d > _ZERO, "more than 0s")
LATENCY: Final = Measure(
    kind="latency",
    pattern=DURATION_PATTERN,
    says=LATENCY_SAYS,
    parse=parse_latency,
    write=lambda seconds: duration(timedelta(seconds=seconds)),
    value=float,
)
SHARE: Final = Measure(
    kind="share", pattern=SHARE_PATTERN, says=SHARE_SAYS, parse=parse_share, write=_exactly_share, value=float
)
RATE: Final = Measure(
    kind="rate",
    pattern=RATE_PATTERN,
    says=f"{RATE_SAYS}, more than 0",
    parse=parse_rate,
    write=_exactly_rate,
    value=float,
    bound="double(self.split('/')[0]) > 0.0",
    within=lambda per_second: per_second > 0,
    compared=rate_cel,
)
TIMESTAMP: Final = Measure(
    kind="time",
    pattern=TIMESTAMP_PATTERN,
    says='must be an RFC 3339 time in quotes such as "2026-12-20T00:00:00Z"',
    parse=parse_timestamp,
    write=lambda value: value.isoformat(),
    value=datetime,
    max=40,
    # What has the form but is no date is an evaluation error, which refuses the object as well.
    bound="timestamp(self) > timestamp('1970-01-01T00:00:00Z')",
    within=lambda moment: moment > datetime(1970, 1, 1, tzinfo=UTC),
    compared="timestamp({})".format,
)

Duration = Annotated[timedelta, DURATION]
Span = Annotated[timedelta, SPAN]
Timeout = Annotated[timedelta, TIMEOUT]
Latency = Annotated[float, LATENCY]
Share = Annotated[float, SHARE]
Rate = Annotated[float, RATE]
Timestamp = Annotated[datetime, TIMESTAMP]
