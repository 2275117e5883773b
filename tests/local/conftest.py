"""Real Locust processes on this machine."""

from collections.abc import Iterator

import pytest

from tests.support.priority import first_in_line


@pytest.fixture(scope="package", autouse=True)
def before_other_tests() -> Iterator[None]:
    with first_in_line():
        yield
