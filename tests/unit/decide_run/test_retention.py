"""How long pods and the LoadTest stay after a run, counted from its end, whoever looks."""

from datetime import timedelta

import pytest

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import by_type

STRICT = [{"metric": "p95", "fail": "100ms"}]


def over(retention, **changes):
    """A run that is over, its master gone, its Jobs finished."""
    world = states.completed({**SPEC, **changes, "retention": retention})
    for job in ("checkout-1-master", "checkout-1-workers"):
        world.objects["Job", job]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    world.look()
    return world


def jobs(world):
    return [name for kind, name in world.objects if kind == "Job"]


@pytest.mark.parametrize(
    ("pods", "limits", "stay"),
    [
        ("Never", SPEC["thresholds"], False),
        ("Never", STRICT, False),
        ("OnFailure", SPEC["thresholds"], False),
        ("OnFailure", STRICT, True),
        ("Always", SPEC["thresholds"], True),
        ("Always", STRICT, True),
    ],
)
def test_pods_stay_for_their_logs_as_asked(pods, limits, stay):
    world = over({"pods": pods, "podsFor": "10m"}, thresholds=limits)
    world.look()
    assert bool(jobs(world)) is stay
    world.restart()
    world.tick(599)
    world.look()
    assert bool(jobs(world)) is stay
    world.tick(2)
    world.look()
    assert not world.objects


def test_the_jobs_themselves_go_an_hour_later_when_no_operator_comes():
    world = states.created({**SPEC, "retention": {"podsFor": "36h"}})
    plan = states.preparing({**SPEC, "retention": {"podsFor": "36h"}}).look()
    assert {body["spec"]["ttlSecondsAfterFinished"] for body in plan.create if body["kind"] == "Job"} == {37 * 3600}
    assert world.pods()


def test_a_longer_time_that_is_asked_for_after_the_end_counts():
    world = over({"podsFor": "10m"}, thresholds=STRICT)
    world.look()
    world.edit(retention={"podsFor": "20m"})
    world.settle()
    world.tick(700)
    world.look()
    assert jobs(world)


def test_pods_of_a_run_that_another_follows_go_at_once_when_none_are_kept():
    world = over({"pods": "Never"}, thresholds=STRICT)
    world.request("again")
    world.look()
    assert not world.objects


@pytest.mark.parametrize(("limits", "stay"), [(SPEC["thresholds"], False), (STRICT, True)])
def test_pods_of_a_run_that_passed_go_also_when_a_newer_spec_waited_for_its_end(limits, stay):
    world = states.running({**SPEC, "thresholds": limits})
    world.edit(load={"users": 60, "duration": "5m"})
    world.advance("Holding")
    for job in ("checkout-1-master", "checkout-1-workers"):
        world.objects["Job", job]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    while world.raw["status"]["run"]["number"] == 1:
        world.look()
    assert ("checkout-1-workers" in jobs(world)) is stay


@pytest.mark.parametrize("end", ["completed", "failed", "broken", "cancelled"])
def test_the_loadtest_goes_so_long_after_its_end(end):
    asked = {**SPEC, "retention": {"pods": "Never", "deleteAfter": "2h"}}
    if end == "broken":
        world = states.starting(asked)
        world.end_master('{"error": {"reason": "ScriptError", "message": "boom"}}')
    elif end == "cancelled":
        world = states.starting(asked)
        world.stop()
    else:
        world = states.judging({**asked, "thresholds": STRICT if end == "failed" else SPEC["thresholds"]})
    for _ in range(5):
        world.settle()
    world.restart()
    assert timedelta(hours=1) < world.look().requeue_after <= timedelta(hours=2)
    world.tick(7200)
    assert [child["kind"] for child in world.look().delete if child["kind"] == "LoadTest"] == ["LoadTest"]


def test_a_request_at_the_last_moment_is_not_deleted_but_run():
    world = states.cleaned({**SPEC, "retention": {"deleteAfter": "24h"}})
    world.tick(30 * 3600)
    world.request("again")
    plan = world.look()
    assert plan.status["run"]["number"] == 2
    assert "LoadTest" not in {child["kind"] for child in plan.delete}


@pytest.mark.parametrize(
    ("where", "name", "owner"),
    [
        ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
        ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
        ("labels", "app.kubernetes.io/instance", "Argo CD"),
        ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
        ("annotations", "meta.helm.sh/release-name", "Helm"),
    ],
)
def test_what_others_would_create_again_is_refused_to_delete_itself(where, name, owner):
    world = states.fresh({**SPEC, "retention": {"deleteAfter": "2h"}})
    world.raw["metadata"].setdefault(where, {})[name] = "shop"
    world.look()
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "InvalidSpec"
    assert owner in world.raw["status"]["message"]
    assert "remove deleteAfter" in world.raw["status"]["message"]


def test_one_that_others_took_over_later_stays():
    world = states.cleaned({**SPEC, "retention": {"deleteAfter": "24h"}})
    world.raw["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "shop"}
    world.tick(48 * 3600)
    assert world.look().delete == ()
