"""A plan becomes calls, in order: ours is adopted, what is not is left alone; nothing is written without the Lease."""

import pytest
from loadtest_operator.decide.observed import Note, Observed, Plan
from loadtest_operator.io.kube import Conflict
from loadtest_operator.model.conditions import Reason
from loadtest_operator.runtime.execute import NotLeading
from loadtest_operator.runtime.objects import Key
from loadtest_operator.runtime.refusals import Refused

from tests.unit.runtime.parts import EVENTS, JOBS, PODS, SERVICES, TESTS, assembled, child, loadtest
from tests.unit.runtime.timeless import timeless

CHECKOUT = Key("shop", "checkout")


def seen(here, **metadata):
    return Observed(here.api.put(f"{TESTS}/checkout", loadtest(**metadata)))


@timeless
async def test_the_order_is_dry_runs_creations_deletions_status_events():
    async with assembled() as here:
        plan = Plan(
            dry_run=(child("Pod", "dry"),),
            create=(child("Service", "s"), child("Job", "j")),
            delete=(child("Service", "old"),),
            status={"phase": "Starting"},
            notes=(Note("Normal", "Starting", "m"),),
        )
        await here.executor.execute(plan, seen(here))
        done = [(method, path.rsplit("/", 2)[-2:]) for method, path, _ in here.api.calls]
        assert [method for method, _ in done] == ["POST", "POST", "POST", "DELETE", "PATCH", "POST"]
        assert f"{PODS}/dry" not in here.api.objects
        assert {f"{SERVICES}/s", f"{JOBS}/j"} <= set(here.api.objects)
        assert here.api.calls[-1][1] == EVENTS
        assert here.objects.test(CHECKOUT)["status"] == {"phase": "Starting"}
        assert len(here.objects.children(CHECKOUT, "Job")) == 1


@timeless
async def test_what_is_deleted_by_name_is_deleted_once_until_it_is_made_again():
    async with assembled() as here:
        run = {"number": 1, "id": "checkout-1-0123456789"}
        observed = Observed(here.api.put(f"{TESTS}/checkout", {**loadtest(), "status": {"run": run}}))
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"}}
        for _ in range(3):
            await here.executor.execute(Plan(delete=(service,)), observed)
        assert len(here.api.called("DELETE")) == 1
        await here.executor.execute(Plan(create=(child("Service", "s"),)), observed)
        await here.executor.execute(Plan(delete=(service,)), observed)
        assert len(here.api.called("DELETE")) == 2
        assert f"{SERVICES}/s" not in here.api.objects


@timeless
async def test_nothing_is_written_without_the_lease():
    async with assembled() as here:
        observed = seen(here)
        here.leading = False
        with pytest.raises(NotLeading):
            await here.executor.execute(Plan(create=(child("Job", "j"),), status={"phase": "Starting"}), observed)
        with pytest.raises(NotLeading):
            await here.executor.take_down(child("Job", "j"))
        assert here.api.calls == []


@timeless
async def test_a_status_that_somebody_else_wrote_before_is_a_conflict_and_no_event_follows():
    async with assembled() as here:
        observed = seen(here)
        here.api.put(f"{TESTS}/checkout", {**loadtest(), "status": {"message": "theirs"}})
        with pytest.raises(Conflict):
            await here.executor.execute(Plan(status={}, notes=(Note("Normal", "X", "m"),)), observed)
        assert here.api.called("POST") == []


@timeless
async def test_a_version_that_differs_in_nothing_that_is_decided_from_is_written_over():
    async with assembled() as here:
        observed = seen(here)
        here.api.put(f"{TESTS}/checkout", loadtest(labels={"new": "yes"}))
        await here.executor.execute(Plan(status={"phase": "Starting"}), observed)
        written = here.api.objects[f"{TESTS}/checkout"]
        assert (written["status"], written["metadata"]["labels"]) == ({"phase": "Starting"}, {"new": "yes"})


@timeless
async def test_a_test_that_was_deleted_meanwhile_is_no_error():
    async with assembled() as here:
        observed = seen(here)
        here.api.objects.clear()
        await here.executor.execute(Plan(status={"phase": "Starting"}), observed)


@timeless
async def test_what_was_created_before_is_adopted():
    async with assembled() as here:
        observed = seen(here)
        made = here.api.put(f"{JOBS}/j", child("Job", "j"))
        await here.executor.execute(Plan(create=(child("Job", "j"),)), observed)
        assert here.objects.children(CHECKOUT, "Job")[0]["metadata"]["uid"] == made["metadata"]["uid"]


@pytest.mark.parametrize(
    "there",
    [
        {"uid": "u-somebody"},
        {"number": 2},
        {"going": True},
    ],
)
@timeless
async def test_what_belongs_to_somebody_else_is_left_alone_and_named(there):
    async with assembled() as here:
        observed = seen(here)
        going = there.pop("going", False)
        found = child("Job", "j", **there)
        if going:
            found["metadata"]["deletionTimestamp"] = "2026-12-01T12:00:00Z"
        here.api.put(f"{JOBS}/j", found)
        with pytest.raises(Refused, match="kubectl delete job j -n shop") as caught:
            await here.executor.execute(Plan(create=(child("Job", "j"),)), observed)
        assert caught.value.reason is Reason.NAME_TAKEN
        assert f"{JOBS}/j" in here.api.objects


@timeless
async def test_a_refused_dry_run_creates_nothing():
    async with assembled() as here:
        here.api.refuse["POST", PODS] = ("Forbidden", "exceeded quota: pods")
        with pytest.raises(Refused) as caught:
            await here.executor.execute(Plan(dry_run=(child("Pod", "p"),), create=(child("Job", "j"),)), seen(here))
        assert caught.value.reason is Reason.QUOTA_EXCEEDED
        assert [path for path, _ in here.api.called("POST")] == [PODS]


@timeless
async def test_a_job_goes_in_the_foreground_and_its_pods_are_told_at_once():
    async with assembled() as here:
        job = here.api.put(f"{JOBS}/checkout-1-master", child("Job", "checkout-1-master"))
        for name, phase in (("runs", "Running"), ("over", "Succeeded")):
            here.objects.put("Pod", here.api.put(f"{PODS}/{name}", child("Pod", name, status={"phase": phase})))
        here.objects.put("Pod", here.api.put(f"{PODS}/another", child("Pod", "another", number=2)))
        await here.executor.take_down(job)
        deleted = dict(here.api.called("DELETE"))
        assert deleted[f"{JOBS}/checkout-1-master"]["propagationPolicy"] == "Foreground"
        assert deleted[f"{JOBS}/checkout-1-master"]["preconditions"] == {"uid": job["metadata"]["uid"]}
        assert deleted[f"{PODS}/runs"]["gracePeriodSeconds"] == 5
        assert set(deleted) == {f"{JOBS}/checkout-1-master", f"{PODS}/runs"}


@timeless
async def test_another_object_of_that_name_is_not_deleted():
    async with assembled() as here:
        here.api.put(f"{JOBS}/j", child("Job", "j"))
        stale = child("Job", "j")
        stale["metadata"]["uid"] = "u-older"
        await here.executor.take_down(stale)
        assert f"{JOBS}/j" in here.api.objects
