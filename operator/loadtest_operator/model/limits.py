"""The limits of a threshold: each kind of metric has its own unit, and warn comes before fail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from loadtest_operator.model import quantities
from loadtest_operator.model.fields import Text
from loadtest_operator.model.phases import Metric
from loadtest_operator.model.quantities import matches_cel, rate_cel, share_cel
from loadtest_operator.model.rules import Rule

LONGEST: Final = 20
_SHARES: Final = frozenset({Metric.ERROR_RATE, Metric.DRIFT})
_IS_SHARE: Final = "self.metric in ['errorRate', 'drift']"
_IS_RATE: Final = "self.metric == 'rps'"


@dataclass(frozen=True)
class Unit:
    """How the limits of one kind of threshold are written, and read: in Python and in CEL."""

    of: str
    applies: str
    pattern: str
    says: str
    parse: Callable[[str], float]
    cel: Callable[[str], str]

    def fits(self, limit: str) -> bool:
        """Whether a limit is written in this unit."""
        return Text(LONGEST, self.pattern).fits(limit)


LATENCY: Final = Unit(
    of="a latency metric",
    applies=f"has(self.metric) && !({_IS_SHARE}) && !({_IS_RATE})",
    pattern=quantities.DURATION_PATTERN,
    says=quantities.LATENCY_SAYS,
    parse=quantities.parse_latency,
    cel="duration({})".format,
)
SHARE: Final = Unit(
    of="errorRate and drift",
    applies=f"has(self.metric) && {_IS_SHARE}",
    pattern=quantities.SHARE_PATTERN,
    says=quantities.SHARE_SAYS,
    parse=quantities.parse_share,
    cel=share_cel,
)
RATE: Final = Unit(
    of="rps",
    applies=f"has(self.metric) && {_IS_RATE}",
    pattern=quantities.RATE_PATTERN,
    says=quantities.RATE_SAYS,
    parse=quantities.parse_rate,
    cel=rate_cel,
)
NUMBER: Final = Unit(
    of="promql",
    applies="has(self.promql)",
    pattern=quantities.NUMBER_PATTERN,
    says=quantities.NUMBER_SAYS,
    parse=float,
    cel="double({})".format,
)


def unit(metric: Metric | None) -> Unit:
    """The unit of a metric's limits; of a PromQL query's where there is no metric."""
    if metric is None:
        return NUMBER
    if metric is Metric.RPS:
        return RATE
    return SHARE if metric in _SHARES else LATENCY


def value(threshold: Any, name: str) -> float | None:
    """The value of `warn` or `fail`; None where it is absent, or in a wrong unit, which is a rule of its own."""
    text = getattr(threshold, name)
    own = unit(threshold.metric)
    return own.parse(text) if text is not None and own.fits(text) else None


def _in_unit(name: str, own: Unit) -> Rule:
    return Rule(
        cel=f"!has(self.{name}) || !({own.applies}) || {matches_cel(f'self.{name}', own.pattern)}",
        holds=lambda t: getattr(t, name) is None or unit(t.metric) is not own or own.fits(getattr(t, name)),
        message=f"{name} {own.says} for {own.of}",
        at=f".{name}",
    )


def _warn_first(own: Unit) -> Rule:
    both = f"has(self.warn) && has(self.fail) && {own.applies}"
    fit = f"{matches_cel('self.warn', own.pattern)} && {matches_cel('self.fail', own.pattern)}"
    warn, fail = own.cel("self.warn"), own.cel("self.fail")
    lower_is_worse = "true" if own is RATE else "has(self.worse) && self.worse == 'lower'"
    return Rule(
        cel=f"!({both} && {fit}) || ({lower_is_worse} ? {warn} > {fail} : {warn} < {fail})",
        holds=lambda t: unit(t.metric) is not own or _is_milder(t),
        message="warn must be milder than fail: swap them or remove one",
        at=".warn",
    )


def _is_milder(threshold: Any) -> bool:
    warn, fail = value(threshold, "warn"), value(threshold, "fail")
    if warn is None or fail is None:
        return True
    return warn > fail if threshold.lower_is_worse else warn < fail


def _at_most_everything(name: str) -> Rule:
    """An error rate beyond 100 % is never reached, so such a limit would say nothing."""
    limit = f"self.{name}"
    applies = f"has({limit}) && has(self.metric) && self.metric == 'errorRate' && {matches_cel(limit, SHARE.pattern)}"
    return Rule(
        cel=f"!({applies}) || {share_cel(limit)} <= 100.0",
        holds=lambda t: t.metric is not Metric.ERROR_RATE or (value(t, name) or 0.0) <= 1.0,
        message=f"{name} must be at most 100% for errorRate: lower it",
        at=f".{name}",
    )


RULES: Final = (
    *(_in_unit(name, own) for name in ("warn", "fail") for own in (LATENCY, SHARE, RATE, NUMBER)),
    *(_warn_first(own) for own in (LATENCY, SHARE, RATE, NUMBER)),
    *(_at_most_everything(name) for name in ("warn", "fail")),
)
