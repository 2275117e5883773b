"""Running commands, saying what is done and how long it took, and the one error that callers see."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LAST_LINES = 25
# Before a command that must not go on working when we are killed.
WITH_US = ("setpriv", "--pdeathsig", "KILL")


class ClusterUnavailable(RuntimeError):
    """One sentence that says what is missing, if need be followed by the last lines of a log."""


def say(text: str) -> None:
    sys.stderr.write(f"testcluster: {text}\n")
    sys.stderr.flush()


@contextmanager
def step(what: str, expect: str = "") -> Iterator[None]:
    """One line when it is done; one more at the start if it is expected to take long."""
    if expect:
        say(f"{what} ({expect})")
    start = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - start:.1f} s")


def tail(text: str, lines: int = LAST_LINES) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> str:
    """Standard output of a command; its last lines are in the error when it fails."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout_s, env=env, cwd=cwd, input=stdin, check=False
        )
    except FileNotFoundError as error:
        raise ClusterUnavailable(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterUnavailable(f"{' '.join(words[:4])} did not end within {timeout_s:g} s") from error
    if done.returncode:
        said = tail(done.stdout + done.stderr)
        raise ClusterUnavailable(f"{' '.join(words[:4])} failed with exit code {done.returncode}:\n{said}")
    return done.stdout


def succeeds(argv: Sequence[str | Path], timeout_s: float = 20) -> bool:
    try:
        done = subprocess.run([str(word) for word in argv], capture_output=True, timeout=timeout_s, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@contextmanager
def lock(path: Path, waiting_for: str) -> Iterator[None]:
    """An exclusive lock between processes; the kernel frees it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {waiting_for} in another process")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wait_until(
    condition: Callable[[], bool],
    what: str,
    *,
    timeout_s: float,
    every_s: float = 0.05,
    give_up: Callable[[], str | None] = lambda: None,
) -> None:
    """Ask until it is so. `give_up` may say early why it will never be."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        hopeless = give_up()
        if hopeless:
            raise ClusterUnavailable(f"{what}: {hopeless}")
        if time.monotonic() > deadline:
            raise ClusterUnavailable(f"{what}: not so after {timeout_s:g} s")
        time.sleep(every_s)
