"""Where the test cluster keeps things: outside the work tree, and free to be deleted when no cluster is up."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
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
    return cache() / "node"


def api_pki() -> Path:
    return cache() / "api-pki"


def lock(name: str) -> Path:
    return cache() / "locks" / name
