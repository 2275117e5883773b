"""The base image: a small Debian with a recent Python and the pinned dependencies, without the project itself.

It is made once by debootstrap and kept; a change of the code needs only a new layer on top (layer.py).
"""

import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.testcluster import debian, oci, paths, shell

# Raise it when the way of building changes: it is part of the cache key.
RECIPE = "1"
SUITE = "trixie"
PYTHON = "3.13"  # what this suite has
REQUIREMENTS = paths.REPOSITORY / "requirements/image.txt"
VENV = "/opt/venv"
PROJECT = "/opt/loadtest"
USER = 10001
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--propagation", "private")
# Run as root in a private mount namespace: whatever is mounted for the chroot goes when the command ends.
CHROOT = """
umask 022
mount -t proc proc "$1/proc"
mkdir -p "$1/dev/shm"
mount -t tmpfs tmpfs "$1/dev/shm"
exec chroot "$@"
"""
CLEAN_ENV = {"PATH": f"{VENV}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
RUN = {
    "Env": [f"PATH={VENV}/bin:/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"],
    "User": f"{USER}:{USER}",
    "WorkingDir": "/",
    "Cmd": ["python3"],
}
# Not needed to run Python, or specific to the machine that builds.
SUPERFLUOUS = (
    "etc/apt/sources.list*",
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "opt/venv/lib/python*/site-packages/gevent/tests",
    "usr/bin/perl*",
    "usr/lib/*-linux-gnu/gconv",
    "usr/lib/*-linux-gnu/perl-base",
    "usr/lib/apt",
    "usr/lib/python3*/**/__pycache__",
    "usr/lib/python3.*/ensurepip",
    "usr/lib/python3.*/pydoc_data",
    "usr/lib/systemd",
    "usr/share/bash-completion",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/perl5",
    "usr/share/python-wheels",
    "var/cache/*",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/info",
    "var/log/*",
)
# Filled by the kernel, the runtime or kubelet.
EMPTY = ("dev", "proc", "run", "sys", "tmp")


@dataclass(frozen=True)
class Base:
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def tar(self) -> Path:
        return self.folder / "base.tar"

    @property
    def archive(self) -> Path:
        return self.folder / "image.tar"

    @property
    def ref(self) -> str:
        return f"localhost/loadtest-base:{self.folder.name.removeprefix('base-')}"

    @property
    def layer(self) -> oci.Layer:
        known = json.loads((self.folder / "layer.json").read_text())
        return oci.Layer(known["digest"], known["size"])


def key(requirements: bytes) -> str:
    parts = (RECIPE, SUITE, PYTHON, *SUPERFLUOUS, json.dumps(RUN), CHROOT)
    return hashlib.sha256("\0".join(parts).encode() + requirements).hexdigest()[:12]


def ensure() -> Base:
    base = Base(paths.images() / f"base-{key(REQUIREMENTS.read_bytes())}")
    if base.folder.exists():
        return base
    debian.need_root("building the base image")
    debian.ensure(debian.IMAGE_PACKAGES)
    with shell.lock(paths.lock("base-image"), "the build of the base image"):
        if not base.folder.exists():
            for left in paths.images().glob(".base-*"):  # of a builder that was killed
                shutil.rmtree(left)
            with shell.step("building the base image", "2 minutes"):
                _build(base)
    return base


def _build(final: Base) -> None:
    final.folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Base(Path(tempfile.mkdtemp(dir=final.folder.parent, prefix=".base-")))
    try:
        scratch.root.mkdir()
        wheels = scratch.folder / "wheels"
        with ThreadPoolExecutor() as both:
            for job in [both.submit(_download, wheels), both.submit(_debootstrap, scratch.root)]:
                job.result()
        wheels.rename(scratch.root / "wheels")
        _install(scratch.root)
        _slim(scratch.root)
        _compile(scratch.root)
        _pack(scratch, final.ref)
        scratch.folder.chmod(0o755)
        scratch.folder.rename(final.folder)
    finally:
        shutil.rmtree(scratch.folder, ignore_errors=True)


def _download(wheels: Path) -> None:
    """By the host's pip, which knows its index, proxy and certificates; for the image's Python."""
    with shell.step("  wheels of the dependencies"):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        target = ["--python-version", PYTHON, "--only-binary=:all:", "--dest", wheels]
        shell.run([*pip, *target, "--require-hashes", "-r", REQUIREMENTS], timeout_s=900)


def _debootstrap(root: Path) -> None:
    with shell.step(f"  Debian {SUITE}"):
        mirror = os.environ.get("DEBIAN_MIRROR") or debian.mirror()
        words = [
            "sh",
            "-ec",
            'umask 022; exec "$@"',
            "sh",
            "debootstrap",
            "--variant=minbase",
            "--include=python3-venv",
            SUITE,
            root,
            mirror,
        ]
        env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        shell.run([*shell.WITH_US, *NAMESPACES, *words], timeout_s=1800, env=env)


def chroot(root: Path, *argv: str) -> str:
    command = [*NAMESPACES, "sh", "-ec", CHROOT, "sh", root, *argv]
    return shell.run([*shell.WITH_US, *command], timeout_s=900, env=CLEAN_ENV)


def _install(root: Path) -> None:
    with shell.step("  installing them"):
        (root / "requirements.txt").write_bytes(REQUIREMENTS.read_bytes())
        chroot(root, "python3", "-m", "venv", VENV)
        pip = [f"{VENV}/bin/python3", "-m", "pip"]
        offline = ["--quiet", "--no-index", "--find-links", "/wheels", "--no-deps", "--no-compile"]
        chroot(root, *pip, "install", *offline, "--require-hashes", "-r", "/requirements.txt")
        chroot(root, *pip, "uninstall", "--quiet", "--yes", "pip")
        # The project's layer holds only packages; this line makes them importable and leaves PYTHONPATH to users.
        site = root / VENV.lstrip("/") / f"lib/python{PYTHON}/site-packages"
        (site / "loadtest.pth").write_text(PROJECT + "\n")
        (site / "loadtest.pth").chmod(0o644)
        with (root / "etc/passwd").open("a") as users:
            users.write(f"loadtest:x:{USER}:{USER}::/nonexistent:/usr/sbin/nologin\n")
        with (root / "etc/group").open("a") as groups:
            groups.write(f"loadtest:x:{USER}:\n")
        shutil.rmtree(root / "wheels")
        (root / "requirements.txt").unlink()
        chroot(root, f"{VENV}/bin/python3", "-c", "import kopf, locust, prometheus_client, pydantic, yaml")


def _slim(root: Path) -> None:
    for pattern in SUPERFLUOUS:
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for name in EMPTY:
        for path in list((root / name).iterdir()):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (root / PROJECT.lstrip("/")).mkdir()
    (root / PROJECT.lstrip("/")).chmod(0o755)


def _compile(root: Path) -> None:
    """Ahead of time, and not bound to file times: containers have a read-only root and a fifth of a core."""
    with shell.step("  compiling them"):
        everything = [f"/usr/lib/python{PYTHON}", "/usr/lib/python3", VENV]
        compile_in(root, *everything)


def compile_in(root: Path, *folders: str) -> None:
    words = ["-m", "compileall", "-q", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash", *folders]
    chroot(root, f"{VENV}/bin/python3", *words)


def _members(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names.sort()
        inside = Path(folder).relative_to(root)
        if str(inside) in EMPTY:
            names.clear()
            continue
        links = [name for name in names if Path(folder, name).is_symlink()]
        yield from (inside / name for name in sorted([*files, *links]))
        yield from (inside / name for name in names if name not in links)


def _pack(base: Base, ref: str) -> None:
    with shell.step("  packing the image"):
        with tarfile.open(base.tar, "w", format=tarfile.GNU_FORMAT) as tar:
            for name in sorted(_members(base.root)):
                tar.add(base.root / name, arcname=str(name), recursive=False, filter=oci.plain)
        layer = oci.layer_of(base.tar)
        (base.folder / "layer.json").write_text(json.dumps({"digest": layer.digest, "size": layer.size}))
        oci.write_archive(base.archive, ref, oci.config([layer], RUN), [layer], [base.tar])
        base.tar.unlink()  # it is in the archive now
