"""What the native node consists of: the files INIT and the components read, and the components' command lines."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testcluster import cgroups, components, debian, enforcer, network, paths, pki

NODE = "node1"
API_PORT = 6443
KUBELET_PORT = 10250
PAUSE_IMAGE = "localhost/pause:1"
SOCKET = Path("/run/containerd/containerd.sock")  # inside the node's own /run
SERVER = f"https://{network.NODE_ADDRESS}:{API_PORT}"
ENDPOINT = components.Endpoint(network.NODE_ADDRESS, API_PORT, 2379, 2380, network.SERVICE_CIDR)

# Wiped at every start: with a kept etcd the node would claim to be Ready since the last run.
VOLATILE = ("etcd", "kubelet", "podlogs", "ipam", "run", "logs", "volumes")
KEPT = ("pki", "containerd", "cni", "config", "volplugins")
# Where the components look, and which folder of ours lies there inside the node's mount namespace.
BINDS = {
    "/var/lib/cni": "ipam",
    "/var/lib/kubelet": "kubelet",
    "/var/log/pods": "podlogs",
}
# A running INIT goes on with the code it was started with.
INIT_SOURCES = ("node_init.py", "network.py", *enforcer.SOURCES)
MOUNT_POINTS = (*BINDS, "/var/log/containers")


@dataclass(frozen=True)
class Layout:
    """The node's folder on the host."""

    state: Path

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def inside_kubeconfig(self) -> Path:
        return self.config / "inside.kubeconfig"


def files(at: Layout) -> dict[Path, str]:
    secret = pki.token(at.pki)
    ca = at.pki / "ca.crt"
    kubelet = components.kubelet_config(at.pki, at.state, SOCKET, network.NODE_ADDRESS, cgroups.NAME)
    return {
        at.kubeconfig: pki.kubeconfig(SERVER, ca, secret),
        at.inside_kubeconfig: pki.kubeconfig(f"https://127.0.0.1:{API_PORT}", ca, secret),
        at.config / "kubelet.json": json.dumps(kubelet, indent=1),
        at.config / "containerd.toml": components.containerd_config(at.state, SOCKET, debian.CNI_PLUGINS, PAUSE_IMAGE),
        at.config / "Corefile": components.corefile(network.NODE_ADDRESS, at.inside_kubeconfig, "test"),
        at.state / "cni/pods.conflist": json.dumps(
            components.cni_config(network.POD_CIDR, network.FIRST_POD), indent=1
        ),
    }


def command_lines(at: Layout, programs: Mapping[str, Path]) -> list[dict[str, Any]]:
    """In the order of the start; `after` names what must answer first."""
    inside = at.inside_kubeconfig
    etcd, runtime, ready = f"tcp:{ENDPOINT.etcd_port}", f"unix:{SOCKET}", "ready:"
    kubelet = components.kubelet(
        programs["kubelet"], at.config / "kubelet.json", inside, at.state, NODE, network.NODE_ADDRESS
    )
    server = components.apiserver(programs["kube-apiserver"], ENDPOINT, at.pki)
    keys = (at.pki / "ca.crt", at.pki / "token")
    policies = ["127.0.0.1", str(API_PORT), *map(str, keys), network.NODE_ADDRESS, network.HOST_ADDRESS]
    table: list[tuple[str, list[str], list[str]]] = [
        ("etcd", components.etcd(programs["etcd"], ENDPOINT, at.state / "etcd"), []),
        ("containerd", [str(programs["containerd"]), "--config", str(at.config / "containerd.toml")], []),
        ("kube-apiserver", [*server, *components.apiserver_of_a_node(at.pki)], [etcd]),
        (
            "kube-controller-manager",
            components.controller_manager(programs["kube-controller-manager"], inside, at.pki),
            [ready],
        ),
        ("kube-scheduler", components.scheduler(programs["kube-scheduler"], inside), [ready]),
        ("kubelet", kubelet, [runtime, ready]),
        ("kube-proxy", components.kube_proxy(programs["kube-proxy"], inside, NODE, network.POD_CIDR), [ready]),
        ("coredns", [str(programs["coredns"]), "-conf", str(at.config / "Corefile")], [ready]),
        (enforcer.NAME, ["python", "-m", "tests.testcluster.enforcer", *policies], [ready]),
    ]
    return [{"name": name, "argv": argv, "after": after} for name, argv, after in table]


def spec(at: Layout, programs: Mapping[str, Path]) -> dict[str, Any]:
    """All that INIT is told. A running cluster is reused only if it was started from the same."""
    path = f"{programs['containerd'].parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "binds": {target: str(at.state / source) for target, source in BINDS.items()},
        "components": command_lines(at, programs),
        "api_port": API_PORT,
        "ca": str(at.pki / "ca.crt"),
        "token": pki.token(at.pki),
        "env": {"PATH": path, **components.LEAN},
        "init": hashlib.sha256(b"".join((paths.HERE / name).read_bytes() for name in INIT_SOURCES)).hexdigest(),
        "files": {str(path): text for path, text in files(at).items()},
    }
