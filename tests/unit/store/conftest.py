"""A store in a folder that is not there yet."""

from contextlib import closing

import pytest
from loadtest_operator.store import open_store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "down" / "store.db"


@pytest.fixture
def store(path):
    with closing(open_store(path)) as opened:
        yield opened
