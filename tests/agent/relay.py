"""A network between processes on loopback that can be cut: nothing is refused, nothing arrives, until it is mended."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 65536


class Relay:
    """`with Relay(port) as relay:` listens on `relay.port` and hands on to the port of somebody else."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._whole = threading.Event()
        self._whole.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._sockets = [self._listening]
        self._threads: list[threading.Thread] = []

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.mend()
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        for one in self._sockets:
            one.close()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                theirs, _ = self._listening.accept()
                self._sockets.append(theirs)
                self._begin(lambda theirs=theirs: self._connect(theirs))

    def _connect(self, theirs: socket.socket) -> None:
        self._whole.wait()
        with contextlib.suppress(OSError):
            ours = socket.create_connection(("127.0.0.1", self._to))
            self._sockets.append(ours)
            self._begin(lambda: self._hand_on(ours, theirs))
            self._hand_on(theirs, ours)

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := one.recv(CHUNK):
                self._whole.wait()
                other.sendall(chunk)
            other.shutdown(socket.SHUT_WR)
