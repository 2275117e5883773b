"""Keeps what the session's LoadTests and schedules were like at each change, for a look with other eyes afterwards."""

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support import owned
from tests.support.kubectl import Kubectl
from tests.testcluster import paths
from tests.testcluster.shell import WITH_US

FOLDER = paths.REPOSITORY / "build/e2e/objects"
OURS = FOLDER / paths.named("cluster")  # tests on several clusters save beside each other
KINDS = ("loadtests", "loadtestschedules")
AGAIN_SECONDS = 300  # before the API server ends a watch by itself


@contextlib.contextmanager
def saving(kubectl: Kubectl) -> Iterator[Path]:
    """Of the namespaces of this session, until it ends."""
    shutil.rmtree(OURS, ignore_errors=True)
    OURS.mkdir(parents=True)
    savers = [_Saver(kubectl, kind) for kind in KINDS]
    try:
        yield OURS
    finally:
        for saver in savers:
            saver.end()


def saved() -> list[Path]:
    return sorted(FOLDER.rglob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(), yaml.CSafeLoader)
    return found


class _Saver:
    def __init__(self, kubectl: Kubectl, kind: str) -> None:
        path = f"/apis/loadtest.dev/v1alpha1/{kind}?watch=1&timeoutSeconds={AGAIN_SECONDS}"
        self._argv = [*WITH_US, str(kubectl.program), "--kubeconfig", str(kubectl.kubeconfig), "get", "--raw", path]
        self._ended = threading.Event()
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._process is not None:
            self._process.kill()
        self._thread.join(5)

    def _read(self) -> None:
        while not self._ended.is_set():
            with subprocess.Popen(self._argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as self._process:
                assert self._process.stdout is not None
                for line in self._process.stdout:
                    with contextlib.suppress(ValueError):  # the last line of a watch that was ended is cut
                        self._look(json.loads(line))
            self._ended.wait(1)

    def _look(self, event: dict[str, Any]) -> None:
        seen, metadata = event["object"], event["object"].get("metadata", {})
        ours = str(metadata.get("namespace", "")).startswith(owned.ours())
        if event["type"] == "ERROR" or not ours or self._seen.get(metadata["uid"]) == _state(seen):
            return
        self._seen[metadata["uid"]] = _state(seen)
        self._count += 1
        metadata.pop("managedFields", None)  # half of the file, and nobody reads it
        name = f"{metadata['namespace']}.{metadata['name']}.{self._count:04d}.{_word(seen)}.yaml"
        part = OURS / f"{name}.part"  # others read while we write
        part.write_text(yaml.dump(seen, Dumper=yaml.CSafeDumper, sort_keys=False))
        part.rename(OURS / name)


def _state(seen: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a version another one, beside its numbers."""
    status = seen.get("status") or {}
    facts = [(item["type"], item["status"], item["reason"]) for item in status.get("conditions", [])]
    generations = (seen["metadata"]["generation"], status.get("observedGeneration"))
    return (*generations, status.get("phase"), status.get("verdict"), "deletionTimestamp" in seen["metadata"], facts)


def _word(seen: dict[str, Any]) -> str:
    status = seen.get("status") or {}
    return str(status.get("phase") or ("Schedule" if seen["kind"] == "LoadTestSchedule" else "New"))
