"""The work queue: each key once, one worker per key, in time and not before."""

import asyncio

import pytest
from loadtest_operator.runtime.workqueue import WorkQueue

from tests.unit.runtime.timeless import timeless


class Work:
    """Notes what is worked on and when; each piece takes `seconds`."""

    def __init__(self, queue, seconds=0.0):
        self.queue = queue
        self.seconds = seconds
        self.done = []
        self.now = set()
        self.most = 0
        self.begun = asyncio.get_running_loop().time()

    async def __call__(self, key):
        assert key not in self.now, "one worker per key"
        self.now.add(key)
        self.most = max(self.most, len(self.now))
        self.done.append((key, round(asyncio.get_running_loop().time() - self.begun, 1)))
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now.discard(key)

    @property
    def keys(self):
        return [key for key, _ in self.done]


async def for_a_while(queue, work, seconds, workers=4, meanwhile=None):
    task = asyncio.create_task(queue.run(work, workers))
    if meanwhile is not None:
        await meanwhile()
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@timeless
async def test_a_key_that_is_added_often_is_worked_on_once_in_order_of_arrival():
    queue = WorkQueue()
    for key in "abcab":
        queue.add(key)
    assert len(queue) == 3
    work = Work(queue)
    await for_a_while(queue, work, 1)
    assert work.keys == ["a", "b", "c"]


@timeless
async def test_a_key_that_is_added_while_it_is_worked_on_comes_once_more_afterwards():
    queue = WorkQueue()
    work = Work(queue, seconds=10)

    async def meanwhile():
        await asyncio.sleep(1)
        for _ in range(3):
            queue.add("a")

    queue.add("a")
    await for_a_while(queue, work, 60, meanwhile=meanwhile)
    assert work.done == [("a", 0.0), ("a", 10.0)]


@timeless
async def test_no_more_are_worked_on_at_a_time_than_there_are_workers():
    queue = WorkQueue()
    for key in range(10):
        queue.add(key)
    work = Work(queue, seconds=1)
    await for_a_while(queue, work, 10, workers=3)
    assert work.most == 3
    assert len(work.done) == 10


@timeless
async def test_a_date_is_kept_and_the_earliest_one_wins():
    queue = WorkQueue()
    queue.add_after("a", 30)
    queue.add_after("a", 5)
    queue.add_after("a", 60)
    queue.add_after("b", 10)
    work = Work(queue)
    await for_a_while(queue, work, 100)
    assert work.done == [("a", 5.0), ("b", 10.0)]


@timeless
async def test_an_earlier_date_is_noticed_while_a_later_one_is_waited_for():
    queue = WorkQueue()
    queue.add_after("a", 3600)
    work = Work(queue)

    async def meanwhile():
        await asyncio.sleep(1)
        queue.add_after("b", 1)
        queue.add_after("a", 2)

    await for_a_while(queue, work, 10, meanwhile=meanwhile)
    assert work.done == [("b", 2.0), ("a", 3.0)]


@timeless
async def test_no_wait_at_all_is_now():
    queue = WorkQueue()
    queue.add_after("a", 0)
    queue.add_after("b", -1)
    assert len(queue) == 2


@timeless
async def test_a_date_stays_when_the_key_is_looked_at_before():
    queue = WorkQueue()
    queue.add_after("a", 5)
    queue.add("a")
    work = Work(queue)
    await for_a_while(queue, work, 10)
    assert work.done == [("a", 0.0), ("a", 5.0)]


@timeless
async def test_failures_wait_longer_each_time_up_to_a_minute_and_a_success_starts_afresh():
    queue = WorkQueue()
    waits = [queue.fail("a") for _ in range(12)]
    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert waits[-1] == 60.0
    assert waits == sorted(waits)
    queue.succeed("a")
    assert queue.fail("a") == 0.2
    assert queue.fail("b") == 0.2


@timeless
async def test_a_key_that_failed_a_thousand_times_still_waits_a_minute():
    queue = WorkQueue()
    assert [queue.fail("a") for _ in range(1000)][-1] == 60.0


@timeless
async def test_a_forgotten_key_has_no_dates_and_no_failures():
    queue = WorkQueue()
    queue.fail("a")
    queue.forget("a")
    work = Work(queue)
    await for_a_while(queue, work, 10)
    assert work.done == []
    assert queue.fail("a") == 0.2


@timeless
async def test_the_oldest_wait_counts_those_who_wait_and_those_who_are_worked_on():
    queue = WorkQueue()
    assert queue.oldest_seconds() == 0.0
    queue.add("a")
    await asyncio.sleep(7)
    assert 7 <= queue.oldest_seconds() < 8
    task = asyncio.create_task(queue.run(Work(queue, seconds=100), 1))
    await asyncio.sleep(61)
    assert 61 <= queue.oldest_seconds() < 62
    task.cancel()


@timeless
async def test_cancelling_ends_what_is_worked_on_and_leaves_no_task_behind():
    queue = WorkQueue()
    work = Work(queue, seconds=3600)
    for key in range(6):
        queue.add(key)
    await for_a_while(queue, work, 1, workers=3)
    assert work.now == set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert queue.oldest_seconds() > 0  # three still wait
    assert len(queue) == 3


@timeless
async def test_a_worker_that_waits_to_be_free_does_not_lose_a_key_when_cancelled():
    queue = WorkQueue()
    work = Work(queue, seconds=2)
    queue.add("a")
    queue.add("b")
    await for_a_while(queue, work, 1, workers=1)
    assert (work.keys, len(queue)) == (["a"], 1)
