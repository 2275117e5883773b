"""One Helm for all; it is built when it is not in the cache yet."""

import pytest

from tests.support.helm import Helm


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm()
