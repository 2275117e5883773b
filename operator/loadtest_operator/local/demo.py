"""The demo: its test, and the sample shop that it is aimed at, on a free port of this machine."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from loadtest_operator.local.processes import LOOPBACK, free_ports

FILE = Path(__file__).with_name("demo.yaml")


def overrides(runs: int) -> list[str]:
    """What differs from the same test in a cluster. So many runs are the baseline: before, nothing is compared."""
    (port,) = free_ports(1)
    return [f"target.url=http://{LOOPBACK}:{port}", f"baseline.minRuns={runs}"]


def target_command(url: str, slower: str = "") -> list[str]:
    """`slower`: as TARGET_SLOWDOWN has it, such as `search=1.5`."""
    address = urlsplit(url)
    changed = ["env", f"TARGET_SLOWDOWN={slower}"] if slower else []
    return [
        *changed,
        sys.executable,
        "-m",
        "loadtest_target",
        "--host",
        str(address.hostname),
        "--port",
        str(address.port),
    ]
