"""What tests do to the native node: kill its components, keep them away, and cut pods off from each other."""

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.testcluster import binaries, native, network, nodeplan, running, shell

BACK_SECONDS = 60  # INIT waits one; on a busy machine an API server may need twenty more
_ANSWERS: dict[str, Callable[[], bool]] = {
    "etcd": lambda: native.api().ready(),
    "kube-apiserver": lambda: native.api().ready(),
    "containerd": lambda: native.containerd_answers(binaries.ensure(["ctr"])["ctr"]),
    "kubelet": lambda: network.listens(nodeplan.KUBELET_PORT, network.NODE_ADDRESS),
}
_numbers = itertools.count(1)


def restart(component: str) -> None:
    """kill -9, and until another process of it answers. One that is away, for whatever reason, is brought back."""
    dead = _kill(component)
    running.hold(component).unlink(missing_ok=True)
    _until_back(component, dead)


@contextmanager
def away(component: str) -> Iterator[None]:
    """kill -9, and INIT does not start it again before the end; then until it answers."""
    running.hold(component).touch()
    try:
        dead = _kill(component)
        shell.wait_until(lambda: component not in running.component_pids(), f"{component} ended", timeout_s=10)
        yield
    finally:
        running.hold(component).unlink(missing_ok=True)
    _until_back(component, dead)


@contextmanager
def cut(*pairs: tuple[str, str]) -> Iterator[None]:
    """No packet goes between the addresses of a pair, in neither direction, also not of connections that are open.

    They are not told so: as with a cable that is pulled, and not as with a port that is closed. An address whose
    partner is empty is cut off from everything.
    """
    table = f"cut_{os.getpid()}_{next(_numbers)}"
    _write(cut_rules(table, pairs))
    try:
        yield
    finally:
        _write(f"delete table ip {table}\n")


def cut_rules(table: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """Packets between pods are forwarded; those from and to processes of the node come by input and output."""
    drops = [
        "".join([f"ip saddr {source} " if source else "", f"ip daddr {target} " if target else "", "drop"])
        for one, other in pairs
        for source, target in ((one, other), (other, one))
    ]
    chains = [
        f"chain {hook} {{ type filter hook {hook} priority -10; {'; '.join(drops)}; }}"
        for hook in ("forward", "input", "output")
    ]
    return "\n".join([f"table ip {table} {{", *chains, "}"]) + "\n"


def _write(rules: str) -> None:
    shell.run(running.inside("nft", "-f", "-"), timeout_s=60, stdin=rules)


def _kill(component: str) -> int:
    """Its process id inside; 0 when it was not there."""
    if running.init_pid() is None:
        raise shell.ClusterUnavailable("no native node of this number is up")
    known = native.components()
    if component not in known:
        raise shell.ClusterUnavailable(f"the node has no component {component}; it has {', '.join(known)}")
    pid = running.component_pids().get(component, 0)
    if pid:  # it may end by itself just now
        subprocess.run(running.inside("kill", "-KILL", str(pid)), capture_output=True, timeout=20, check=False)
    return pid


def _until_back(component: str, dead: int) -> None:
    def back() -> bool:
        pid = running.component_pids().get(component, 0)
        return pid not in {0, dead} and _ANSWERS.get(component, lambda: True)()

    shell.wait_until(back, f"{component} is back", timeout_s=BACK_SECONDS)
