"""Axes with round numbers."""

import math
from collections.abc import Callable, Iterator

_ROUND = (1, 2, 5, 10)
Axis = list[float]
"""The values at which an axis is labelled, the first and the last being its ends."""


def linear(highest: float, steps: int = 4) -> Axis:
    """From zero to a round number that is not below the highest."""
    step = _round_up(highest / steps) if highest > 0 else 1.0
    count = max(1, math.ceil(highest / step - 1e-9))
    return [float(f"{step * at:.12g}") for at in range(count + 1)]


def time(seconds: float, steps: int = 6) -> Axis:
    """Marks inside of so many seconds, at whole minutes or hours where it is that long; its end is not a mark."""
    if seconds <= 0:
        return [0.0]
    wanted = seconds / steps
    step = next((one for one in _CLOCK if one >= wanted), None) or _round_up(wanted / 3600) * 3600
    return [float(f"{step * at:.12g}") for at in range(int(seconds / step + 1e-9) + 1)]


_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def logarithmic(lowest: float, highest: float) -> Axis:
    """1, 2, 5, 10, 20, ... between the two; only the powers of ten where that would be too many."""
    found = list(_decades(lowest, highest, (1, 2, 5)))
    return found if len(found) <= 8 else list(_decades(lowest, highest, (1,)))


def _decades(lowest: float, highest: float, digits: tuple[int, ...]) -> Iterator[float]:
    for exponent in range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1):
        for digit in digits:
            at = float(f"{digit}e{exponent}")
            if lowest <= at <= highest:
                yield at


def _round_up(value: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(power * one for one in _ROUND if power * one >= value * (1 - 1e-9))


Shown = Callable[[float], str]
