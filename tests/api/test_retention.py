"""How long pods and LoadTests stay after a run, also when the operator was away at that time."""

from tests.support.loadtests import condition
from tests.support.stage import Stage, soon, stays

STRICT = [{"metric": "p95", "fail": "10ms"}]


def test_a_loadtest_deletes_itself_after_its_time_with_all_that_it_made(stage: Stage) -> None:
    stage.apply("brief", retention={"deleteAfter": "4s"})
    stage.until("brief", "Completed")
    stage.operator.kill()
    assert stays(lambda: stage.cluster.get("loadtests", "brief", stage.namespace), 1)
    stage.operator.start()
    soon(lambda: stage.cluster.get("loadtests", "brief", stage.namespace) is None, "deleted", 60)
    soon(lambda: not stage.jobs(), "children gone")


def test_what_flux_manages_is_not_deleted_but_told(stage: Stage) -> None:
    stage.apply("owned")
    stage.until("owned", "Completed")
    label = {"kustomize.toolkit.fluxcd.io/name": "apps"}
    stage.cluster.patch("loadtests", "owned", stage.namespace, {"metadata": {"labels": label}})
    stage.apply("owned", retention={"deleteAfter": "1s"})
    assert "Flux manages this object" in stage.until_condition("owned", "Stalled", "InvalidSpec")["message"]
    assert stays(lambda: stage.cluster.get("loadtests", "owned", stage.namespace), 2)


def test_pods_stay_as_long_as_asked_and_no_longer(stage: Stage) -> None:
    stage.apply("logs", thresholds=STRICT, retention={"pods": "OnFailure", "podsFor": "5s"})
    done = stage.until("logs", "Completed")
    assert condition(done, "Passed")["status"] == "False"
    assert stage.jobs(), "the logs of a run that failed"
    soon(lambda: not stage.jobs(), "its time is over", 60)
