"""Two processes and one Lease, at a server that refuses whoever read an old version."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest
from loadtest_operator.runtime.lease import Lease

from tests.unit.runtime.fakeapi import serving
from tests.unit.runtime.timeless import timeless

PATH = "/apis/coordination.k8s.io/v1/namespaces/home/leases/operator"
SECONDS = 15


def now():
    return datetime(2026, 12, 1, 12, tzinfo=UTC)


def lease(kube, identity):
    return Lease(kube, "home", "operator", identity, SECONDS, now)


def holder(api):
    return api.objects[PATH]["spec"]["holderIdentity"]


@contextlib.asynccontextmanager
async def kept(held):
    task = asyncio.create_task(held.keep())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@timeless
async def test_the_first_one_makes_it_and_is_trusted():
    async with serving() as (api, kube):
        one = lease(kube, "one")
        assert not one.trusted
        await one.acquire()
        assert one.trusted
        spec = api.objects[PATH]["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("one", 15, 0)
        assert spec["renewTime"] == "2026-12-01T12:00:00.000000Z"


@timeless
async def test_a_holder_that_renews_keeps_the_other_one_waiting():
    async with serving() as (api, kube):
        one, two = lease(kube, "one"), lease(kube, "two")
        await one.acquire()
        async with kept(one):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(two.acquire(), 300)
            assert (holder(api), one.trusted, two.trusted) == ("one", True, False)


@timeless
async def test_a_holder_that_died_is_followed_after_the_duration_by_the_other_one_s_own_clock():
    async with serving() as (api, kube):
        await lease(kube, "one").acquire()
        two, loop = lease(kube, "two"), asyncio.get_running_loop()
        begun = loop.time()
        await two.acquire()
        assert SECONDS < loop.time() - begun < SECONDS + 3
        assert holder(api) == "two"
        assert api.objects[PATH]["spec"]["leaseTransitions"] == 1


@timeless
async def test_trust_ends_before_anybody_else_can_take_over():
    async with serving() as (_, kube):
        one = lease(kube, "one")
        await one.acquire()
        await asyncio.sleep(9.9)
        assert one.trusted
        await asyncio.sleep(0.2)
        assert not one.trusted


@timeless
async def test_who_cannot_renew_is_not_trusted_until_it_can_again():
    async with serving() as (api, kube):
        returned = []
        one = Lease(kube, "home", "operator", "one", SECONDS, now, lambda: returned.append(one.trusted))
        await one.acquire()
        async with kept(one) as task:
            await asyncio.sleep(60)
            assert one.trusted
            assert not returned
            api.down = True
            await asyncio.sleep(11)
            assert not one.trusted
            await asyncio.sleep(600)
            api.down = False
            await asyncio.sleep(2)
            assert (one.trusted, returned, holder(api)) == (True, [True], "one")
            await asyncio.sleep(60)
            assert (one.trusted, returned) == (True, [True])
            assert not task.done()


@timeless
@pytest.mark.parametrize("other", ["two", ""], ids=["still-held", "given-back"])
async def test_who_could_not_renew_while_another_one_did_ends(other):
    async with serving() as (api, kube):
        one = lease(kube, "one")
        await one.acquire()
        async with kept(one) as task:
            api.down = True
            await asyncio.sleep(60)
            there = api.objects[PATH]
            api.put(PATH, {**there, "spec": {**there["spec"], "holderIdentity": other}})
            api.down = False
            await asyncio.wait_for(task, 5)
        assert not one.trusted
        assert holder(api) == other


@timeless
async def test_a_server_that_is_away_for_a_moment_costs_nothing():
    async with serving() as (api, kube):
        one = lease(kube, "one")
        await one.acquire()
        async with kept(one) as task:
            api.down = True
            await asyncio.sleep(7)
            api.down = False
            await asyncio.sleep(100)
            assert one.trusted
            assert not task.done()


@timeless
async def test_a_lease_that_another_one_took_is_not_taken_back():
    async with serving() as (api, kube):
        one = lease(kube, "one")
        await one.acquire()
        there = api.objects[PATH]
        api.put(PATH, {**there, "spec": {**there["spec"], "holderIdentity": "two"}})
        async with kept(one) as task:
            await asyncio.wait_for(task, 60)
        assert holder(api) == "two"
        await one.release()
        assert holder(api) == "two"


@timeless
async def test_of_two_who_want_an_expired_lease_one_wins():
    async with serving() as (api, kube):
        await lease(kube, "gone").acquire()
        found = [lease(kube, name) for name in ("one", "two", "three")]
        tasks = [asyncio.create_task(one.acquire()) for one in found]
        await asyncio.sleep(SECONDS + 2)
        assert [one.trusted for one in found].count(True) == 1
        assert holder(api) in {"one", "two", "three"}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@timeless
async def test_a_released_lease_is_taken_at_once():
    async with serving() as (api, kube):
        one, two = lease(kube, "one"), lease(kube, "two")
        await one.acquire()
        await one.release()
        assert not one.trusted
        await asyncio.wait_for(two.acquire(), 1)
        assert holder(api) == "two"


@timeless
async def test_releasing_what_was_never_held_says_nothing():
    async with serving() as (api, kube):
        await lease(kube, "one").release()
        assert api.calls == []
