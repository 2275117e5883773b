"""What manifests are built from, with as little as possible in it."""

from loadtest_operator.build import names
from loadtest_operator.build.children import Timing
from loadtest_operator.build.names import RunRef
from loadtest_operator.build.pods import Images, PodPlan
from loadtest_operator.model import loadtest

TIMING = Timing(start_timeout=180, health_timeout=300, duration=300)
SPEC = {
    "target": {"url": "http://checkout.shop"},
    "scenario": {"http": {"requests": [{"path": "/"}]}},
    "load": {"users": 50, "duration": "5m"},
}


def run(test="checkout", number=3, attempt=1, uid="u-1"):
    return RunRef("shop", test, uid, number, attempt, names.run_id(test, uid, number))


def spec(**changes):
    return {**SPEC, **changes}


def plan(runners=None, scenario=None, **of_run):
    """The spec is one that a LoadTest could have."""
    raw = spec(scenario=scenario or SPEC["scenario"], **({"runners": runners} if runners else {}))
    parsed(raw)
    return PodPlan(run(**of_run), raw, Images("ours:1", "Always"), "loadtest-operator")


def parsed(raw):
    metadata = {"name": "checkout", "namespace": "shop"}
    return loadtest.parse(
        {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTest", "metadata": metadata, "spec": raw}
    )
