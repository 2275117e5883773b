"""Where one story happens: a namespace, the sample target in it, an operator that serves it alone, and its end."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest_operator.store import open_store
from loadtest_operator.store.base import StoredRun
from loadtest_operator.verdict.record import RunRecord

from tests.support import owned, showing, target
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import phase
from tests.support.operator import OperatorProcess
from tests.support.recorder import Recorder
from tests.support.target import SampleTarget

OVER = {"Completed", "Error", "Cancelled"}
CHILDREN = "app.kubernetes.io/managed-by=loadtest-operator"


@dataclass
class Place:
    kubectl: Kubectl
    namespace: str
    image: str
    target: SampleTarget
    folder: Path
    _closing: contextlib.ExitStack
    operators: list[OperatorProcess] = field(default_factory=list)

    def operator(self, kubeconfig: Path | None = None, **settings: Any) -> OperatorProcess:
        """A process of this machine, not started yet; each has its own folder unless told otherwise."""
        settings = {
            "image": self.image,
            "namespace": self.namespace,
            "watch_namespaces": self.namespace,
            "store": self.store,
            **settings,
        }
        folder = self.folder / f"operator{len(self.operators) + 1}"
        operator = OperatorProcess(kubeconfig or self.kubectl.kubeconfig, folder, **settings)
        self.operators.append(operator)
        self._closing.callback(operator.kill)
        return operator

    def started(self, **settings: Any) -> OperatorProcess:
        return self.operator(**settings).start().ready()

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

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
        found = self.kubectl.list("jobs,pods,services,configmaps", self.namespace, CHILDREN)
        return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in found)

    def until_no_children(self, seconds: float = 30) -> None:
        eventually(lambda: not self.children(), f"nothing of the run left in {self.namespace}", seconds)

    def stored(self, run: str) -> tuple[StoredRun, RunRecord]:
        """The result and what was measured, read from the file itself."""
        store = open_store(self.store)
        try:
            found, measured = store.run(run), store.windows(run)
        finally:
            store.close()
        assert found is not None, f"the store has no run {run}"
        assert measured is not None, f"the store has no windows of {run}"
        return found, measured

    def show(self) -> str:
        return showing.show(self.kubectl, self.namespace, *(operator.log for operator in self.operators))


# What a report of a failure shows.
LIVING: list[Place] = []


@contextlib.contextmanager
def place(kubectl: Kubectl, image: str, what: str) -> Iterator[Place]:
    """Gone afterwards, whatever happens inside."""
    namespace = owned.make_namespace(kubectl, what)
    with contextlib.ExitStack() as closing:
        closing.callback(owned.remove_namespace, kubectl, namespace)
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="lt-e2e-")))
        here = Place(kubectl, namespace, image, target.deploy(kubectl, namespace, image), folder, closing)
        LIVING.append(here)
        closing.callback(LIVING.remove, here)
        yield here


def requests_in(record: RunRecord) -> int:
    return sum(cell.n for endpoint in record.endpoints for cell in endpoint.cells)
