"""Pods that may still send load are found by asking the API server, whatever watching told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from loadtest_operator.build import names
from loadtest_operator.build.names import RunRef
from loadtest_operator.runtime.lingering import Lookout
from loadtest_operator.runtime.objects import Key
from loadtest_operator.runtime.sessions import Attempt

from tests.unit.runtime.parts import PODS, assembled, child

FIRST = RunRef("shop", "checkout", "u-1", 1, 1, names.run_id("checkout", "u-1", 1))
SECOND = RunRef("shop", "checkout", "u-1", 2, 1, names.run_id("checkout", "u-1", 2))
OTHERS = PODS.replace("/shop/", "/other/")
LOCK = {names.lock_label("checkout.shop"): "held"}


def pod(name, role="worker", phase="Running", labels=(), annotations=None, **fields):
    found = child("Pod", name, **fields)
    metadata = {**found["metadata"], "labels": {**found["metadata"]["labels"], names.LABEL_ROLE: role, **dict(labels)}}
    return {**found, "metadata": {**metadata, "annotations": annotations or {}}, "status": {"phase": phase}}


def put(here, folder, *pods):
    for one in pods:
        metadata = {**one["metadata"], "namespace": folder.split("/")[4]}
        here.api.put(f"{folder}/{metadata['name']}", {**one, "metadata": metadata})


def found(lingering):
    return sorted(one.pod["metadata"]["name"] for one in lingering)


@pytest.fixture
async def here():
    async with assembled() as here:
        here.lookout = Lookout(here.kube, here.objects, here.settings)
        yield here


async def look(here, run, *locks, attempt=None):
    return await here.lookout.look(run, locks, attempt or Attempt(run.fence))


async def test_workers_of_the_run_before_that_have_not_ended_are_found(here):
    pods = pod("w-0"), pod("w-1", phase="Succeeded"), pod("w-2", phase="Failed"), pod("w-3", phase="Pending")
    put(here, PODS, *pods, pod("m-0", "master"), pod("b-0", "before"), pod("n-0", number=2))
    assert found(await look(here, SECOND)) == ["w-0", "w-3"]


async def test_workers_of_a_lost_attempt_are_found(here):
    put(here, PODS, pod("w-0"), pod("n-0", labels={names.LABEL_ATTEMPT: "2"}))
    assert found(await look(here, replace(FIRST, attempt=2))) == ["w-0"]


def know_job(here, name, labels=(), **fields):
    """As watching, or creating it, told of it."""
    made = child("Job", name, **fields)
    metadata = {**made["metadata"], "uid": f"j-{name}", "resourceVersion": "1"}
    here.objects.put("Job", {**made, "metadata": {**metadata, "labels": {**metadata["labels"], **dict(labels)}}})


async def test_workers_of_others_that_had_the_same_lock_are_found_in_any_namespace(here):
    put(here, OTHERS, pod("w-0", test="other", uid="u-2", labels=LOCK), pod("w-1", test="free", uid="u-3"))
    put(here, OTHERS, pod("w-2", test="theirs", uid="u-4", labels=LOCK, instance="another-operator"))
    know_job(here, "workers", test="other", uid="u-2", labels=LOCK)
    assert found(await look(here, FIRST, "checkout.shop", "db")) == ["w-0"]
    assert found(await look(here, FIRST, "db")) == []


async def test_a_lock_that_nobody_else_had_is_not_asked_for(here):
    know_job(here, "mine", labels=LOCK)
    know_job(here, "others", test="other", uid="u-2", labels={names.lock_label("db"): "held"})
    assert await look(here, FIRST, "checkout.shop") == ()
    assert here.api.calls == []


async def test_a_pod_that_was_there_before_this_process_tells_of_its_lock(here):
    left = pod("w-0", test="other", uid="u-2", labels=LOCK)
    put(here, PODS, left)
    here.objects.put("Pod", {**left, "metadata": {**left["metadata"], "uid": "p-0", "resourceVersion": "1"}})
    assert found(await look(here, FIRST, "checkout.shop")) == ["w-0"]


async def test_who_had_a_lock_is_remembered_when_the_job_is_gone(here):
    for name in ("one", "two", "checkout"):
        know_job(here, name, test=name, uid=f"u-{name}", labels=LOCK)
        job = here.objects.children(Key("shop", name), "Job")[0]
        here.objects.drop("Job", job)
    put(here, PODS, pod("w-0", test="one", uid="u-one", labels=LOCK))
    assert found(await look(here, FIRST, "checkout.shop")) == ["w-0"]


async def test_only_the_namespaces_that_are_served_are_asked():
    async with assembled(watch_namespaces=("shop", "other")) as here:
        here.lookout = Lookout(here.kube, here.objects, here.settings)
        put(here, OTHERS, pod("w-0", test="other", uid="u-2", labels=LOCK))
        know_job(here, "workers", test="other", uid="u-2", labels=LOCK)
        assert found(await look(here, FIRST, "checkout.shop")) == ["w-0"]
        assert sorted(path for path, _ in here.api.called("GET")) == [OTHERS, PODS]


async def test_workers_of_a_deleted_loadtest_of_the_same_name_are_found(here):
    put(here, PODS, pod("w-0", uid="u-0"))
    assert not await look(here, FIRST)
    know_job(here, "workers", uid="u-0")
    assert found(await look(here, FIRST)) == ["w-0"]


async def test_the_first_run_without_a_lock_asks_nobody(here):
    assert await look(here, FIRST) == ()
    assert here.api.calls == []


async def test_who_was_found_to_be_by_itself_is_not_looked_at_again(here):
    attempt = Attempt(SECOND.fence)
    put(here, PODS, pod("w-0"))
    assert await look(here, SECOND, attempt=attempt)
    del here.api.objects[f"{PODS}/w-0"]
    assert not await look(here, SECOND, attempt=attempt)
    asked = len(here.api.calls)
    assert not await look(here, SECOND, attempt=attempt)
    assert len(here.api.calls) == asked == 2


async def test_a_worker_is_alone_from_the_first_look_on_that_does_not_find_its_master(here, monkeypatch):
    attempt, loop, at = Attempt(SECOND.fence), asyncio.get_running_loop(), asyncio.get_running_loop().time()
    put(here, PODS, pod("w-0"), pod("m-0", "master"))
    [one] = await look(here, SECOND, attempt=attempt)
    assert one.alone_for is None
    put(here, PODS, pod("m-0", "master", phase="Failed"))
    monkeypatch.setattr(loop, "time", lambda: at + 100)
    [one] = await look(here, SECOND, attempt=attempt)
    assert one.alone_for == timedelta(0)
    monkeypatch.setattr(loop, "time", lambda: at + 107)
    [one] = await look(here, SECOND, attempt=attempt)
    assert one.alone_for == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("written", "read"),
    [("2026-11-21T12:00:00Z", datetime(2026, 11, 21, 12, tzinfo=UTC)), ("", None), ("soon", None)],
)
async def test_its_master_says_by_when_the_load_ends(here, written, read):
    put(here, PODS, pod("w-0"), pod("m-0", "master", annotations={names.ANNOTATION_LOAD_ENDS: written}))
    [one] = await look(here, SECOND)
    assert one.load_ends == read
