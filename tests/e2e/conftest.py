"""The cluster, found or started once, and places in it that are gone when a test ends."""

import contextlib
from collections.abc import Callable, Generator, Iterator

import pytest

from tests.e2e.installation import EVERYWHERE
from tests.e2e.place import LIVING, Place, place
from tests.support import owned
from tests.support.kubectl import Kubectl
from tests.testcluster import cluster, paths

CRDS = paths.REPOSITORY / "crds"


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
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    kubectl("wait", "--for=condition=Established", "crd", "loadtests.loadtest.dev", "--timeout=30s")
    owned.sweep(kubectl)
    if kubectl.get("clusterrolebinding", EVERYWHERE, ""):
        pytest.fail(f"an operator serves every namespace of this cluster already (clusterrolebinding {EVERYWHERE})")
    yield kubectl
    owned.remove_all_of(kubectl, owned.process())


@pytest.fixture
def here(kubectl: Kubectl, image: str) -> Iterator[Place]:
    """A place for one test; its operator is not started yet."""
    with place(kubectl, image, "test") as made:
        yield made


@pytest.fixture(scope="module")
def place_for_module(kubectl: Kubectl, image: str) -> Iterator[Callable[[str], Place]]:
    """Places that several tests of a file look at."""
    with contextlib.ExitStack() as closing:
        yield lambda what: closing.enter_context(place(kubectl, image, what))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """While they are still there: what the places of a failed test look like."""
    report = yield
    if report.failed:
        report.sections += [(f"in {made.namespace}", made.show()) for made in LIVING]
    return report
