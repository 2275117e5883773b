"""Other processes that use the same store, and runs to use it with."""

import os
import random
from contextlib import closing
from dataclasses import replace

from loadtest_operator.store import SqliteStore

from tests.unit.store.runs import judged, measured, stored


def nth(number):
    return replace(stored(number=number), judgement=judged(message=f"commit {number}"))


def commit_for_ever(path):
    with closing(SqliteStore(path)) as own:
        for number in range(2, 10_000):
            own.commit_run(nth(number))


def commit_some(path, n):
    with closing(SqliteStore(path)) as own:
        for number in range(5):
            own.commit_run(stored(f"run-{n}-{number}", number=number))


def big(run):
    """Takes some pages, because random names do not compress."""
    record = measured(run)
    endpoints = tuple(replace(record.endpoints[0], name=random.Random(n).randbytes(100).hex()) for n in range(200))
    return replace(stored(run), record=replace(record, endpoints=endpoints))


def fork(work):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def as_nobody(work):
    """The exception that `work` raises without root's rights, as text; root itself may write everywhere."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(pid, 0)
    return text
