"""The environment of a run, decided from what is observed: before the load, under it, and in every end."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from loadtest_operator.build import environment as build
from loadtest_operator.build import manifests
from loadtest_operator.build.manifests import Source
from loadtest_operator.decide import environment, prepare
from loadtest_operator.decide.observed import Do, Frozen, Live, Observed, Surroundings
from loadtest_operator.decide.run import decide
from loadtest_operator.model import loadtest, quantities
from loadtest_operator.model.phases import Phase

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import NOON, SPEC, seconds

SHOP = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {replicas: 1}\n"
WITH = {
    **SPEC,
    "target": {"url": "http://shop.{namespace}:8080"},
    "environment": {"manifests": [{"inline": SHOP}], "ready": {"timeout": "1m"}},
}
READY = {"availableReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}


def seen(phase=Phase.PREPARING, applied=True, raw=None, gone=False, deployment=None, **status):
    """A run with an environment, as it would be observed."""
    world = states.preparing(SPEC)
    test = deepcopy(world.raw)
    test["spec"] = WITH
    test["status"] |= {"phase": str(phase), **status}
    observed = Observed(test)
    run = observed.run
    objects = manifests.placed(manifests.parse([Source("it", SHOP)]), run.environment)
    frozen = Frozen(WITH, loadtest.parse(test), environment=objects)
    made = None if gone else {**build.namespace(run, "loadtest-operator", NOON), "status": {"phase": "Active"}}
    if made is not None:
        made["metadata"] |= {"uid": "n-1", **(raw or {}).get("metadata", {})}
        made["status"] |= (raw or {}).get("status", {})
    live = Live(tuple({**item, "status": deployment or {}} for item in objects))
    return replace(observed, frozen=frozen, environment=Surroundings(run.environment, made, applied, live))


def found(status, kind="EnvironmentReady"):
    return next(item for item in status["conditions"] if item["type"] == kind)


def leaving(since=NOON, says=""):
    conditions = [{"type": "NamespaceFinalizersRemaining", "status": "True", "message": says}] if says else []
    stamp = quantities.timestamp(since)
    return {"metadata": {"deletionTimestamp": stamp}, "status": {"phase": "Terminating", "conditions": conditions}}


def test_inputs_are_frozen_and_a_load_pod_is_tried_out_before_the_namespace_is_made():
    before = replace(seen(), frozen=None, environment=None)
    inputs = replace(
        before.inputs,
        test=loadtest.parse(before.raw),
        environment=manifests.parse([Source("it", SHOP)]),
        run_key=before.status["run"]["runKey"],
    )
    plan = decide(replace(before, inputs=inputs), NOON)
    assert [item["kind"] for item in plan.create] == ["ConfigMap"]
    assert len(plan.dry_run) == 2
    assert plan.do == ()
    assert plan.requeue_after == timedelta(0)


def test_the_namespace_is_made_and_told():
    plan = decide(seen(applied=False, gone=True), NOON)
    assert plan.do == (Do.BUILD_ENVIRONMENT,)
    assert not plan.create
    assert plan.status["environment"]["phase"] == "Preparing"
    assert found(plan.status)["reason"] == "EnvironmentNotReady"


def test_what_is_not_ready_is_waited_for_in_words():
    plan = decide(seen(), NOON)
    assert not plan.create
    assert "Deployment shop: 0 of 1 replicas available" in found(plan.status)["message"]
    assert plan.requeue_after == environment.LOOK_AGAIN
    again = replace(seen(), raw={**seen().raw, "status": plan.status})
    assert decide(again, NOON + seconds(5)).status is None, "nothing new is not written"


def test_load_pods_come_once_everything_is_ready():
    plan = decide(seen(deployment=READY), NOON + seconds(30))
    assert {item["kind"] for item in plan.create} == {"Service", "Job"}
    assert found(plan.status)["status"] == "True"
    assert plan.status["environment"]["phase"] == "Ready"


def test_the_load_pods_time_counts_from_then_on():
    ready = decide(seen(deployment=READY), NOON + seconds(50)).status
    started = replace(seen(phase=Phase.STARTING), raw={**seen().raw, "status": ready})
    assert environment.ready_since(started) == NOON + seconds(50)


def test_it_has_its_time_and_is_then_given_up():
    assert decide(seen(), NOON + seconds(60)).status["phase"] == "Preparing"
    plan = decide(seen(), NOON + seconds(61))
    assert plan.status["phase"] == "Error"
    assert found(plan.status, "Ready")["reason"] == "EnvironmentNotReady"
    assert "within 1m (environment.ready.timeout): Deployment shop" in plan.status["message"]
    assert plan.do == (Do.END_ENVIRONMENT,)
    assert [item["kind"] for item in plan.delete] == ["Service", "ConfigMap"]
    assert found(plan.status)["reason"] == "EnvironmentNotReady", "what it lacked is said longer than that it goes"


def test_what_the_api_server_refuses_ends_the_run():
    here = seen(applied=False)
    plan = environment.beside(
        here, prepare.refused(here, prepare.Reason.ENVIRONMENT_FAILED, "Service shop: no", NOON), NOON
    )
    assert plan.status["phase"] == "Error"
    assert plan.do == (Do.END_ENVIRONMENT,)


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING])
@pytest.mark.parametrize("how", [{"gone": True}, {"raw": leaving()}])
def test_a_namespace_that_somebody_deletes_ends_the_run(phase, how):
    plan = decide(seen(phase, **how), NOON)
    assert plan.status["phase"] == "Error"
    assert found(plan.status, "Ready")["reason"] == "EnvironmentLost"
    assert Do.END_ENVIRONMENT not in plan.do


def test_results_are_collected_without_the_target():
    assert not environment.is_lost(seen(Phase.COLLECTING, gone=True))


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.ERROR, Phase.CANCELLED])
def test_it_goes_in_every_outcome(phase):
    plan = environment.beside(seen(phase), environment.Plan(), NOON)
    assert plan.do == (Do.END_ENVIRONMENT,)
    assert plan.status["environment"]["phase"] == "Terminating"
    assert plan.requeue_after == environment.LOOK_AGAIN


def test_it_goes_with_its_load_test():
    here = seen(Phase.RUNNING)
    here.raw["metadata"]["deletionTimestamp"] = quantities.timestamp(NOON)
    assert Do.END_ENVIRONMENT in decide(here, NOON).do


def test_that_it_is_gone_is_told_once():
    plan = environment.beside(seen(Phase.COMPLETED, gone=True), environment.Plan(), NOON)
    assert plan.do == ()
    assert plan.requeue_after is None
    assert plan.status["environment"]["phase"] == "Deleted"
    told = replace(seen(Phase.COMPLETED, gone=True), raw={**seen().raw, "status": {**plan.status}})
    assert environment.beside(told, environment.Plan(), NOON).status is None


def test_one_that_hangs_is_told_in_the_namespaces_words_and_changes_no_verdict():
    here = seen(Phase.COMPLETED, raw=leaving(NOON, "finalizer x/y in 1 resource"), verdict="Passed")
    plan = environment.beside(here, environment.Plan(), NOON + seconds(31))
    assert "finalizer x/y in 1 resource" in found(plan.status)["message"]
    assert plan.status["verdict"] == "Passed"
    assert [note.reason for note in plan.notes] == ["EnvironmentTerminating"]
    told = replace(here, raw={**here.raw, "status": plan.status})
    assert environment.beside(told, environment.Plan(), NOON + seconds(90)).notes == ()


def test_nothing_is_said_about_what_cannot_be_seen():
    here = seen(Phase.COMPLETED)
    blind = replace(here, environment=Surroundings(here.environment.name, unknown=True))
    assert environment.beside(blind, environment.Plan(), NOON) == environment.Plan()
