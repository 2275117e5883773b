"""The API server goes away and comes back: killed and started again on the same port with the same etcd."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.kubectl import Kubectl, eventually
from tests.testcluster.apiserver import ApiServer

PROGRAM = "kube-apiserver"


@contextlib.contextmanager
def outage(api: ApiServer) -> Iterator[None]:
    """Away inside the block, answering again behind it."""
    pid, command = _running(api)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{pid}/cmdline").read_text(), f"{PROGRAM} gone")
    with (api.folder / f"{PROGRAM}-again.log").open("ab") as log:
        try:
            yield
        finally:
            again = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=api.folder,
                start_new_session=True,
            )
            _AGAIN.append(again)
    kubectl = Kubectl(api.kubectl, api.kubeconfig)
    eventually(lambda: kubectl("get", "--raw", "/readyz") == "ok", f"{PROGRAM} ready again", 60)


def end() -> None:
    """What was started again."""
    while _AGAIN:
        process = _AGAIN.pop()
        process.kill()
        process.wait()


_AGAIN: list[subprocess.Popen[bytes]] = []


def _running(api: ApiServer) -> tuple[int, list[str]]:
    """The server that listens where this ApiServer does."""
    port = api.server.rsplit(":", 1)[1]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_text().split("\0")[:-1]
            if command and Path(command[0]).name == PROGRAM and f"--secure-port={port}" in command:
                return int(process.name), command
    raise RuntimeError(f"no {PROGRAM} on port {port}")
