"""The queue's row: everybody's turn among a thousand that wait, and one more who asks."""

import statistics
import time
from datetime import UTC, datetime, timedelta

from loadtest_operator.decide import queue
from loadtest_operator.decide.queue import Hold, Limits, Line, Name, Need, Rules, Ticket

WAITING = 1000
ROUNDS = 21
HOSTS = 10
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure() -> dict[str, float]:
    """Those who wait share ten hosts and one database, under limits of both kinds."""
    rules = Rules(Limits(runs=50, users=5000), Limits(workers=100))
    crowd = [_ticket(number) for number in range(WAITING)]
    times = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        line = Line(NOW, rules)
        for number in range(HOSTS):
            line.take(Hold(Name("perf", f"holder-{number}"), Need(frozenset({f"host-{number}"}), 10, 1), NOW))
        turns = queue.decide(crowd, line)
        times.append(time.thread_time() - begun)
        assert len(turns) == WAITING
    return {"queue_1000_ms": 1000 * statistics.median(times)}


def _ticket(number: int) -> Ticket:
    locks = {f"host-{number % HOSTS}", *(("staging-db",) if number % 3 else ())}
    since = NOW - timedelta(seconds=(number * 7919) % WAITING)
    return Ticket(Name("perf", f"t{number}"), Need(frozenset(locks), 50, 2), since, priority=number % 5)
