"""The node's first process, pid 1 of its own namespaces: sets them up, starts the components, restarts what dies.

When it is killed, the kernel ends everything in here with it: processes, mounts, links. It imports nothing but the
standard library, and it must never exit by itself once the components run.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.testcluster import kubeapi, network

TICK_S = 0.03
RESTART_AFTER_S = 1.0
TMPFS = ("/run", "/var/log/containers")
RUN_FOLDERS = ("/run/lock", "/run/netns", "/run/containerd")


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, timeout=10)


def set_up_mounts(binds: dict[str, str]) -> None:
    """Every path that kubelet, containerd, runc and the CNI plugins have built in stays off the host."""
    mount("--make-rshared", "/")  # kubelet wants it; it ends at this mount namespace, which was made private
    for target, source in binds.items():
        mount("--bind", source, target)
    for target in TMPFS:
        mount("-t", "tmpfs", "tmpfs", target)
    for folder in RUN_FOLDERS:
        Path(folder).mkdir()


@dataclass
class Component:
    name: str
    argv: list[str]
    after: list[str]
    log: Path
    hold: Path
    pid: int = 0
    not_before: float = field(default=0.0)

    def start(self, env: dict[str, str]) -> None:
        argv = [sys.executable if word == "python" else word for word in self.argv[:1]] + self.argv[1:]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd="/", start_new_session=True
            )
        self.pid = process.pid
        process.returncode = 0  # reaped below with all other orphans, not by this object


class Gates:
    """What a component waits for. What was open once stays open: a restart must not wait for others."""

    def __init__(self, api: kubeapi.Api) -> None:
        self.api = api
        self.open: set[str] = set()

    def passes(self, gate: str) -> bool:
        if gate not in self.open and self._ask(gate):
            self.open.add(gate)
        return gate in self.open

    def _ask(self, gate: str) -> bool:
        kind, _, where = gate.partition(":")
        if kind == "ready":
            return self.api.ready()
        family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
        address = where if kind == "unix" else ("127.0.0.1", int(where))
        with socket.socket(family) as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(address) == 0


def reap(components: list[Component]) -> None:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        for component in components:
            if component.pid == pid:
                component.pid, component.not_before = 0, time.monotonic() + RESTART_AFTER_S


def supervise(components: list[Component], gates: Gates, env: dict[str, str], pids: Path) -> None:
    known: dict[str, int] = {}
    while True:
        reap(components)
        for component in components:
            due = not component.pid and time.monotonic() >= component.not_before and not component.hold.exists()
            if due and all(gates.passes(gate) for gate in component.after):
                component.start(env)
        running = {component.name: component.pid for component in components if component.pid}
        if running != known:
            known = running
            pids.write_text(json.dumps(known))
        time.sleep(TICK_S)


def main(state: Path) -> None:
    os.umask(0o022)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)  # ignored in a shell's background jobs, and containers would inherit that
    spec: dict[str, Any] = json.loads((state / "run/node.json").read_text())
    set_up_mounts(spec["binds"])
    (state / "run/mounted").touch()
    network.configure_inside()
    (state / "run/hold").mkdir(exist_ok=True)
    components = [
        Component(
            one["name"], one["argv"], one["after"], state / f"logs/{one['name']}.log", state / "run/hold" / one["name"]
        )
        for one in spec["components"]
    ]
    api = kubeapi.Api("127.0.0.1", spec["api_port"], Path(spec["ca"]), spec["token"])
    env = {**os.environ, **spec["env"]}
    supervise(components, Gates(api), env, state / "run/components.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
