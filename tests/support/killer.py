"""kill -9 for processes of pods, as the kernel does it when memory is short: by a pod that sees those of its node."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support import owned
from tests.support.kubectl import Kubectl
from tests.testcluster.shell import WITH_US

POD = "killer"
# Reads a container's id per line. Only that container's processes have it in the name of their cgroup.
SCRIPT = """
import glob, os, sys
for line in sys.stdin:
    killed = 0
    for path in glob.glob("/proc/[0-9]*/cgroup"):
        try:
            with open(path) as cgroup:
                ours = line.strip() in cgroup.read()
            if ours:
                os.kill(int(path.split("/")[2]), 9)
                killed += 1
        except (FileNotFoundError, ProcessLookupError):
            pass
    print(killed, flush=True)
"""


class Killer:
    def __init__(self, open_session: Callable[[], subprocess.Popen[str]]) -> None:
        self._open = open_session
        self._session = open_session()  # at once: it takes longer than a phase may last
        self._turn = threading.Lock()

    def kill(self, container: str) -> None:
        """`container` as a pod's status names it: containerd://0123..."""
        identity = container.rpartition("://")[2]
        assert len(identity) >= 32, f"not a container's id: {container!r}"
        with self._turn:
            if self._session.poll() is not None:  # its way, API server or kubelet, was killed
                self.close()
                self._session = self._open()
            assert self._session.stdin is not None
            assert self._session.stdout is not None
            self._session.stdin.write(f"{identity}\n")
            self._session.stdin.flush()
            answer = self._session.stdout.readline().strip()
        assert answer.isdigit(), "the killer's pod does not answer"
        assert int(answer) > 0, f"container {identity} has no process"

    def close(self) -> None:
        self._session.kill()
        self._session.communicate()


@contextmanager
def killer(kubectl: Kubectl, image: str) -> Iterator[Killer]:
    namespace = owned.make_namespace(kubectl, "killer", security={})  # `restricted` rightly refuses what this needs
    container = {
        "name": POD,
        "image": image,
        "command": ["python3", "-c", "import time; time.sleep(86400)"],
        "securityContext": {"runAsUser": 0},
    }
    spec = {"hostPID": True, "containers": [container], "terminationGracePeriodSeconds": 0}
    metadata = {"name": POD, "namespace": namespace}
    try:
        kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        kubectl("wait", "--for=condition=Ready", f"pod/{POD}", "-n", namespace, "--timeout=50s")
        argv = [*WITH_US, str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig)]
        words = ["exec", "-i", "-n", namespace, POD, "--", "python3", "-u", "-c", SCRIPT]
        pipe = subprocess.PIPE
        made = Killer(lambda: subprocess.Popen([*argv, *words], stdin=pipe, stdout=pipe, text=True))
        try:
            yield made
        finally:
            made.close()
    finally:
        owned.remove_namespace(kubectl, namespace)
