"""One look: whatever goes wrong for one LoadTest is looked at again, and never stops the others."""

from dataclasses import replace

import pytest
from loadtest_operator.decide.judge import Judgement
from loadtest_operator.model.phases import Verdict
from loadtest_operator.runtime.objects import Key

from tests.unit.decide_run.figures import judged
from tests.unit.runtime.parts import CONFIG_MAPS, EVENTS, JOBS, TESTS, assembled, child, loadtest
from tests.unit.runtime.timeless import timeless

CHECKOUT = Key("shop", "checkout")


def due(here):
    """Whether somebody asked for another look."""
    return len(here.queue) + len(here.queue._due) > 0


async def known(here, **metadata):
    here.objects.put("LoadTest", here.api.put(f"{TESTS}/checkout", loadtest(**metadata)))


def status(here):
    return here.api.objects[f"{TESTS}/checkout"]["status"]


@timeless
async def test_looks_follow_each_other_until_the_children_are_there():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        assert status(here)["phase"] == "Preparing"
        await here.reconcile(CHECKOUT)
        assert status(here)["phase"] == "Starting"
        assert {path.rsplit("/", 1)[1] for path in here.api.objects} >= {
            "checkout-1-run",
            "checkout-1-master",
            "checkout-1-workers",
        }
        assert due(here)


@timeless
@pytest.mark.parametrize(("fence", "calls"), [(False, 8), (True, 9)])
async def test_what_a_run_just_admitted_cannot_have_made_is_not_looked_for(fence, calls):
    async with assembled(fence=fence) as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        await here.reconcile(CHECKOUT)
        assert here.api.called("GET") == []
        assert len(here.api.calls) == calls, "two status writes, two dry runs, ConfigMap, Service, two Jobs; the fence"


@timeless
async def test_another_process_looks_for_what_the_one_before_has_made():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        here.sessions.drop(CHECKOUT)
        await here.reconcile(CHECKOUT)
        assert [path for path, _ in here.api.called("GET")] == [f"{CONFIG_MAPS}/checkout-1-run"]


@timeless
async def test_a_look_without_the_lease_writes_nothing_and_is_repeated():
    async with assembled() as here:
        await known(here)
        here.leading = False
        await here.reconcile(CHECKOUT)
        assert here.api.called("PATCH") == []
        assert due(here)


@timeless
async def test_a_conflict_is_followed_by_a_look_at_what_was_written():
    async with assembled() as here:
        await known(here)
        here.api.put(f"{TESTS}/checkout", {**loadtest(labels={"new": "yes"}), "status": {"message": "theirs"}})
        await here.reconcile(CHECKOUT)
        assert here.objects.test(CHECKOUT)["metadata"]["labels"] == {"new": "yes"}
        assert due(here)
        await here.reconcile(CHECKOUT)
        assert status(here)["phase"] == "Preparing"


@timeless
async def test_a_server_that_is_away_is_asked_again_later():
    async with assembled() as here:
        await known(here)
        here.api.down = True
        await here.reconcile(CHECKOUT)
        assert due(here)
        assert b'loadtest_reconcile_errors_total{kind="api"} 1.0' in here.metrics.text()


