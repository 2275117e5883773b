"""Property tests here are about results; how long one example takes depends on what else the machine does."""

from contextlib import closing

import pytest
from hypothesis import settings
from loadtest_operator.store import open_store

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "down" / "store.db"


@pytest.fixture
def store(path):
    with closing(open_store(path)) as opened:
        yield opened
