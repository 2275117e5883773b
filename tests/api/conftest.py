"""A real API server for the whole session, and for each test a namespace with an operator and a played kubelet."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import crds
from tests.support.kubectl import Kubectl
from tests.support.stage import Stage
from tests.testcluster.apiserver import ApiServer


@pytest.fixture(scope="session")
def api() -> Iterator[ApiServer]:
    with crds.api_server() as server:
        yield server


@pytest.fixture(scope="session")
def namespaces(api: ApiServer) -> Callable[[], str]:
    """A new namespace at each call."""
    kubectl, numbers = Kubectl(api.kubectl, api.kubeconfig), itertools.count(1)

    def make() -> str:
        name = f"api-{next(numbers)}"
        kubectl("create", "namespace", name)
        return name

    return make


@pytest.fixture
def stages(api: ApiServer, namespaces: Callable[[], str], tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Stages with settings of the test's own; the operator is not started."""
    with contextlib.ExitStack() as stack:

        def make(**settings: Any) -> Stage:
            return stack.enter_context(Stage(api, namespaces(), tmp_path, settings))

        yield make


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    """With an operator that watches."""
    made = stages()
    made.operator.start().ready()
    return made
