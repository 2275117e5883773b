"""Which faults a history has, and when: from none to many, so that single causes are seen as well as their sums."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from loadtest_operator.decide import ticket

from tests.faults.chance import Fault
from tests.faults.kubelet import NODES, TEST, Pod
from tests.faults.locusts import Master, Worker

if TYPE_CHECKING:
    from tests.faults.world import World

HOME = "shop"
OTHERS_WAIT = 0.1  # of all histories; in few of them anybody waits
CALL_RATES = (0.0, 0.0, 0.01, 0.03, 0.1, 0.25)
WATCH_RATES = (0.0, 0.0, 0.01, 0.05, 0.2)


def plan(world: "World", busy: float) -> None:
    """Until some time after people have stopped doing things."""
    chance = world.chance
    draw = chance.random
    chance.until = draw.uniform(5.0, busy + 40.0)
    chance.call_rate = draw.choice(CALL_RATES)
    chance.watch_rate = draw.choice(WATCH_RATES)
    for trouble in TROUBLES:
        if draw.random() < 0.22:
            for _ in range(draw.choice((1, 1, 2, 4))):
                moment = draw.uniform(0.0, chance.until)
                trouble(world, moment)
    _others_wait(world)


def _later(world: "World", moment: float, work: Callable[[], None]) -> None:
    world.later(moment, work)


def _crash(world: "World", moment: float) -> None:
    number = world.chance.random.choice(list(world.processes))

    def crash() -> None:
        if not world.processes[number].dead:
            world.chance.happens(Fault.CRASH)
            world.watcher.tell(f"operator {number} crashes")
            world.processes[number].kill()

    _later(world, moment, crash)


def _pause(world: "World", moment: float) -> None:
    number, seconds = world.chance.random.choice(list(world.processes)), world.chance.seconds(1, 60)

    def pause() -> None:
        world.chance.happens(Fault.PAUSE, seconds)
        world.watcher.tell(f"operator {number} is paused for {seconds:.1f} s")
        world.paused[number] = world.now() + seconds

    _later(world, moment, pause)


def _clock(world: "World", moment: float) -> None:
    number = world.chance.random.choice(list(world.processes))
    step = world.chance.random.choice((-7200.0, -300.0, -20.0, -2.0, 2.0, 20.0, 300.0, 7200.0))
    back = moment + world.chance.seconds(5, 60)

    def change(seconds: float) -> None:
        world.chance.happens(Fault.CLOCK)
        world.watcher.tell(f"the clock of operator {number} is off by {seconds:.0f} s")
        world.clock_steps[number] = seconds

    _later(world, moment, lambda: change(step))
    _later(world, back, lambda: change(0.0))
    world.chance.last = max(world.chance.last, back)


def _away(world: "World", moment: float) -> None:
    number = world.chance.random.choice((-1, *world.processes))
    world.chance.away.append((moment, moment + world.chance.seconds(1, 45), number))


def _agents_cut(world: "World", moment: float) -> None:
    number = world.chance.random.choice((-1, *world.processes))
    world.chance.agents_cut.append((moment, moment + world.chance.seconds(1, 60), number))


def _store_away(world: "World", moment: float) -> None:
    world.shelf.away.append((moment, moment + world.chance.seconds(1, 60)))


def _store_full(world: "World", moment: float) -> None:
    world.shelf.full.append((moment, moment + world.chance.seconds(1, 60)))


def _pod_dies(world: "World", moment: float) -> None:
    role, deleted = world.chance.random.choice(("master", "worker")), world.chance.maybe(0.4)

    def die() -> None:
        pods = world.kubelet.containers(role)
        if not pods:
            return
        pod = world.chance.random.choice(pods)
        fault = Fault.POD_DELETED if deleted else Fault.MASTER_DIES if role == "master" else Fault.WORKER_DIES
        world.chance.happens(fault)
        world.watcher.tell(f"{fault}: {pod.raw['metadata']['name']}")
        if isinstance(pod.container, Master):
            world.watcher.master_died(pod.container)
        there = pod.now()
        if deleted and there is not None:
            world.api.delete("pods", there["metadata"]["namespace"], there["metadata"]["name"])
        else:
            pod.die()

    _later(world, moment, die)


def _node_dies(world: "World", moment: float) -> None:
    node = world.chance.random.randrange(NODES)

    def die() -> None:
        if len(world.kubelet.dead) < NODES - 1 and node not in world.kubelet.dead:
            world.chance.happens(Fault.NODE_DIES, 45.0)
            world.watcher.tell(f"node {node} dies")
            world.kubelet.node_dies(node)

    _later(world, moment, die)


def _node_cut(world: "World", moment: float) -> None:
    node, seconds = world.chance.random.randrange(NODES), world.chance.seconds(2, 30)

    def cut() -> None:
        world.chance.happens(Fault.NODE_CUT, seconds)
        world.watcher.tell(f"node {node} is cut off for {seconds:.1f} s")
        world.kubelet.node_cut(node, seconds)

    _later(world, moment, cut)


def _split(world: "World", moment: float) -> None:
    """A master dies while the node of one of its workers cannot be told anything."""
    seconds = world.chance.seconds(5, 30)

    def split() -> None:
        pairs = _apart(world)
        if not pairs:
            return
        worker, master = world.chance.random.choice(pairs)
        _part(world, worker, master, seconds)

    _later(world, moment, split)


def _part(world: "World", worker: Pod, master: Pod, seconds: float) -> None:
    world.chance.happens(Fault.NODE_CUT, seconds)
    world.chance.happens(Fault.MASTER_DIES)
    world.watcher.tell(f"node {worker.node} is cut off for {seconds:.1f} s, {master.raw['metadata']['name']} dies")
    world.kubelet.node_cut(worker.node, seconds)
    if isinstance(master.container, Master):
        world.watcher.master_died(master.container)
    master.die()


def _others_wait(world: "World") -> None:
    """Somebody deletes what others wait for when its master dies and the node of one of its workers cannot be told.

    With a dice of its own: histories without it stay what they are.
    """
    draw = random.Random(world.seed ^ 0x10C5)
    if draw.random() > OTHERS_WAIT:
        return

    def look(times: int) -> None:
        waiting = any(ticket.waits(test) for test in world.api.objects["loadtests"].values())
        pairs = _apart(world) if waiting else []
        if pairs:
            worker, master = draw.choice(pairs)
            _part(world, worker, master, draw.uniform(8, 25))
            _delete(world, worker.raw["metadata"]["labels"][TEST])
        elif times:
            world.later(1.0, lambda: look(times - 1))

    world.later(draw.uniform(0, 20), lambda: look(60))


def _delete(world: "World", name: str) -> None:
    test = world.api.objects["loadtests"].get((HOME, name))
    if test is not None and "deletionTimestamp" not in test["metadata"]:
        world.watcher.tell(f"somebody deletes {name}")
        world.api.delete("loadtests", HOME, name)
        world.watcher.user_deleted(test["metadata"]["uid"], "Background")


def _apart(world: "World") -> list[tuple[Pod, Pod]]:
    """Workers under load, with their masters on other nodes."""
    loading = [pod for pod in world.kubelet.containers("worker") if isinstance(pod.container, Worker)]
    pairs = [(pod, _master_of(world, pod)) for pod in loading]
    return [(pod, master) for pod, master in pairs if master is not None and master.node != pod.node]


def _master_of(world: "World", worker: Pod) -> Pod | None:
    """Of a worker that is at work."""
    mine = worker.container.master if isinstance(worker.container, Worker) else None
    return next((pod for pod in world.kubelet.containers("master") if mine is not None and pod.container is mine), None)


TROUBLES = (
    _crash,
    _pause,
    _clock,
    _away,
    _agents_cut,
    _store_away,
    _store_full,
    _pod_dies,
    _pod_dies,
    _node_dies,
    _node_cut,
    _split,
)
