"""TLS connections that were cut in mid-request say goodbye first; the loop must not end before them."""

import asyncio

TURNS = 1000
TURN_SECONDS = 0.01


def sockets() -> int:
    """How many files the running loop looks at, its own wake-up socket included."""
    return len(asyncio.get_running_loop()._selector.get_map())  # type: ignore[attr-defined]


async def goodbyes(left: int = 1) -> None:
    """Until the loop looks at no more than `left` of them."""
    for _ in range(TURNS):
        if sockets() <= left:
            return
        await asyncio.sleep(TURN_SECONDS)
