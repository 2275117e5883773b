"""The demo: its test, and the sample shop that it is aimed at, on a free port of this machine."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from loadtest_operator.local.processes import LOOPBACK, free_ports

FILE = Path(__file__).with_name("demo.yaml")


def overrides() -> list[str]:
    """What differs from the same test in a cluster."""
    (port,) = free_ports(1)
    return [f"target.url=http://{LOOPBACK}:{port}"]


def target_command(url: str) -> list[str]:
    address = urlsplit(url)
    return [sys.executable, "-m", "loadtest_target", "--host", str(address.hostname), "--port", str(address.port)]
