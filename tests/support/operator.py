"""The operator as a process of this machine, beside the cluster: started, stopped, killed, and its log kept."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.support import loops
from tests.support.kubectl import LOOK_SECONDS, eventually
from tests.support.ports import free_port
from tests.testcluster.shell import WITH_US

# Kopf imports `kubernetes` where it is installed, which costs 20 MiB; it is not in the operator's image.
AS_IN_THE_IMAGE = {
    "PYTHONPATH": os.pathsep.join(
        [str(Path(__file__).parent / "without_kubernetes"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
}


class OperatorProcess:
    """`with OperatorProcess(kubeconfig, folder, image=...) as operator:`; a second `start` continues on its store."""

    def __init__(self, kubeconfig: Path, folder: Path, *, env: dict[str, str] | None = None, **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / "operator.log"
        self._argv = [*WITH_US, sys.executable, "-m", "loadtest_operator.runtime.main", "--kubeconfig", str(kubeconfig)]
        values = {
            "namespace": "default",
            "store": folder / "store.db",
            "listen_host": "127.0.0.1",
            "listen_port": self.port,
            "lease_seconds": 2,  # what is waited for after a kill
            **settings,
        }
        told = {f"LOADTEST_{name.upper()}": str(value) for name, value in values.items()}
        self._env = {**os.environ, **(env or {}), **told}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start().ready()

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._argv, env=self._env, stdout=log, stderr=log)
        return self

    def ready(self, seconds: float = 60, every: float = LOOK_SECONDS) -> Self:
        eventually(self._ready, f"operator ready (log: {self.log})", seconds, every)
        return self

    def end(self) -> None:
        """Its story is over: what it has to tell of itself is kept."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError):  # one that stands still, or does not serve yet
                loops.keep(self.metrics(seconds=1))
        self.kill()

    def kill(self) -> None:
        """As the kernel does it when memory is short."""
        self._end(signal.SIGKILL)

    def stop(self) -> float:
        """As the kubelet does it; answers how long it took."""
        begun = time.monotonic()
        self._end(signal.SIGTERM)
        return time.monotonic() - begun

    def restart(self) -> None:
        self.kill()
        self.start()

    def metrics(self, seconds: float = 5) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=seconds) as answer:
            text: str = answer.read().decode()
            return text

    def answers(self, path: str) -> bool:
        """Whether its HTTP side says 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()  # it is an answer, too, and would keep its socket
            return False
        except OSError:
            return False

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"operator ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")
        return self.answers("/readyz")

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(15)
