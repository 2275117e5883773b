"""A disk of one mebibyte, to be filled, made read-only and mended: a tmpfs, unmounted at the end."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

FILLER = "filler"


@dataclass(frozen=True)
class Disk:
    folder: Path

    def fill(self) -> None:
        """Until not even a byte more fits."""
        file = os.open(self.folder / FILLER, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            for size in (4096, 1):
                with contextlib.suppress(OSError):
                    while os.write(file, b"x" * size):
                        pass
            with pytest.raises(OSError) as full:
                os.write(file, b"x")
            assert full.value.errno == errno.ENOSPC
        finally:
            os.close(file)

    def free(self) -> None:
        (self.folder / FILLER).unlink()

    def read_only(self, yes: bool) -> None:
        _mount("-o", f"remount,{'ro' if yes else 'rw'}", str(self.folder))


@contextlib.contextmanager
def small(folder: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.fail("a disk that fills up is a mount of its own, which needs root")
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=1m", "loadtest-disk", str(folder))
    try:
        yield Disk(folder)
    finally:
        # Lazily: an operator that a failed test left behind may have files open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)
