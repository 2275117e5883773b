"""The listening socket: from the first connection to the last answer."""

from __future__ import annotations

import asyncio
import time

from .settings import Settings
from .shop import Shop
from .wire import Connection

# Longer than any sensible answer takes, shorter than the 30 s that Kubernetes grants a pod.
GRACE_SECONDS = 10.0


class Server:
    def __init__(self, settings: Settings) -> None:
        self.shop = Shop(settings, time.time)
        self.connections: set[Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen, and say on which port: 0 asks for a free one."""
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(
            lambda: Connection(self.shop.answer, self.connections), host, port, backlog=1024
        )
        chosen: int = self.listener.sockets[0].getsockname()[1]
        return chosen

    async def stop(self) -> None:
        """Take no new connection, answer what is in flight, then go."""
        self.listener.close()
        connections = list(self.connections)
        for connection in connections:
            connection.close_when_idle()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=GRACE_SECONDS)
        for connection in list(self.connections):
            connection.transport.abort()
