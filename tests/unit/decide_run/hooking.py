"""LoadTests with hooks, and how their runs end."""

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import by_type

BEFORE = {"image": "seed:1", "command": ["seed", "--all"]}
AFTER = {"image": "clean:1"}
ENDS = {
    "broken": ("Error", "Error"),
    "stopped": ("Cancelled", "Cancelled"),
    "suspended": ("Suspended", "Suspended"),
    "superseded": ("Superseded", "Queued"),
    "overdue": ("Error", "Error"),
}


def spec(**hooks):
    return {**SPEC, "hooks": hooks}


def ready(world):
    return by_type(world.raw["status"])["Ready"]


def told(world):
    return by_type(world.raw["status"])["HooksSucceeded"]


def environment(made):
    (container,) = made["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item.get("value") for item in container["env"]}


def looks_until_made(world, role):
    """The plan that makes the Job."""
    for _ in range(6):
        plan = world.look()
        for body in plan.create:
            if body["metadata"]["labels"]["loadtest.dev/role"] == role:
                return body
    raise AssertionError(f"no Job {role}: {world.raw['status']['phase']}: {world.raw['status']['message']}")


def seeding(**hooks):
    """The Job before the load runs."""
    world = states.preparing(spec(before=BEFORE, **hooks))
    looks_until_made(world, "before")
    return world


def measured(wanted=None):
    """The load is over, the results are stored, the Job after the load runs."""
    world = states.judging(wanted or spec(after=AFTER))
    looks_until_made(world, "after")
    return world


def end(world, how):
    """The run ends before its time; the reason is the one that its status will have."""
    if how == "broken":
        world.end_master('{"error": {"reason": "ScriptError", "message": "boom"}}')
    elif how == "stopped":
        world.stop()
    elif how == "suspended":
        world.edit(suspend=True)
    elif how == "superseded":
        world.edit(onChange="Replace", load={"users": 60, "duration": "5m"})
    elif how == "overdue":
        world.tick(100_000)
