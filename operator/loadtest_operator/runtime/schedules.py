"""One look at one LoadTestSchedule: what watching brought, a decision, and the calls that it asks for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from loadtest_operator.decide import schedule, scheduled
from loadtest_operator.decide.schedule import Refusal, Seen
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.execute import Executor
from loadtest_operator.runtime.objects import Key, Objects
from loadtest_operator.runtime.refusals import Refused


async def look(
    key: Key, objects: Objects, executor: Executor, clock: Clock, enqueue: Callable[[Key], None]
) -> timedelta | None:
    """Answers when to look again, if not only when something happens."""
    raw = objects.test(key)
    if raw is None:
        return None
    uid = raw["metadata"]["uid"]
    tests = tuple(test for test in objects.made_by(key) if (scheduled.owner(test["metadata"]) or {}).get("uid") == uid)
    seen, now = Seen(raw, tests), clock()
    plan = schedule.decide(seen, now)
    if plan.create is not None:
        try:
            if made := await executor.make(plan.create, uid):
                enqueue(made)
        except Refused as refused:
            plan = schedule.decide(replace(seen, refusal=Refusal(refused.reason, refused.message)), now)
    # The status before the deletions: what it says of a LoadTest is read from that LoadTest.
    if plan.status is not None:
        await executor.write_status(raw, plan.status)
    for note in plan.notes:
        await executor.tell(raw, note)
    for test in plan.delete:
        await executor.take_down({**test, "kind": "LoadTest"})
    return plan.requeue_after
