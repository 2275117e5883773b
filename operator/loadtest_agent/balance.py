"""Users follow the workers that are there: redistributed when one goes or comes, always by this module alone.

Locust 2.47 does it by itself only once: after a worker that joined while all users were there, its dispatcher says for
ever that it is at work, and no later loss or return changes anything until, a minute after a loss, all users are
stopped and started anew. It also does it inside the loop that reads the workers' messages, so that three workers that
come back together are mistaken for lost. So its dispatcher never lets Locust begin, and a greenlet of ours does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
from locust.dispatch import UsersDispatcher

if TYPE_CHECKING:
    from locust.runners import MasterRunner

_LOOK_SECONDS = 0.2
_RUNNING, _MISSING = "running", "missing"  # locust.runners.STATE_RUNNING, STATE_MISSING
# Locust takes a worker off its list 60 s after it went missing, and starts all users from zero then. By this time
# (its count of missed heartbeats) the worker has ended itself, as it heard nothing for 10 s.
_FORGET_AT = -30


class Dispatcher(UsersDispatcher):  # type: ignore[misc]
    """Spreads users over workers; when to do it again is not for Locust to say."""

    @property
    def dispatch_in_progress(self) -> bool:
        return True

    @property
    def unbalanced(self) -> bool:
        """Whether a worker went or came since users were last handed out."""
        return bool(self._rebalance)


def watch(runner: MasterRunner) -> None:
    """A greenlet's body: looks for ever, and hands the users out again when it must."""
    while True:
        gevent.sleep(_LOOK_SECONDS)
        for name, node in list(runner.clients.items()):
            if node.state == _MISSING and node.heartbeat <= _FORGET_AT:
                del runner.clients[name]
        dispatcher = runner._users_dispatcher
        # During the ramp the dispatcher spreads them with its next step.
        if dispatcher is not None and dispatcher.unbalanced and runner.state == _RUNNING and runner.spawning_completed:
            runner.start(runner.target_user_count, runner.spawn_rate)


def forget(runner: MasterRunner, name: str) -> None:
    """A worker that is certainly gone: another process has its place."""
    node = runner.clients.get(name)
    if node is None:
        return
    del runner.clients[name]
    if node.state != _MISSING and runner._users_dispatcher is not None:
        runner._users_dispatcher.remove_worker(node)
