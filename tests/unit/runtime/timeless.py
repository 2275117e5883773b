"""An event loop whose clock jumps over every wait: minutes of the operator's life in milliseconds, in order."""

import asyncio
import functools
import selectors

# Loopback is instant; whatever has not arrived after this is not on its way.
GRACE_SECONDS = 0.002


class _Selector(selectors.DefaultSelector):
    skipped = 0.0

    def select(self, timeout=None):
        if timeout is None:
            return super().select(None)
        events = super().select(min(timeout, GRACE_SECONDS))
        if not events and timeout > 0:
            self.skipped += timeout
        return events


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self):
        return self._clock.skipped


def timeless(test):
    """Runs an async test in such a loop."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(test(*args, **kwargs))

    return run
