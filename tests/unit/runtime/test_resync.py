"""Listing finds what watching lost, and sweeps what nobody owns: on the word of a GET, never of a list."""

import asyncio

from loadtest_operator.runtime.objects import Key

from tests.unit.runtime import parts
from tests.unit.runtime.parts import JOBS, PODS, TESTS, assembled, child, loadtest
from tests.unit.runtime.timeless import timeless

CHECKOUT = Key("shop", "checkout")


async def queued(here):
    """The keys that wait, taken out."""
    found = []
    while len(here.queue):
        found.append(await here.queue._next())
    here.queue._running.clear()
    return found


@timeless
async def test_everything_there_is_is_known_and_queued_after_the_first_one():
    async with assembled() as here:
        here.api.put(f"{TESTS}/checkout", loadtest())
        here.api.put(f"{PODS}/p", child("Pod", "p"))
        assert await here.resync.once()
        assert here.objects.test(CHECKOUT) is not None
        assert len(here.objects.children(CHECKOUT, "Pod")) == 1
        assert await queued(here) == [CHECKOUT]


@timeless
async def test_it_comes_at_once_when_much_may_have_been_missed():
    async with assembled() as here:
        here.api.put(f"{TESTS}/checkout", loadtest())
        task = asyncio.create_task(here.resync.run())
        await asyncio.sleep(1)
        assert here.objects.count() == 0
        here.resync.soon()
        await asyncio.sleep(1)
        assert await queued(here) == [CHECKOUT]
        await asyncio.sleep(10 * here.resync._every)
        assert len(here.queue) == 1, "and in its turn"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@timeless
async def test_pages_are_followed():
    async with assembled() as here:
        here.api.page = 2
        for number in range(5):
            here.api.put(f"{TESTS}/t{number}", loadtest(f"t{number}"))
        await here.resync.once()
        assert here.objects.count() == 5


@timeless
async def test_a_deletion_that_watching_lost_is_found():
    async with assembled() as here:
        here.api.put(f"{TESTS}/checkout", loadtest())
        here.api.put(f"{PODS}/p", child("Pod", "p"))
        await here.resync.once()
        await queued(here)
        del here.api.objects[f"{PODS}/p"]
        await here.resync.once()
        assert here.objects.children(CHECKOUT, "Pod") == []
        del here.api.objects[f"{TESTS}/checkout"]
        await queued(here)
        await here.resync.once()
        assert here.objects.test(CHECKOUT) is None
        assert await queued(here) == [CHECKOUT]


@timeless
async def test_a_test_that_was_made_anew_is_not_taken_for_deleted():
    async with assembled() as here:
        here.objects.put("LoadTest", loadtest(uid="u-old", resourceVersion="1"))
        here.api.put(f"{TESTS}/checkout", loadtest(uid="u-new"))
        await here.resync.once()
        assert here.objects.test(CHECKOUT)["metadata"]["uid"] == "u-new"


@timeless
async def test_only_the_namespaces_that_are_served_are_listed():
    async with assembled(watch_namespaces=("shop", "perf")) as here:
        await here.resync.once()
        listed = {path for path, _ in here.api.called("GET")}
        assert "/api/v1/pods" not in listed
        assert "/api/v1/namespaces/perf/pods" in listed


@timeless
async def test_children_without_their_test_are_swept():
    async with assembled() as here:
        here.api.put(f"{JOBS}/checkout-1-master", child("Job", "checkout-1-master"))
        here.api.put(f"{parts.SERVICES}/checkout-1-master", child("Service", "checkout-1-master"))
        here.api.put(f"{parts.CONFIG_MAPS}/checkout-1-run", child("ConfigMap", "checkout-1-run"))
        await here.resync.once()
        assert here.api.objects == {}
        deleted = dict(here.api.called("DELETE"))
        assert deleted[f"{JOBS}/checkout-1-master"]["propagationPolicy"] == "Foreground"


@timeless
async def test_children_of_another_installation_are_left_alone():
    async with assembled() as here:
        here.api.put(f"{JOBS}/checkout-1-master", child("Job", "checkout-1-master", instance="another"))
        await here.resync.once()
        assert here.api.called("DELETE") == []


@timeless
async def test_nothing_is_swept_on_the_word_of_a_list_alone():
    async with assembled() as here:
        here.api.put(f"{JOBS}/checkout-1-master", child("Job", "checkout-1-master"))
        await here.resync._compare(*_jobs())
        here.api.put(f"{TESTS}/checkout", loadtest())  # made, or listed, a moment later
        await here.resync._sweep()
        assert here.api.called("DELETE") == []


@timeless
async def test_children_of_an_older_namesake_are_swept():
    async with assembled() as here:
        here.api.put(f"{TESTS}/checkout", loadtest(uid="u-2"))
        here.api.put(f"{JOBS}/checkout-1-master", child("Job", "checkout-1-master", uid="u-1"))
        await here.resync.once()
        assert f"{JOBS}/checkout-1-master" not in here.api.objects


@timeless
async def test_a_refused_or_unanswered_list_deletes_nothing_and_is_not_a_success(caplog):
    async with assembled() as here:
        here.api.put(f"{TESTS}/checkout", loadtest())
        await here.resync.once()
        succeeded = here.resync.succeeded_at
        here.api.refuse["GET", "/apis/loadtest.dev/v1alpha1/loadtests"] = ("Forbidden", "cannot list")
        assert not await here.resync.once()
        assert "apply the operator's RBAC" in caplog.text
        here.api.down = True
        assert not await here.resync.once()
        assert here.objects.count() == 1
        assert here.resync.succeeded_at == succeeded


@timeless
async def test_missing_crds_are_told_with_the_way_out(caplog):
    async with assembled() as here:
        here.api.refuse["GET", "/apis/loadtest.dev/v1alpha1/loadtests"] = ("NotFound", "not found")
        assert not await here.resync.once()
        assert "kubectl apply -f crds/" in caplog.text


def _jobs():
    from loadtest_operator.build.names import CHILD_SELECTOR
    from loadtest_operator.io.kube import JOBS as RESOURCE

    return RESOURCE, CHILD_SELECTOR
