"""The node's addresses, and the one link between the host and the node's network namespace.

All of it lies in 198.18.0.0/15, the range set aside for benchmarks, which no real network uses.
"""

import socket
import time
from pathlib import Path

from tests.testcluster import paths, shell

EVERYTHING = "198.18.0.0/15"
POD_CIDR = f"198.18.{16 * paths.INSTANCE}.0/24"
FIRST_POD = f"198.18.{16 * paths.INSTANCE}.10"
SERVICE_CIDR = f"198.19.{4 * paths.INSTANCE}.0/22"
FIRST_SERVICE = f"198.19.{4 * paths.INSTANCE}.1"
HOST_ADDRESS = f"198.18.254.{4 * paths.INSTANCE + 1}"
NODE_ADDRESS = f"198.18.254.{4 * paths.INSTANCE + 2}"
LINK = f"ltc{paths.INSTANCE}"
# INIT goes away by itself when its launcher died before it made the link.
LINK_TIMEOUT_S = 10.0


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def ip(*words: str) -> None:
    shell.run(["ip", *words], timeout_s=10)


def link_exists() -> bool:
    return Path(f"/sys/class/net/{LINK}").exists()


def attach(init_pid: int) -> None:
    """From the host: a cable into the namespace of INIT, and routes to pods and Services through it."""
    ip("link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", str(init_pid))
    ip("address", "add", f"{HOST_ADDRESS}/30", "dev", LINK)
    ip("link", "set", LINK, "up")
    # Nothing meant for the cluster may leave through the machine's real gateway.
    ip("route", "replace", "blackhole", EVERYTHING)
    for cidr in (POD_CIDR, SERVICE_CIDR):
        ip("route", "replace", cidr, "via", NODE_ADDRESS, "dev", LINK)


def detach() -> None:
    """Explicitly: the kernel's own clean-up of a network namespace takes up to 10 s."""
    if link_exists():
        ip("link", "delete", LINK)
    if not others_up() and "blackhole" in shell.run(["ip", "route", "show", "exact", EVERYTHING], timeout_s=10):
        ip("route", "delete", "blackhole", EVERYTHING)


def others_up() -> bool:
    """Whether another native cluster of this machine has its link: what they share must stay then."""
    return any(link.name != LINK for link in Path("/sys/class/net").glob("ltc[0-9]"))


def configure_inside() -> None:
    """Inside INIT's namespace, once the host has made the link."""
    deadline = time.monotonic() + LINK_TIMEOUT_S
    while not Path("/proc/sys/net/ipv4/conf/eth0").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the host made no link: its launcher is gone")
        time.sleep(0.01)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{NODE_ADDRESS}/30", "dev", "eth0")
    ip("link", "set", "eth0", "up")
    ip("route", "add", "blackhole", EVERYTHING)
    # connect() asks for a route before kube-proxy's rules see the packet; without this one the answer is EINVAL.
    ip("route", "add", SERVICE_CIDR, "dev", "lo", "src", NODE_ADDRESS)
