"""Which finished LoadTests of a schedule have had their time."""

from collections.abc import Iterable

from loadtest_operator.decide.scheduled import Made, Raw
from loadtest_operator.model import defaults
from loadtest_operator.model.schedule import History


def outlived(made: Iterable[Made], history: History | None) -> tuple[Raw, ...]:
    """Beyond the newest so many that passed and so many that did not. What is not over is never among them."""
    passed = defaults.KEEP_PASSED if history is None or history.passed is None else history.passed
    failed = defaults.KEEP_FAILED if history is None or history.failed is None else history.failed
    over = sorted((item for item in made if item.over), key=lambda item: item.age, reverse=True)
    good = [item.raw for item in over if item.passed]
    bad = [item.raw for item in over if not item.passed]
    gone = (*good[passed:], *bad[failed:])
    return tuple(raw for raw in gone if "deletionTimestamp" not in raw["metadata"])
