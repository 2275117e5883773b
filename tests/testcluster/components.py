"""Command lines and configuration of Kubernetes' components. Pure: paths and numbers in, lists and dicts out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc"
# With the default of 20 requests a second the first ServiceAccount takes 10 s instead of 4.
FAST = ("--kube-api-qps=300", "--kube-api-burst=600")


# Go collects garbage less often: less CPU, for which an API server takes twice its memory.
LEAN = {"GOGC": "400"}


@dataclass(frozen=True)
class Endpoint:
    """Where etcd and the API server of one cluster listen."""

    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    service_cidr: str

    @property
    def etcd(self) -> str:
        return f"http://127.0.0.1:{self.etcd_port}"


def etcd(program: Path, at: Endpoint, data: Path) -> list[str]:
    peer = f"http://127.0.0.1:{at.etcd_peer_port}"
    return [
        str(program),
        f"--data-dir={data}",
        "--unsafe-no-fsync",  # nothing here has to survive a power cut
        f"--listen-client-urls={at.etcd}",
        f"--advertise-client-urls={at.etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        "--name=n",
        f"--initial-cluster=n={peer}",
        "--log-level=error",
    ]


def apiserver(program: Path, at: Endpoint, pki: Path) -> list[str]:
    return [
        str(program),
        f"--etcd-servers={at.etcd}",
        f"--secure-port={at.api_port}",
        f"--advertise-address={at.address}",
        f"--service-cluster-ip-range={at.service_cidr}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={pki}/tokens.csv",
        f"--service-account-key-file={pki}/service-accounts.key",
        f"--service-account-signing-key-file={pki}/service-accounts.key",
        f"--service-account-issuer={SERVICE_ACCOUNT_ISSUER}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
    ]


def apiserver_of_a_node(pki: Path) -> list[str]:
    """What only a cluster with a kubelet needs: logs and exec, and the aggregation of further APIs."""
    return [
        "--bind-address=0.0.0.0",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
    ]


def controller_manager(program: Path, kubeconfig: Path, pki: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={pki}/service-accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--horizontal-pod-autoscaler-sync-period=5s",
        *FAST,
    ]


def scheduler(program: Path, kubeconfig: Path) -> list[str]:
    return [str(program), f"--kubeconfig={kubeconfig}", "--leader-elect=false", *FAST]


def kubelet(program: Path, config: Path, kubeconfig: Path, state: Path, node: str, address: str) -> list[str]:
    return [
        str(program),
        f"--config={config}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node}",
        f"--node-ip={address}",
        "--root-dir=/var/lib/kubelet",
        f"--cert-dir={state}/kubelet/pki",
    ]


def kube_proxy(program: Path, kubeconfig: Path, node: str, pod_cidr: str) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={pod_cidr}",
        "--conntrack-max-per-core=0",  # leave the machine's own limit alone
    ]


def kubelet_config(pki: Path, state: Path, socket: Path, dns: str, cgroup: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/kubelet.crt",
        "tlsPrivateKeyFile": f"{pki}/kubelet.key",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [dns],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{socket}",
        "resolvConf": "",
        "enforceNodeAllocatable": [],
        # A developer's disk may be fuller than a kubelet likes, and images must not be collected: none can be pulled.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "oomScoreAdj": 0,  # lowering it takes a capability that not every machine grants
        "nodeStatusUpdateFrequency": "3s",
        "volumePluginDir": f"{state}/volplugins",
    }


def containerd_config(state: Path, socket: Path, cni_plugins: Path, pause_image: str) -> str:
    return f"""version = 3
root = "{state}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{pause_image}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{cni_plugins}"]
    conf_dir = "{state}/cni"
"""


def cni_config(pod_cidr: str, first_pod: str) -> dict[str, Any]:
    """`ptp`, not `bridge`: every packet between pods is routed, so Services and filters see all of them."""
    ranges = {"subnet": pod_cidr, "rangeStart": first_pod}
    ipam = {"type": "host-local", **ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": ipam},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def corefile(address: str, kubeconfig: Path, context: str) -> str:
    return f""".:53 {{
  bind {address}
  errors
  kubernetes cluster.local {{
    kubeconfig {kubeconfig} {context}
    pods insecure
    ttl 5
  }}
  cache 2
}}
"""
