"""Fixtures that always end the processes they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.agent.harness import Agents, Target
from tests.support.priority import first_in_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package", autouse=True)
def before_other_tests() -> Iterator[None]:
    with first_in_line():
        yield


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    shop = Target(tmp_path)
    yield shop
    shop.process.end()


@pytest.fixture
def agents(tmp_path: Path, target: Target) -> Iterator[Agents]:
    run = Agents(tmp_path, target.url)
    yield run
    run.end()


@pytest.fixture
def more_agents(tmp_path: Path, target: Target) -> Iterator[Agents]:
    (tmp_path / "more").mkdir()
    run = Agents(tmp_path / "more", target.url)
    yield run
    run.end()
