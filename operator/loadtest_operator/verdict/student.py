"""Student's t distribution: tail probabilities and quantiles, without a numerical library."""

import math
from functools import lru_cache

_TINY = 1e-300
_PRECISION = 1e-15
_MAX_TERMS = 500


def upper_tail(t: float, dof: float) -> float:
    """The probability of a value above t."""
    whole = dof + t * t
    half = 0.5 * _incomplete_beta(dof / whole, t * t / whole, 0.5 * dof, 0.5)
    return half if t >= 0 else 1 - half


def cdf(t: float, dof: float) -> float:
    """The probability of a value of t or less."""
    return upper_tail(-t, dof)


@lru_cache(maxsize=4096)
def quantile(share: float, dof: float) -> float:
    """The value below which this share of the distribution lies."""
    if not 0 < share < 1:
        raise ValueError(f"a share between 0 and 1 has a quantile, {share} has none")
    if share < 0.5:
        return -_exceeded(share, dof)
    return _exceeded(1 - share, dof)


def _exceeded(tail: float, dof: float) -> float:
    """The value of 0 or more whose upper tail is this one (at most a half), by bisection."""
    low, high = 0.0, 1.0
    while upper_tail(high, dof) > tail:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if upper_tail(middle, dof) > tail:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b). `rest` is 1 - x, exactly."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    front = math.exp(log_front)
    # The fraction converges fast on this side of the mean; the other side follows from I_x(a, b) = 1 - I_1-x(b, a).
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(x, a, b) / a
    return 1 - front * _continued_fraction(rest, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Lentz's method for the continued fraction of the incomplete beta function."""
    c = 1.0
    d = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < _PRECISION:
            break
    return found


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
