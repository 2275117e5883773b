"""What the init container copies, and what a worker knows of its CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from loadtest_agent import health
from loadtest_agent.install import install

if TYPE_CHECKING:
    from pathlib import Path


def test_the_copy_stands_alone(tmp_path: Path) -> None:
    install(tmp_path / "agent")
    install(tmp_path / "agent")  # a restarted init container
    assert sorted(path.name for path in (tmp_path / "agent").iterdir()) == ["loadtest_agent", "start.py"]
    assert not list((tmp_path / "agent").rglob("*.pyc"))
    config = tmp_path / "config.json"
    config.write_text("{}")
    # -I: neither this package's installation nor anything else of ours is found but what was copied.
    command = [sys.executable, "-I", "-B", str(tmp_path / "agent" / "start.py"), "--config", str(config)]
    done = subprocess.run([*command, "--role", "master"], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "ConfigError: protocol is missing in the configuration\n"


def test_installing_needs_nothing_of_locust(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv[1:] = [sys.argv[1]]; "
        "runpy.run_module('loadtest_agent.install', run_name='__main__'); "
        "assert not {'locust', 'gevent'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "agent")],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "agent" / "start.py").is_file()


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "max 100000"}, 1.0),
        ({"cpu.max": "20000 100000"}, 0.2),
        ({"cpu.max": "400000 100000"}, 1.0),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_containers_cpu_limit(tmp_path: Path, files: dict[str, str], limit: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert health.cpu_limit(tmp_path) == limit
