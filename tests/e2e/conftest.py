"""The cluster, found or started once, an operator for a file's tests, and places that are gone when a test ends."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.e2e import guard
from tests.e2e.place import LIVING, Place, place
from tests.e2e.release import Release, release
from tests.e2e.saving import saving
from tests.support import owned
from tests.support.killer import Killer, killer
from tests.support.kubectl import Kubectl
from tests.testcluster import cluster, paths

CRDS = paths.REPOSITORY / "crds"
SHOWN: list[BaseException] = []


@pytest.fixture(scope="session")
def real() -> cluster.Cluster:
    return cluster.ensure()  # stays up for the next run


@pytest.fixture(scope="session")
def image(real: cluster.Cluster) -> str:
    return real.image


@pytest.fixture(scope="session")
def kubectl(real: cluster.Cluster) -> Iterator[Kubectl]:
    """With our kinds known to the cluster; at the end nothing that this session made is left."""
    kubectl = Kubectl(real.kubectl, real.kubeconfig)
    owned.sweep(kubectl)
    guard.take(kubectl)
    try:
        guard.refuse_what_is_not_ours(kubectl)
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
        kubectl("wait", "--for=condition=Established", "crd", "loadtests.loadtest.dev", "--timeout=30s")
        with saving(kubectl):
            yield kubectl
    finally:
        owned.remove_all_of(kubectl, owned.process())


@pytest.fixture(scope="session")
def kill9(kubectl: Kubectl, image: str) -> Iterator[Killer]:
    with killer(kubectl, image) as made:
        yield made


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    """The chart's, beyond image and volume; a file that needs others has a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def operator(
    kubectl: Kubectl, image: str, kill9: Killer, values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Release]:
    """Installed with Helm, for all namespaces, as the README does it; the tests of a file share it."""
    with release(kubectl, image, tmp_path_factory.mktemp("operator"), killer=kill9, **values) as made:
        yield made


@pytest.fixture
def here(kubectl: Kubectl, image: str, operator: Release) -> Iterator[Place]:
    """A place for one test, and the operator at work, whatever the test before has done to it."""
    if operator.wanted != 1:
        operator.start().ready()
    with place(kubectl, image, "test", operator) as made:
        yield made


@pytest.fixture
def unserved(kubectl: Kubectl, image: str) -> Iterator[Place]:
    """A place for a test that installs the operator by itself."""
    with place(kubectl, image, "test") as made:
        yield made


@pytest.fixture(scope="module")
def place_for_module(kubectl: Kubectl, image: str) -> Iterator[Callable[..., Place]]:
    """Places that several tests of a file look at, with the operators that serve them."""
    with contextlib.ExitStack() as closing:
        yield lambda what, *operators: closing.enter_context(place(kubectl, image, what, *operators))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """It looks at what all others have left."""
    items.sort(key=lambda item: item.path.name == "test_gitops.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """While they are still there: what the places of a failed test look like."""
    report = yield
    # A fixture that failed for a file fails each of its tests with the same exception; once is enough to read.
    if report.failed and call.excinfo is not None and call.excinfo.value not in SHOWN:
        SHOWN.append(call.excinfo.value)
        report.sections += [(f"in {made.namespace}", made.show()) for made in LIVING]
    return report
