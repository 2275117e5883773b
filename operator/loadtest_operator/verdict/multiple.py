"""Many tests at once: what a false alarm costs when fifty endpoints are looked at instead of one."""

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """The q of each p by Benjamini and Hochberg: those at or below a level hold at most that share of false ones."""
    tests = len(p_values)
    found = [1.0] * tests
    smallest = 1.0
    # From the largest p down, so that a smaller p never gets a larger q.
    for rank, at in zip(range(tests, 0, -1), sorted(range(tests), key=lambda i: -p_values[i]), strict=True):
        smallest = min(smallest, p_values[at] * (tests / rank))
        found[at] = smallest
    return found
