"""Observed states to decide from. Each is reached by the decisions themselves, so that no impossible one is built."""

from loadtest_operator.model.phases import Phase

from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.world import World

_BEFORE = {
    Phase.STARTING: "Loading",
    Phase.PREFLIGHT: "Preflight",
    Phase.RUNNING: "Running",
    Phase.COLLECTING: "Collecting",
}


def fresh(spec=None, annotations=None):
    """Just applied; nobody has looked yet."""
    return World(spec, annotations)


def preparing(spec=None, annotations=None):
    return _in(Phase.PREPARING, _looked(fresh(spec, annotations), 1))


def created(spec=None, annotations=None):
    """Starting; the pods are Pending, as the API server made them."""
    return _in(Phase.STARTING, _looked(preparing(spec, annotations), 1))


def starting(spec=None, annotations=None):
    """The pods run, the master's agent answers and waits for workers."""
    return _follow(created(spec, annotations), Phase.STARTING)


def preflight(spec=None, annotations=None):
    return _follow(starting(spec, annotations), Phase.PREFLIGHT)


def running(spec=None, annotations=None, seconds_of_load=0):
    world = _follow(preflight(spec, annotations), Phase.RUNNING)
    world.tick(seconds_of_load)
    return world


def collecting(spec=None, annotations=None):
    return _follow(running(spec, annotations, 300), Phase.COLLECTING)


def holding(spec=None, annotations=None, error=None):
    """The master has everything and waits for the acknowledge; the operator has not looked since."""
    world = collecting(spec, annotations)
    world.advance("Holding")
    world.agent["error"] = error
    return world


def judging(spec=None, annotations=None, error=None):
    return _in(Phase.JUDGING, _looked(holding(spec, annotations, error), 1))


def completed(spec=None, annotations=None, verdict=None):
    """Judged and told; the master has not been let go yet."""
    world = judging(spec, annotations)
    world.verdict = verdict
    return _in(Phase.COMPLETED, _looked(world, 2))


def cleaned(spec=None, annotations=None, verdict=None):
    """Long over."""
    world = completed(spec, annotations, verdict)
    for _ in range(3):
        world.look()
        world.tick(3600)
    assert not world.objects
    return world


def broken(word='{"error": {"reason": "ScriptError", "message": "boom"}}'):
    """The run broke before any load."""
    world = starting()
    world.end_master(word)
    return _in(Phase.ERROR, _looked(world, 1))


def _follow(world, phase):
    world.start_pods()
    world.advance(_BEFORE[phase])
    world.tick(1)
    return _in(phase, _looked(world, 1))


def _looked(world, times):
    for _ in range(times):
        world.look()
    return world


def _in(phase, world):
    found = world.raw["status"].get("phase")
    assert found == str(phase), f"{found}: {world.raw['status'].get('message')}"
    return world


__all__ = ["SPEC"]
