"""Kubernetes' own programs, built from the versions in go/*/go.mod and cached by what determines them."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.testcluster import gotool, paths, shell

# Raise it when the way of building changes: it is part of the cache key.
RECIPE = "1"


def program(package: str) -> str:
    """What we call the program. Go itself would call etcd `server`, after the folder it is in."""
    special = {"go.etcd.io/etcd/server/v3": "etcd", ".": "pause"}
    return special.get(package, package.rsplit("/", 1)[-1])


def built_name(package: str) -> str:
    """What `go build -o FOLDER/` calls it: the last part of the path that is not a major version."""
    special = {"go.etcd.io/etcd/server/v3": "server", ".": "pause"}
    return special.get(package, package.rsplit("/", 1)[-1])


@dataclass(frozen=True)
class Batch:
    """Programs of one go.mod that are built by one command, because they are needed together."""

    module: str
    packages: tuple[str, ...]
    expect: str
    tags: str = ""

    @property
    def programs(self) -> tuple[str, ...]:
        return tuple(program(package) for package in self.packages)


# In the order of building: the first batch is all that the tests of layer `api` wait for.
BATCHES = (
    Batch(
        "kubernetes",
        ("k8s.io/kubernetes/cmd/kube-apiserver", "go.etcd.io/etcd/server/v3", "k8s.io/kubernetes/cmd/kubectl"),
        "4 minutes on two cores with a cold Go cache",
    ),
    Batch("kubernetes", ("k8s.io/kubernetes/cmd/kube-controller-manager",), "1 minute"),
    Batch(
        "containerd",
        tuple(
            f"github.com/containerd/containerd/v2/cmd/{name}"
            for name in ("containerd", "ctr", "containerd-shim-runc-v2")
        ),
        "1 minute",
    ),
    Batch("pause", (".",), "a second"),
    Batch(
        "kubernetes",
        tuple(f"k8s.io/kubernetes/cmd/{name}" for name in ("kubelet", "kube-scheduler", "kube-proxy")),
        "half a minute",
    ),
    Batch("coredns", ("github.com/coredns/coredns",), "2 minutes"),
)
KIND = Batch("kind", ("sigs.k8s.io/kind",), "half a minute")
# What tests use beside a cluster; a node runs without them.
TOOLS = (
    Batch("helm", ("helm.sh/helm/v4/cmd/helm",), "2 minutes"),
    Batch(
        "prometheus",
        tuple(f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")),
        "5 minutes",
        tags="remove_all_sd,enable_kubernetes_sd",  # of the many ways to find what to scrape, only ours
    ),
)
API_PROGRAMS = ("kube-apiserver", "etcd", "kubectl", "kube-controller-manager")
ALL_PROGRAMS = tuple(name for batch in BATCHES for name in batch.programs)
TOOL_PROGRAMS = tuple(name for batch in TOOLS for name in batch.programs)


def cache_key(go_mod: bytes, go_sum: bytes, go_version: str) -> str:
    parts = (RECIPE.encode(), go_version.encode(), go_mod, go_sum)
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()[:12]


def linker_flags(go_mod: str) -> str:
    """Kubernetes learns its version from the linker; without it every component calls itself v0.0.0-master."""
    for line in go_mod.splitlines():
        words = line.replace("require", " ").split()
        if len(words) >= 2 and words[0] == "k8s.io/kubernetes" and "=>" not in words:
            return f"-s -w -X k8s.io/component-base/version.gitVersion={words[1]}"
    return "-s -w"


def build_command(go: Path, packages: Iterable[str], out: Path, flags: str, tags: str = "") -> list[str]:
    chosen = ["-tags", tags] if tags else []
    return [str(go), "build", "-trimpath", "-buildvcs=false", *chosen, "-ldflags", flags, "-o", f"{out}/", *packages]


def ensure(programs: Iterable[str] = ALL_PROGRAMS) -> dict[str, Path]:
    """The paths of these programs; what is not in the cache is built first."""
    want = set(programs)
    go = gotool.find()
    found: dict[str, Path] = {}
    for batch in (*BATCHES, KIND, *TOOLS):
        needed = want.intersection(batch.programs)
        if needed:
            folder = _folder(batch, go)
            _build_missing(batch, folder, go)
            found |= {name: folder / name for name in needed}
    unknown = want - found.keys()
    if unknown:
        raise shell.ClusterUnavailable(f"no go.mod of the test cluster builds {', '.join(sorted(unknown))}")
    return found


def _folder(batch: Batch, go: gotool.Go) -> Path:
    module = paths.GO_MODULES / batch.module
    # A module without dependencies has no go.sum; its own source decides instead.
    rest = sorted([*module.glob("go.sum"), *module.glob("*.go")])
    key = cache_key(
        (module / "go.mod").read_bytes(), b"".join(path.read_bytes() for path in rest), go.name + batch.tags
    )
    return paths.binaries() / f"{batch.module}-{key}"


def _complete(batch: Batch, folder: Path) -> bool:
    return all((folder / name).exists() for name in batch.programs)


def _build_missing(batch: Batch, folder: Path, go: gotool.Go) -> None:
    if _complete(batch, folder):
        return
    with shell.lock(paths.lock("binaries"), f"the build of {', '.join(batch.programs)}"):
        if _complete(batch, folder):
            return
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".build-*"):  # of a builder that was killed; under the lock nobody else's
            shutil.rmtree(left)
        with shell.step(f"building {', '.join(batch.programs)}", batch.expect):
            _build(batch, folder, go)


def _build(batch: Batch, folder: Path, go: gotool.Go) -> None:
    module = paths.GO_MODULES / batch.module
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as scratch:
        flags = linker_flags((module / "go.mod").read_text())
        command = build_command(go.path, batch.packages, Path(scratch), flags, batch.tags)
        env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        shell.run([*shell.WITH_US, *command], timeout_s=3600, env=env, cwd=module)
        for package in batch.packages:
            Path(scratch, built_name(package)).rename(folder / program(package))
