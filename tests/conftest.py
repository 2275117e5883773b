"""Which tests may run beside which, and what they have to say at the end."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Each process has a native cluster of its own, if it needs one; before anything reads this.
if (worker := os.environ.get("PYTEST_XDIST_WORKER", "")).startswith("gw"):
    os.environ.setdefault("LOADTEST_CLUSTER", worker.removeprefix("gw"))

from tests.support import faulttable, loops
from tests.testcluster import kind

# Property tests are about results; how long one example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TESTS = Path(__file__).parent
# The longest first; all others fill the gaps.
LONG_ROOMS = ("e2e", "node", "api", "crash")
SAYS = "says"
FAULTS = TESTS.parent / "build/faults.md"


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        loops.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


class ByRoom(LoadScopeScheduling):
    """The tests of a room share an API server or a node: they stay in one process, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return _room_of(nodeid.partition("::")[0].split("/")[1:])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByRoom:
    return ByRoom(config, log)


def _turn(item: pytest.Item) -> tuple[int, bool]:
    """What needs a node as it was made comes before those who break it."""
    room = _room(item)
    return LONG_ROOMS.index(room) if room in LONG_ROOMS else len(LONG_ROOMS), item.path.name != "test_promise.py"


def _room(item: pytest.Item) -> str:
    return _room_of(item.path.relative_to(TESTS).parts)


def _room_of(parts: Sequence[str]) -> str:
    if parts[0] == "unit":  # they share nothing
        return "/".join(parts[:3])
    # One test that mostly waits for the next minute goes with those of the node.
    apart = tuple(parts[:2]) in {("e2e", "node"), ("e2e", "test_promise.py")} and not _one_cluster()
    return "node" if apart else parts[0]


@cache
def _one_cluster() -> bool:
    """Given, or of kind: all tests with pods are one room there."""
    return "KUBECONFIG" in os.environ or kind.docker_works()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests recorded as `says`: figures that people run them for."""
    said = [*(str(value) for value in _recorded(terminalreporter, SAYS)), *loops.read().lines()]
    if said:
        terminalreporter.section("figures")
        terminalreporter.write("".join(f"{line}\n" for line in said))
    rows = [tuple(row) for row in _recorded(terminalreporter, faulttable.PROPERTY)]
    if rows:
        text = faulttable.markdown(rows)
        terminalreporter.section(f"faults, also in {FAULTS}")
        terminalreporter.write(text)
        FAULTS.parent.mkdir(exist_ok=True)
        FAULTS.write_text(text)


def _recorded(terminalreporter: pytest.TerminalReporter, property_name: str) -> list[Any]:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    return [value for report in reports for name, value in report.user_properties if name == property_name]
