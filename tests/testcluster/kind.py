"""The provider for machines with a Docker engine: kind, with the same base image and layers as the native node.

Our own CI has no Docker engine, so what is here beyond the pure functions is not run there.
"""

import shutil
from pathlib import Path

from tests.testcluster import binaries, paths, shell

NAME = "loadtest"
NODE = f"{NAME}-control-plane"


def docker_works() -> bool:
    """The client alone is no engine: only `docker info` with the server's answer counts."""
    return shutil.which("docker") is not None and shell.succeeds(
        ["docker", "info", "--format", "{{.ServerVersion}}"], timeout_s=10
    )


def create(program: Path, kubeconfig: Path) -> list[str]:
    return [str(program), "create", "cluster", "--name", NAME, "--kubeconfig", str(kubeconfig), "--wait", "180s"]


def delete(program: Path, kubeconfig: Path) -> list[str]:
    return [str(program), "delete", "cluster", "--name", NAME, "--kubeconfig", str(kubeconfig)]


def load_archive(program: Path, archive: Path) -> list[str]:
    return [str(program), "load", "image-archive", str(archive), "--name", NAME]


def list_images() -> list[str]:
    return ["docker", "exec", NODE, "ctr", "--namespace", "k8s.io", "images", "list", "--quiet"]


def gateways() -> list[str]:
    return ["docker", "network", "inspect", "kind", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"]


def first_ipv4(text: str) -> str:
    return next((word for word in text.split() if "." in word), "")


def program() -> Path:
    on_path = shutil.which("kind")
    return Path(on_path) if on_path else binaries.ensure(["kind"])["kind"]


def kubeconfig() -> Path:
    return paths.cache() / "kind/kubeconfig"


def up() -> Path:
    path = kubeconfig()
    path.parent.mkdir(parents=True, exist_ok=True)
    with shell.lock(paths.lock("kind"), "the start of the cluster"):
        if NAME not in shell.run([program(), "get", "clusters"], timeout_s=60).split():
            with shell.step("kind cluster up", "1 minute"):
                shell.run(create(program(), path), timeout_s=600)
    return path


def down() -> None:
    with shell.lock(paths.lock("kind"), "the start of the cluster"):
        shell.run(delete(program(), kubeconfig()), timeout_s=120)


def knows(ref: str) -> bool:
    return ref in shell.run(list_images(), timeout_s=60).split()


def load(archive: Path) -> None:
    shell.run(load_archive(program(), archive), timeout_s=600)


def host_address() -> str:
    return first_ipv4(shell.run(gateways(), timeout_s=20))
