"""What the containers of load pods have in common: a life in virtual time, a last word, and an end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.world import World

Ended = Callable[[int, dict[str, Any] | None], None]


class Container:
    """`ended` is told of the exit code and the last word, once, unless it was killed."""

    def __init__(self, world: "World", config: dict[str, Any], uid: str, ended: Ended) -> None:
        self.world = world
        self.config = config
        self.uid = uid  # of the LoadTest
        self.ended = ended
        self.up = True
        run = config["run"]
        self.fence = f"{run['id']}/{run['attempt']}"

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        self.world.later(seconds, lambda: work() if self.up else None)

    def exit(self, code: int, word: dict[str, Any] | None = None) -> None:
        if self.up:
            self.kill()
            self.ended(code, word)

    def kill(self) -> None:
        """Without a word."""
        self.up = False

    def terminate(self) -> None:
        """SIGTERM."""
        self.exit(0)
