"""Stories that take turns on few cores: all of a file's cases run beside each other, a test asks for one's outcome."""

import queue
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar

import pytest

from tests.e2e.place import Place

# Each has a target, a master and up to two workers; two cores start those of three cases without long waits.
AT_ONCE = 3
# Kubernetes' own garbage collector takes its time when its API server was away.
TIDY_SECONDS = 120

Case = TypeVar("Case", bound=Hashable)
Outcome = TypeVar("Outcome")


class Cases(Generic[Case, Outcome]):
    def __init__(self, outcomes: dict[Case, Future[Outcome]]) -> None:
        self._outcomes = outcomes

    def __getitem__(self, case: Case) -> Outcome:
        """What the story of this case returned, or raised, with what there was to see in its place."""
        return self._outcomes[case].result()


@contextmanager
def beside_each_other(
    somewhere: Callable[[], AbstractContextManager[Place]],
    tell: Callable[[Place, Case], Outcome],
    cases: list[Case],
    at_once: int = AT_ONCE,
) -> Iterator[Cases[Case, Outcome]]:
    """An interrupted session waits for the cases that are under way, because they clean up behind themselves."""

    def run(case: Case) -> Outcome:
        with somewhere() as here:
            try:
                return tell(here, case)
            except BaseException as error:
                error.add_note(f"case {case}\n{here.show()}")
                raise

    pool = ThreadPoolExecutor(at_once)
    try:
        yield Cases({case: pool.submit(run, case) for case in dict.fromkeys(cases)})
    finally:
        pool.shutdown(cancel_futures=True)


def in_turn(build: Callable[[], Place]) -> Callable[[], AbstractContextManager[Place]]:
    """As many places as there are cases at once, each as it was before when the next case comes."""
    free: queue.SimpleQueue[Place | None] = queue.SimpleQueue()
    for _ in range(AT_ONCE):
        free.put(None)

    @contextmanager
    def take() -> Iterator[Place]:
        here = free.get()
        try:
            here = _tidy(here) if here else build()
            yield here
        except BaseException:
            here = None  # whatever it is like now, it is nothing for the next case
            raise
        finally:
            free.put(here)

    return take


def _tidy(here: Place) -> Place:
    here.kubectl("delete", "loadtests", "--all", "-n", here.namespace)
    here.until_no_children(TIDY_SECONDS)
    here.target.forget()
    return here


def chosen(request: pytest.FixtureRequest, parameter: str = "case") -> list[Hashable]:
    """The cases of this file that are not deselected."""
    items = [item for item in request.session.items if getattr(item, "module", None) is request.module]
    found = [item.callspec.params for item in items if hasattr(item, "callspec")]
    return [parameters[parameter] for parameters in found if parameter in parameters]
