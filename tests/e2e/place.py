"""Where one story happens: a namespace, the sample target in it, the operator that serves it, and its end."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loadtest_operator.store import open_store
from loadtest_operator.store.base import StoredRun
from loadtest_operator.verdict.record import RunRecord

from tests.e2e.release import Release, told_about
from tests.support import owned, showing, target
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import phase
from tests.support.recorder import Recorder
from tests.support.target import SampleTarget

OVER = {"Completed", "Error", "Cancelled"}
LOG_LINES = 60
CHILDREN = "app.kubernetes.io/managed-by=loadtest-operator"


@dataclass
class Place:
    kubectl: Kubectl
    namespace: str
    image: str
    target: SampleTarget
    _closing: contextlib.ExitStack
    operators: list[Release] = field(default_factory=list)

    @property
    def operator(self) -> Release:
        """The one that serves this namespace."""
        [found] = self.operators
        return found

    def record(self, kind: str = "loadtests") -> Recorder:
        return self._closing.enter_context(Recorder(self.kubectl, kind, self.namespace))

    def test(self, name: str) -> dict[str, Any]:
        found = self.kubectl.get("loadtest", name, self.namespace)
        assert found is not None, f"LoadTest {name} is not in {self.namespace}"
        return found

    def run(self, test: dict[str, Any], seconds: float = 90) -> dict[str, Any]:
        """Applied, and followed to its end; what does not complete is shown."""
        name = test["metadata"]["name"]
        self.kubectl.apply(test)
        eventually(lambda: phase(self.test(name)) in OVER, f"{name} over", seconds)
        final = self.test(name)
        assert phase(final) == "Completed", final["status"]["message"]
        return final

    def children(self) -> list[str]:
        """What the operator made in this namespace and is still there."""
        found = self.kubectl.list("jobs,pods,services,configmaps,networkpolicies", self.namespace, CHILDREN)
        return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in found)

    def until_no_children(self, seconds: float = 30) -> None:
        eventually(lambda: not self.children(), f"nothing of the run left in {self.namespace}", seconds)

    def stored(self, run: str) -> tuple[StoredRun, RunRecord]:
        """The result and what was measured, read from the store itself."""
        store = open_store(self.operator.store())
        try:
            found, measured = store.run(run), store.windows(run)
        finally:
            store.close()
        assert found is not None, f"the store has no run {run}"
        assert measured is not None, f"the store has no windows of {run}"
        return found, measured

    def show(self) -> str:
        logs = {f"operator in {one.home}": told_about(one.log(), self.namespace, LOG_LINES) for one in self.operators}
        return showing.show(self.kubectl, self.namespace, logs)


# What a report of a failure shows.
LIVING: list[Place] = []


@contextlib.contextmanager
def place(kubectl: Kubectl, image: str, what: str, *operators: Release) -> Iterator[Place]:
    """Gone afterwards, whatever happens inside."""
    namespace = owned.make_namespace(kubectl, what)
    with contextlib.ExitStack() as closing:
        closing.callback(owned.remove_namespace, kubectl, namespace)
        here = Place(kubectl, namespace, image, target.deploy(kubectl, namespace, image), closing, list(operators))
        LIVING.append(here)
        closing.callback(LIVING.remove, here)
        yield here


def requests_in(record: RunRecord) -> int:
    return sum(cell.n for endpoint in record.endpoints for cell in endpoint.cells)
