"""What keeps pods, in the words of those who say so, and the end that comes of it."""

from tests.unit.decide_run import states

UNSCHEDULABLE = "0/3 nodes are available: 3 Insufficient cpu."
ONCE = {**states.SPEC, "runners": {"workers": 2, "retries": 0}}


def ended(world):
    """The plan that says Error, a few looks later."""
    for _ in range(4):
        plan = world.look()
        if plan.status and plan.status["phase"] == "Error":
            return plan
    raise AssertionError(world.raw["status"])


def waiting(pod, reason, message=""):
    state = {"waiting": {"reason": reason, "message": message}}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "locust", "state": state}]}


def unscheduled(pod):
    found = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": UNSCHEDULABLE}
    pod["status"] = {"phase": "Pending", "conditions": [found]}


def last_word(reason, message="it broke"):
    return f'{{"protocol": 1, "state": "Failed", "error": {{"reason": "{reason}", "message": "{message}"}}}}'
