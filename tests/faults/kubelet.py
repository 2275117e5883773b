"""Nodes: pods are placed, start, run a container, end, and die with their node."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.faults.locusts import Master, Worker
from tests.faults.model import Change, Object

if TYPE_CHECKING:
    from tests.faults.world import World

ROLE, RUN, TEST, TEST_UID = "loadtest.dev/role", "loadtest.dev/run", "loadtest.dev/test", "loadtest.dev/test-uid"
NODES = 3
NOT_READY_SECONDS = 40.0  # until the control plane believes that a node is dead
EVICTED_SECONDS = 340.0
REMOVED_SECONDS = 600.0
FIRST_RESTART_SECONDS = 1.0


class Pod:
    """One pod as its kubelet knows it."""

    def __init__(self, kubelet: "Kubelet", raw: Object, node: int) -> None:
        self.kubelet = kubelet
        self.world = kubelet.world
        self.raw = raw
        self.node = node
        self.role = raw["metadata"]["labels"][ROLE]
        self.address = ""
        self.container: Master | Worker | None = None
        self.restarts = 0
        self.unsaid: Object | None = None  # while its node is cut off

    @property
    def uid(self) -> str:
        return str(self.raw["metadata"]["uid"])

    def now(self) -> Object | None:
        """As the API server has it; None: gone."""
        where = self.world.api.by_uid.get(self.uid)
        return None if where is None else self.world.api.objects["pods"][where[1]]

    def tell(self, status: Object) -> None:
        there = self.now()
        if there is not None and self.node not in self.kubelet.dead:
            if self.kubelet.is_cut(self.node):
                self.unsaid = status
            else:
                self.world.api.set_status("pods", there, status)

    def place(self) -> None:
        there = self.now()
        if there is None:
            return
        spec = {**there["spec"], "nodeName": f"node-{self.node}"}
        self.world.api.edit("pods", there, {"spec": spec})
        self.tell({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]})
        self.world.later(self.world.chance.seconds(0.1, 1.5), self.start)

    def start(self) -> None:
        there = self.now()
        if there is None or "deletionTimestamp" in there["metadata"] or self.node in self.kubelet.dead:
            return
        if self.kubelet.is_cut(self.node):
            self.world.later(1.0, self.start)
            return
        volume = next(one for one in there["spec"]["volumes"] if one["name"] == "loadtest-run")["configMap"]["name"]
        found = self.world.api.objects["configmaps"].get((there["metadata"]["namespace"], volume))
        if found is None:  # the volume cannot be mounted
            self.world.later(5.0, self.start)
            return
        config = json.loads(found["data"]["loadtest-config.json"])
        self.address = self.address or self.kubelet.next_address()
        uid = there["metadata"]["labels"][TEST_UID]
        if self.role == "master":
            self.container = Master(self.world, config, uid, self.ended, self.kubelet.trouble(there))
            self.world.agents[self.address] = self.container
        else:
            self.container = Worker(self.world, config, uid, self.ended)
        self.tell(_running(self.address, self.restarts))

    def ended(self, code: int, word: dict[str, Any] | None) -> None:
        """The container is over by itself; a worker's that failed is started again."""
        self.container = None
        self.world.agents.pop(self.address, None)
        there = self.now()
        if there is None or "deletionTimestamp" in there["metadata"]:
            return
        if code and self.role == "worker":
            self.restarts += 1
            self.tell(_running(self.address, self.restarts, ready=False))
            wait = min(FIRST_RESTART_SECONDS * 2**self.restarts, 300.0)
            self.world.later(wait, self.start)
        else:
            self.tell(_ended(code, word))

    def die(self, code: int = 137) -> None:
        """Killed by the kernel: no last word."""
        if self.container is not None:
            self.container.kill()
            self.ended(code, None)

    def terminate(self) -> None:
        """The API server says that it is to go."""
        if self.node in self.kubelet.dead:
            return
        if wait := self.kubelet.is_cut(self.node):
            self.world.later(wait, self.terminate)
            return
        if self.container is not None:
            self.container.terminate()
            self.container = None
            self.world.agents.pop(self.address, None)
        self.world.later(self.world.chance.seconds(0.1, 3.0), self.forget)

    def forget(self) -> None:
        there = self.now()
        if there is not None:
            self.world.api.remove("pods", there)

    def lost_with_its_node(self) -> None:
        if self.container is not None:
            self.container.kill()
            self.container = None
            self.world.agents.pop(self.address, None)


