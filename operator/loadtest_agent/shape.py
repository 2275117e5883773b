"""The load as a Locust shape: users and spawn rate of the configuration; its end belongs to the master, not to it."""

from __future__ import annotations

from locust import LoadTestShape


class ConfiguredShape(LoadTestShape):  # type: ignore[misc]
    """Always the same answer: Locust's `start` blocks the shape during the ramp, so it cannot end a run in time."""

    def __init__(self, users: int, spawn_rate: float) -> None:
        super().__init__()
        self._answer = (users, spawn_rate)

    def tick(self) -> tuple[int, float]:
        return self._answer
