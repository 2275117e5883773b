"""API servers run beside each other and leave no folders behind."""

from pathlib import Path

import pytest

from tests.testcluster import apiserver


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_folder_of_a_killed_owner_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    orphan = tmp_path / "loadtest-api-orphan"
    orphan.mkdir()
    (orphan / "owner").touch()
    with apiserver.own_folder(tmp_path) as mine, apiserver.own_folder(tmp_path) as other:
        assert not orphan.exists()
        assert mine.is_dir()
        assert other.is_dir()
    assert list(tmp_path.glob("loadtest-api-*")) == []


def test_ports_are_free_distinct_and_not_ephemeral() -> None:
    ports = apiserver.free_ports(3)
    assert len(set(ports)) == 3
    assert all(port in apiserver.PORTS for port in ports)
