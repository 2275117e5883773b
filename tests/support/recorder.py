"""Every version of the objects of one kind in a namespace, as the API server streams them, read in a thread."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from tests.support.kubectl import Kubectl, WaitedTooLong
from tests.testcluster.shell import WITH_US

PATHS = {
    "loadtests": "/apis/loadtest.dev/v1alpha1/namespaces/{}/loadtests",
    "jobs": "/apis/batch/v1/namespaces/{}/jobs",
    "pods": "/api/v1/namespaces/{}/pods",
}
LONGEST_SECONDS = 600
AGAIN_SECONDS = 0.2


@dataclass(frozen=True)
class Version:
    """One version of one object; `at` is when we read it, on this process's monotonic clock."""

    at: float
    type: str  # ADDED, MODIFIED, DELETED
    object: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.object.get("status") or {}
        return found

    @property
    def phase(self) -> str:
        return str(self.status.get("phase") or "")


class Recorder:
    """`with Recorder(kubectl, "loadtests", namespace) as seen:`"""

    def __init__(self, kubectl: Kubectl, kind: str, namespace: str) -> None:
        self.versions: list[Version] = []
        self._news = threading.Condition()
        path = f"{PATHS[kind].format(namespace)}?watch=1&timeoutSeconds={LONGEST_SECONDS}"
        self._argv = [*WITH_US, str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig), "get", "--raw", path]
        self._closed = threading.Event()
        self._process = self._watch()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        while self._thread.is_alive():  # it may just have begun another watch
            self._process.kill()
            self._thread.join(0.2)

    def until(self, accept: Callable[[Version], bool], what: str, seconds: float = 60) -> Version:
        """The first version, seen already or still to come, that is accepted."""
        end, read = time.monotonic() + seconds, 0
        with self._news:
            while True:
                for version in self.versions[read:]:
                    if accept(version):
                        return version
                read = len(self.versions)
                if not self._news.wait(end - time.monotonic()):
                    last = self.versions[-1] if self.versions else None
                    raise WaitedTooLong(f"{what}: not within {seconds:g} s; last: {_short(last)}")

    def until_phase(self, *phases: str, seconds: float = 60) -> Version:
        return self.until(lambda version: version.phase in phases, f"phase {' or '.join(phases)}", seconds)

    def phases(self) -> list[str]:
        """Each phase once for each time it was entered."""
        found: list[str] = []
        for version in self.versions:
            if version.phase and [version.phase] != found[-1:]:
                found.append(version.phase)
        return found

    def uids(self) -> dict[str, set[str]]:
        """All that ever bore a name: a second one was made again."""
        found: dict[str, set[str]] = {}
        for version in self.versions:
            found.setdefault(version.name, set()).add(version.object["metadata"]["uid"])
        return found

    def _watch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _read(self) -> None:
        """Again and again, because an API server may be killed; a new watch begins with what is there by then."""
        while True:
            with self._process:
                for version in self._lines():
                    with self._news:
                        self.versions.append(version)
                        self._news.notify_all()
            if self._closed.wait(AGAIN_SECONDS):
                return
            self._process = self._watch()

    def _lines(self) -> Iterator[Version]:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # the last line of a watch that was ended is cut
            for line in self._process.stdout:
                event = json.loads(line)
                if event["type"] in {"ADDED", "MODIFIED", "DELETED"}:
                    yield Version(time.monotonic(), event["type"], event["object"])


def _short(version: Version | None) -> str:
    return "nothing" if version is None else f"{version.type} {version.name} {json.dumps(version.status)[:1500]}"
