"""What comes from Debian packages, because it is small, stable, and not written in Go."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.testcluster import shell

CNI_PLUGINS = Path("/usr/lib/cni")
# The file or command that proves that a package is there.
PACKAGES = {
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "unshare": "util-linux",
    "mount": "mount",
    "nft": "nftables",
    str(CNI_PLUGINS / "ptp"): "containernetworking-plugins",
    str(CNI_PLUGINS / "portmap"): "containernetworking-plugins",
}
IMAGE_PACKAGES = {"debootstrap": "debootstrap"}


def exists(proof: str) -> bool:
    # Debian leaves sbin out of the PATH of some shells.
    return shutil.which(proof, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def missing(packages: dict[str, str], there: Callable[[str], bool] = exists) -> list[str]:
    return sorted({package for proof, package in packages.items() if not there(proof)})


def need_root(why: str) -> None:
    if os.geteuid() != 0:
        raise shell.ClusterUnavailable(f"{why} needs root; or set KUBECONFIG to a cluster of yours, or start Docker")


def ensure(packages: dict[str, str]) -> None:
    lacking = missing(packages)
    if not lacking:
        return
    if os.geteuid() != 0 or not exists("apt-get"):
        raise shell.ClusterUnavailable(f"install first: apt-get install {' '.join(lacking)}")
    with shell.step(f"installing {', '.join(lacking)}"):
        _apt_get(["update"])
        _apt_get(["install", "--yes", "--no-install-recommends", *lacking])


def _apt_get(words: Iterable[str]) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Somebody else's apt-get may be at work: wait for its lock instead of failing.
    shell.run(["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *words], timeout_s=900, env=env)


def mirror(sources: Iterable[str] = ()) -> str:
    """The first Debian archive in this machine's own apt sources (one-line or deb822 format)."""
    for text in sources or _sources():
        for line in text.splitlines():
            for word in line.split():
                if "://" in word and word.rstrip("/").endswith("/debian") and not line.lstrip().startswith("#"):
                    return word.rstrip("/")
    raise shell.ClusterUnavailable("the base image needs a Debian mirror, and /etc/apt/sources.list* name none")


def _sources() -> list[str]:
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    return [file.read_text() for file in files if file.suffix in {".list", ".sources"} and file.exists()]