@timeless
async def test_what_nobody_expected_is_counted_and_tried_again(caplog):
    async with assembled() as here:
        metadata = {"namespace": "shop", "name": "checkout", "uid": "u-1", "generation": "odd"}
        odd = {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTest", "metadata": metadata, "spec": {}}
        here.objects.put("LoadTest", odd)
        await here.reconcile(CHECKOUT)
        assert due(here)
        assert "unexpected error" in caplog.text
        assert b'loadtest_reconcile_errors_total{kind="unexpected"} 1.0' in here.metrics.text()


@timeless
async def test_a_refused_child_becomes_a_condition_and_an_event():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        message = 'jobs.batch is forbidden: User "x" cannot create resource "jobs" in the namespace "shop"'
        here.api.refuse["POST", JOBS] = ("Forbidden", message)
        await here.reconcile(CHECKOUT)
        assert status(here)["phase"] == "Preparing"
        assert "kubectl create rolebinding" in status(here)["message"]
        assert status(here)["conditions"][0]["reason"] == "AccessMissing"
        assert here.api.called("POST")[-1][0] == EVENTS


@timeless
async def test_what_was_refused_to_a_test_is_not_told_to_the_next_one_of_its_name():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        observe = here.observer.observe

        async def late(key):
            """By now it is another one."""
            if here.api.called("POST"):
                await known(here, uid="u-2")
            return await observe(key)

        here.observer.observe = late
        here.api.refuse["POST", JOBS] = ("Forbidden", "exceeded quota: few")
        await here.reconcile(CHECKOUT)
        assert "phase" not in status(here), "it was refused nothing"
        assert here.api.called("POST")
        assert due(here)


@timeless
async def test_jobs_of_a_test_that_is_gone_are_taken_down_after_asking():
    async with assembled() as here:
        here.objects.put("Job", here.api.put(f"{JOBS}/checkout-1-master", child("Job", "checkout-1-master")))
        here.api.put(f"{TESTS}/checkout", loadtest())
        await here.reconcile(CHECKOUT)
        assert f"{JOBS}/checkout-1-master" in here.api.objects
        del here.api.objects[f"{TESTS}/checkout"]
        await here.reconcile(CHECKOUT)
        assert f"{JOBS}/checkout-1-master" not in here.api.objects


@timeless
async def test_an_operator_that_is_newer_than_the_crds_says_so(caplog):
    async with assembled() as here:
        await known(here)
        here.api.refuse["PATCH", f"{TESTS}/checkout/status"] = (
            "InternalError",
            ".status.run.newer: field not declared in schema",
        )
        await here.reconcile(CHECKOUT)
        assert "the CRDs in the cluster are older than this operator" in caplog.text
        assert due(here)


@timeless
async def test_inputs_of_a_test_that_went_before_it_had_jobs_are_taken_down():
    async with assembled(fence=True) as here:
        await known(here)
        here.api.refuse["POST", JOBS] = "Forbidden", "quota"
        await here.reconcile(CHECKOUT)
        await here.reconcile(CHECKOUT)
        made = {path for path in here.api.objects if "/checkout-1-" in path}
        assert len(made) == 3, "ConfigMap, NetworkPolicy, Service"
        del here.api.objects[f"{TESTS}/checkout"]
        here.objects.drop("LoadTest", here.objects.test(CHECKOUT))
        await here.reconcile(CHECKOUT)
        assert not made & set(here.api.objects)


@timeless
async def test_inputs_of_an_earlier_namesake_are_taken_down_and_nobody_elses():
    async with assembled() as here:
        await known(here)
        here.api.refuse["POST", JOBS] = "Forbidden", "quota"
        await here.reconcile(CHECKOUT)
        await here.reconcile(CHECKOUT)
        here.objects.drop("LoadTest", here.objects.test(CHECKOUT))
        await known(here, uid="u-2")
        await here.reconcile(CHECKOUT)
        assert f"{CONFIG_MAPS}/checkout-1-run" not in here.api.objects
        await here.reconcile(CHECKOUT)
        there = here.api.objects[f"{CONFIG_MAPS}/checkout-1-run"]
        assert there["metadata"]["labels"]["loadtest.dev/test-uid"] == "u-2"
        await here.reconcile(CHECKOUT)
        assert f"{CONFIG_MAPS}/checkout-1-run" in here.api.objects


@timeless
async def test_what_went_with_jobs_is_left_to_the_garbage_collector():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        await here.reconcile(CHECKOUT)
        for name in ("master", "workers"):
            here.objects.put("Job", here.api.objects[f"{JOBS}/checkout-1-{name}"])
        here.objects.drop("LoadTest", here.objects.test(CHECKOUT))
        here.api.calls.clear()
        await here.reconcile(CHECKOUT)
        assert f"{CONFIG_MAPS}/checkout-1-run" in here.api.objects
        assert here.api.called("DELETE") == []


@timeless
async def test_a_test_whose_end_was_not_told_is_gone_when_its_status_has_no_place():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        del here.api.objects[f"{TESTS}/checkout"]
        await here.reconcile(CHECKOUT)
        assert here.objects.test(CHECKOUT) is None
        assert due(here)
        here.api.calls.clear()
        await here.reconcile(CHECKOUT)
        assert here.api.called("PATCH") == []


@timeless
async def test_a_test_that_is_gone_leaves_no_session_no_dates_and_no_metrics():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        here.metrics.judged(CHECKOUT, judged(Verdict.PASSED))
        here.objects.drop("LoadTest", here.objects.test(CHECKOUT))
        await here.reconcile(CHECKOUT)
        assert here.queue._due == {}
        assert here.sessions._by_key == {}
        assert b'test="checkout"' not in here.metrics.text()


@timeless
async def test_pruned_windows_are_not_judged_as_a_run_without_data():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        seen = await here.observer.observe(CHECKOUT)
        kept = Stored(seen.run.id, judged(Verdict.PASSED))
        here.store.committed[seen.run.id] = kept
        attempt = here.sessions.of(CHECKOUT).of(seen.run.fence)
        await here.results.judge(seen, attempt, here.observer.questions)
        assert attempt.judgement.verdict is Verdict.PASSED
        assert here.store.committed[seen.run.id] is kept


@timeless
async def test_what_is_stored_of_a_superseded_run_is_not_judged_by_the_spec_that_took_its_place():
    async with assembled() as here:
        await known(here)
        await here.reconcile(CHECKOUT)
        seen = await here.observer.observe(CHECKOUT)
        kept = Stored(seen.run.id, judged(Verdict.PASSED))
        here.store.committed[seen.run.id], here.store.records[seen.run.id] = kept, "its windows"
        attempt = here.sessions.of(CHECKOUT).of(seen.run.fence)
        edited = replace(seen, frozen=None, inputs=replace(seen.inputs, run_key="another load"))
        await here.results.judge(edited, attempt, here.observer.questions)
        assert attempt.judgement.verdict is Verdict.PASSED
        assert here.store.committed[seen.run.id] is kept


class Stored:
    """What the store says of a run: here only its verdict."""

    def __init__(self, run_id: str, judgement: Judgement):
        self.id = run_id
        self.judgement = judgement
        self.workers_lost, self.attempt, self.phase = 0, 1, "Completed"
