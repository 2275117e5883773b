"""kubectl as a user has it, with waiting that looks instead of sleeping blindly."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.reads import Reads

LOOK_SECONDS = 0.1


class WaitedTooLong(AssertionError):
    """What was waited for did not come; the message says what was there instead."""


@dataclass(frozen=True)
class Kubectl:
    program: Path
    kubeconfig: Path
    _reads: Reads = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_reads", Reads(self.kubeconfig))

    def __call__(self, *words: str, stdin: str | None = None, check: bool = True, timeout: float = 60) -> str:
        done = self.run(*words, stdin=stdin, timeout=timeout)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *words: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        argv = [str(self.program), "--kubeconfig", str(self.kubeconfig), *words]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)

    def apply(self, *objects: dict[str, Any]) -> None:
        text = "---\n".join(yaml.safe_dump(item) for item in objects)
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """None when it is not there."""
        if self._reads.knows(kind, namespace):
            return self._reads.get(kind, name, namespace)
        done = self.run("get", kind, name, "-n", namespace, "-o", "json")
        if done.returncode and "NotFound" in done.stderr:
            return None
        if done.returncode:
            raise AssertionError(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def list(self, kinds: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        if self._reads.knows(kinds, namespace):
            return self._reads.list(kinds, namespace, selector)
        words = ["get", kinds, "-n", namespace, "-o", "json", *(("-l", selector) if selector else ())]
        items: list[dict[str, Any]] = json.loads(self(*words))["items"]
        return items

    def watch(self, kind: str, name: str, namespace: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Every version of one object, as the API server streams them; ends after `seconds`."""
        argv = [
            *(str(self.program), "--kubeconfig", str(self.kubeconfig), "get", kind, "-n", namespace),
            *("--field-selector", f"metadata.name={name}", "-o", "json", "--watch", f"--request-timeout={seconds}s"),
        ]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        decoder, buffer = json.JSONDecoder(), ""
        try:
            assert process.stdout is not None
            for line in process.stdout:
                buffer += line
                if line.rstrip() == "}":
                    yield decoder.decode(buffer)
                    buffer = ""
        finally:
            process.kill()
            process.wait()


def eventually(look: Callable[[], Any], what: str, seconds: float = 30.0, every: float = LOOK_SECONDS) -> Any:
    """The first true answer of `look`, which is asked again and again; an AssertionError in it counts as not yet."""
    until = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = look()
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > until:
            raise WaitedTooLong(f"{what}: not within {seconds:g} s; last seen: {last!r}")
        time.sleep(every)
