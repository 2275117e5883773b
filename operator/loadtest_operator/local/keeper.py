"""Runs one command and outlives neither it nor whoever asked: a script of its own, started beside every child process.

    python3 keeper.py <pipe> <command> [argument ...]

The other end of the pipe is held by the `loadtest` command alone, so the pipe ends however that process ends, kill -9
included. Then everything the command started is ended too: it has a process group of its own.
SIGTERM is passed on; SIGUSR1 means that nobody has patience left.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

# Long enough for an agent to stop its users and for a target to answer what is in flight.
GRACE_SECONDS = 5.0
PASSED_ON: dict[int, int] = {signal.SIGTERM: signal.SIGTERM, signal.SIGUSR1: signal.SIGKILL}


def main() -> int:
    pipe, command = int(sys.argv[1]), sys.argv[2:]
    asked: list[int] = []
    for signum in PASSED_ON:
        signal.signal(signum, lambda signum, _: asked.append(signum))
    try:
        child = subprocess.Popen(command, process_group=0)  # noqa: S603  running what it is given is its purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    for signum, instead in PASSED_ON.items():
        signal.signal(signum, lambda *_, instead=instead: _signal(child, instead))
    for early in asked:
        _signal(child, PASSED_ON[early])
    threading.Thread(target=_end_with_the_pipe, args=(pipe, child), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)  # what the command started and left behind
    return code if code >= 0 else 128 - code


def _end_with_the_pipe(pipe: int, child: "subprocess.Popen[bytes]") -> None:
    while os.read(pipe, 1):
        pass
    _signal(child, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)


def _signal(child: "subprocess.Popen[bytes]", signum: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signum)


if __name__ == "__main__":
    sys.exit(main())
