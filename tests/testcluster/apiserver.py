"""Only etcd and kube-apiserver (and controllers if wanted), on loopback: for tests that need no node and no root.

It runs beside any other cluster: own ports, own folder. Nothing runs pods here; tests write the pods' statuses.
"""

import contextlib
import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.testcluster import binaries, components, kubeapi, network, paths, pki, shell

# Below the ephemeral range, so that no outgoing connection of somebody else takes a port between choice and use.
PORTS = range(20000, 32000)
# Owner references, namespaces and Jobs behave as in a real cluster; nobody schedules or runs the pods.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "job-controller",
    "ttl-after-finished-controller",
    "cronjob-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "endpointslice-controller",
)


class ApiServer:
    """`with ApiServer() as api: ... api.kubeconfig ...`. Ends with the process (and thread) that started it."""

    def __init__(
        self,
        controllers: Sequence[str] = CONTROLLERS,
        extra_flags: Sequence[str] = (),
        before_controllers: Callable[[Self], object] | None = None,
        env: Mapping[str, str] = components.LEAN,
    ) -> None:
        self.controllers = tuple(controllers)
        self.extra_flags = tuple(extra_flags)
        self._before_controllers = before_controllers
        self._env = env
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        names = [name for name in binaries.API_PROGRAMS if name != "kube-controller-manager" or self.controllers]
        self._programs = binaries.ensure(names)
        self.kubectl = self._programs["kubectl"]
        self.folder = self._stack.enter_context(own_folder())
        try:
            with shell.step("etcd and kube-apiserver"):
                self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stack.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """kube-apiserver is killed for the block; behind it, it answers again: same port, same etcd."""
        _end(self._server)  # and is waited for: until its last thread is gone, the port may be taken
        yield
        self._server = self._serve()

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _start(self) -> None:
        keys = paths.api_pki()
        with shell.lock(paths.lock("api-pki"), "the making of keys"):
            pki.ensure(keys, ["127.0.0.1"])
        api_port, etcd_port, peer_port = free_ports(3)
        at = components.Endpoint("127.0.0.1", api_port, etcd_port, peer_port, "198.19.0.0/22")
        self.server = f"https://127.0.0.1:{api_port}"
        self.token = pki.token(keys)
        self.ca = keys / "ca.crt"
        self.kubeconfig.write_text(pki.kubeconfig(self.server, self.ca, self.token))
        etcd = self._spawn("etcd", components.etcd(self._programs["etcd"], at, self.folder / "etcd"))
        shell.wait_until(
            lambda: network.listens(etcd_port), "etcd", timeout_s=30, give_up=lambda: self._died("etcd", etcd)
        )
        command = components.apiserver(self._programs["kube-apiserver"], at, keys)
        # Without a kubelet nobody mounts a token, so pods need not wait for their ServiceAccount.
        command += ["--bind-address=127.0.0.1", "--disable-admission-plugins=ServiceAccount", *self.extra_flags]
        self._serve = lambda: self._served(command, kubeapi.Api("127.0.0.1", api_port, self.ca, self.token))
        self._server = self._serve()
        if self._before_controllers:
            self._before_controllers(self)
        if self.controllers:
            self._start_controllers(keys)

    def _served(self, command: list[str], api: kubeapi.Api) -> subprocess.Popen[bytes]:
        """kube-apiserver, when it answers."""
        server = self._spawn("kube-apiserver", command)
        died = lambda: self._died("kube-apiserver", server)  # noqa: E731
        shell.wait_until(api.ready, "kube-apiserver", timeout_s=60, give_up=died)
        shell.wait_until(
            lambda: api.exists("/api/v1/namespaces/default"), "namespace default", timeout_s=30, give_up=died
        )
        return server

    def _start_controllers(self, keys: Path) -> None:
        command = components.controller_manager(self._programs["kube-controller-manager"], self.kubeconfig, keys)
        self._spawn(
            "kube-controller-manager", [*command, "--secure-port=0", f"--controllers={','.join(self.controllers)}"]
        )

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [*shell.WITH_US, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={**os.environ, **self._env},
            start_new_session=True,
        )
        self._stack.callback(_end, process)
        return process

    def _died(self, name: str, process: subprocess.Popen[bytes]) -> str | None:
        if process.poll() is None:
            return None
        return f"{name} ended with exit code {process.returncode}:\n{shell.tail(self.log(name))}"


@contextmanager
def own_folder(among: Path | None = None) -> Iterator[Path]:
    """A new folder; those whose owner was killed are removed on the occasion."""
    parent = among or Path(tempfile.gettempdir())
    with ExitStack() as held:
        with shell.lock(paths.lock("api-folders"), "the choice of a folder"):
            for folder in parent.glob("loadtest-api-*"):
                _remove_if_orphaned(folder)
            mine = Path(tempfile.mkdtemp(prefix="loadtest-api-", dir=parent))
            claim = held.enter_context((mine / "owner").open("w"))
            fcntl.flock(claim, fcntl.LOCK_EX)  # the kernel lets go of it when we die
        try:
            yield mine
        finally:
            shutil.rmtree(mine, ignore_errors=True)


def _remove_if_orphaned(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "owner").open("w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(PORTS, len(PORTS)):
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise shell.ClusterUnavailable("no free port on the loopback")
