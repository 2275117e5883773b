"""What runs that were to be over have left in the tiny cluster, as the operator sees it."""

from copy import deepcopy

from loadtest_operator.build import names
from loadtest_operator.decide.observed import Lingering


def lingering(world, run):
    """Workers of any run that have not ended, and since when their masters have."""
    there = [pod for pod in world.pods() if pod["status"]["phase"] in {"Pending", "Running"}]
    earlier = [pod for pod in there if attempt_of(pod) != (run.id, str(run.attempt))]
    masters = {attempt_of(pod) for pod in earlier if role_of(pod) == "master"}
    workers = [pod for pod in earlier if role_of(pod) == "worker"]
    orphans = {name_of(pod) for pod in workers if attempt_of(pod) not in masters}
    world.alone = {name: world.alone.get(name, world.now) for name in orphans}
    return tuple(
        Lingering(deepcopy(pod), alone_for=world.now - world.alone[name_of(pod)])
        if name_of(pod) in orphans
        else Lingering(deepcopy(pod), load_ends=world.load_ends)
        for pod in workers
    )


def name_of(pod):
    return pod["metadata"]["name"]


def role_of(pod):
    return pod["metadata"]["labels"][names.LABEL_ROLE]


def attempt_of(pod):
    labels = pod["metadata"]["labels"]
    return labels[names.LABEL_RUN], labels[names.LABEL_ATTEMPT]