class Kubelet:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.pods: dict[str, Pod] = {}
        self.dead: set[int] = set()
        self.cut: dict[int, float] = {}  # nodes that cannot reach the API server, and until when
        self.troubles: dict[str, str] = {}  # by LoadTest
        self._addresses = 0

    def hear(self, change: Change) -> None:
        if change.plural != "pods" or ROLE not in (change.object["metadata"].get("labels") or {}):
            return
        uid = change.object["metadata"]["uid"]
        if change.type == "ADDED":
            self._add(change.object)
        elif change.type == "DELETED":
            if pod := self.pods.pop(uid, None):
                pod.lost_with_its_node()
        elif change.marked:
            self.world.later(self.world.chance.seconds(0.01, 0.3), self.pods[uid].terminate)

    def _add(self, raw: Object) -> None:
        alive = [node for node in range(NODES) if node not in self.dead]
        pod = Pod(self, raw, self.world.chance.random.choice(alive))
        self.pods[pod.uid] = pod
        trouble = self.trouble(raw)
        if trouble == "unschedulable":
            words = "0/3 nodes are available: 3 Insufficient cpu."
            said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
            self._later(pod, lambda: pod.tell({"phase": "Pending", "conditions": [said]}))
        elif trouble == "image":
            said = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
            status = {"phase": "Pending", "containerStatuses": [{"name": "locust", "state": said}]}
            self._later(pod, lambda: pod.tell(status))
        else:
            self._later(pod, pod.place)

    def _later(self, pod: Pod, work: Callable[[], None]) -> None:
        self.world.later(self.world.chance.seconds(0.05, 0.5), work)

    def trouble(self, raw: Object) -> str:
        return self.troubles.get(raw["metadata"]["labels"][TEST], "")

    def next_address(self) -> str:
        self._addresses += 1
        return f"10.0.{self._addresses // 250}.{self._addresses % 250 + 1}"

    def containers(self, role: str) -> list[Pod]:
        return [pod for pod in self.pods.values() if pod.role == role and pod.container is not None]

    @property
    def cut_until(self) -> float:
        return max(self.cut.values(), default=0.0)

    def is_cut(self, node: int) -> float:
        """For how long still."""
        return max(0.0, self.cut.get(node, 0.0) - self.world.now())

    def node_cut(self, node: int, seconds: float) -> None:
        """Its pods go on, nobody hears of them, and nothing that is deleted ends."""
        self.cut[node] = max(self.cut.get(node, 0.0), self.world.now() + seconds)
        self.world.later(seconds, lambda: self._back(node))

    def _back(self, node: int) -> None:
        for pod in [pod for pod in self.pods.values() if pod.node == node and pod.unsaid is not None]:
            status, pod.unsaid = pod.unsaid, None
            if status is not None:
                pod.tell(status)

    def node_dies(self, node: int) -> None:
        """The control plane notices later, and clears up much later."""
        self.dead.add(node)
        lost = [pod for pod in self.pods.values() if pod.node == node]
        for pod in lost:
            pod.lost_with_its_node()
        self.world.later(NOT_READY_SECONDS, lambda: [self._not_ready(pod) for pod in lost])
        self.world.later(EVICTED_SECONDS, lambda: [self._evict(pod) for pod in lost])
        self.world.later(REMOVED_SECONDS, lambda: [pod.forget() for pod in lost])

    def _not_ready(self, pod: Pod) -> None:
        there = pod.now()
        if there is not None and (status := there.get("status")):
            conditions = [one for one in status.get("conditions") or () if one["type"] != "Ready"]
            conditions.append({"type": "Ready", "status": "False", "reason": "NodeNotReady"})
            self.world.api.set_status("pods", there, {**status, "conditions": conditions})

    def _evict(self, pod: Pod) -> None:
        there = pod.now()
        if there is not None and "deletionTimestamp" not in there["metadata"]:
            self.world.api.delete("pods", there["metadata"]["namespace"], there["metadata"]["name"])


def _running(address: str, restarts: int, *, ready: bool = True) -> Object:
    image = {"image": "modelled", "imageID": "modelled@sha256:0"}
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}} if ready else {"waiting": {"reason": "CrashLoopBackOff"}}
    container = {"name": "locust", "ready": ready, "restartCount": restarts, "state": state, **image}
    answer = "True" if ready else "False"
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": answer}]
    return {"phase": "Running", "podIP": address, "conditions": conditions, "containerStatuses": [container]}


def _ended(code: int, word: dict[str, Any] | None) -> Object:
    reason = "Completed" if code == 0 else "OOMKilled" if code == 137 else "Error"
    state = {"terminated": {"exitCode": code, "reason": reason, "message": json.dumps(word) if word else ""}}
    container = {"name": "locust", "ready": False, "restartCount": 0, "state": state}
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}]
    return {
        "phase": "Failed" if code else "Succeeded",
        "conditions": conditions,
        "containerStatuses": [{**container, "image": "modelled", "imageID": "modelled@sha256:0"}],
    }
