"""Where the test cluster keeps things: outside the work tree, and free to be deleted when no cluster is up."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# Native clusters run beside each other, each with addresses, a link and cgroups of its own: 0 to 3.
INSTANCE_VARIABLE = "LOADTEST_CLUSTER"
INSTANCE = int(os.environ.get(INSTANCE_VARIABLE, "0"))
GO_MODULES = HERE / "go"


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "loadtest-operator"


def binaries() -> Path:
    return cache() / "bin"


def images() -> Path:
    return cache() / "images"


def node() -> Path:
    """The native node's own directory: what must survive a restart (keys, images) and what is wiped by it."""
    return cache() / named("node")


def named(name: str) -> str:
    """The name of something that each native cluster of this machine has one of."""
    return f"{name}{INSTANCE}" if INSTANCE else name


def api_pki() -> Path:
    return cache() / "api-pki"


def lock(name: str) -> Path:
    return cache() / "locks" / name
