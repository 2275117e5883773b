"""The stories: what is applied, how the pods behave, what people do meanwhile, and when it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.crash.scene import MERGE, Scene, Step, Story
from tests.support.loadtests import SMALL, loadtest
from tests.support.played import waiting
from tests.support.played_agent import Script

LOCUST_STATES = ("WaitingForWorkers", "Preflight", "Running")
TERMINAL = {"Completed", "Error", "Cancelled"}
SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 8080}]}
"""
ENVIRONMENT = {"target": {"url": "http://shop.{namespace}:8080"}, "environment": {"manifests": [{"inline": SHOP}]}}
IN_STEP = Script(pause_at=frozenset(LOCUST_STATES))

Object = dict[str, Any]


def plain() -> Story:
    return Story("plain", (_test("plain"),), _over("plain"), _in_step("plain"), IN_STEP)


def with_environment() -> Story:
    steps = (Step(_deployed, _becomes_ready), *_in_step("housed"))

    def over(scene: Scene) -> bool:
        return bool((scene.status("housed").get("environment") or {}).get("phase") == "Deleted")

    return Story("environment", (_test("housed", **ENVIRONMENT),), over, steps, IN_STEP)


def with_hooks() -> Story:
    """Data is seeded before the load, and removed after it."""
    hooks = {"before": {"image": "seed:1"}, "after": {"image": "clean:1"}}
    return Story("hooks", (_test("hooked", hooks=hooks),), _over("hooked"), _in_step("hooked"), IN_STEP)


def without_an_image() -> Story:
    """Its pods never start; it ends when it has had its time."""
    words = waiting("ErrImagePull", "manifest for played not found")
    script = Script(master_status=words, worker_status=words)
    runners = {"workers": 2, "resources": SMALL, "master": {"resources": SMALL}, "startTimeout": "15s"}
    return Story("image", (_test("stuck", runners=runners),), _over("stuck"), (), script)


def with_a_broken_script() -> Story:
    """It fails in the master's pod before any load, when the workers' pods are there."""
    failure = ("WaitingForWorkers", "ScriptError", "line 3: NameError: name 'taks' is not defined")
    script = Script(pause_at=frozenset({"Loading"}), fail=failure)
    steps = (Step(_workers_wait, _go_on("broken", "Loading")),)
    return Story("script", (_test("broken"),), _over("broken"), steps, script)


def edited_in_mid_run() -> Story:
    """The new spec waits for the end of the run."""

    def edit_is_seen(scene: Scene) -> bool:
        return int(scene.status("edited").get("observedGeneration", 0)) == 2

    steps = (
        *_in_step("edited", LOCUST_STATES[:-1]),
        Step(_runs("edited"), _edit("edited")),
        Step(edit_is_seen, _go_on("edited", "Running")),
        *_in_step("edited", number=2),
    )
    return Story("edited", (_test("edited"),), _over("edited", number=2), steps, IN_STEP)


def superseded() -> Story:
    """The new spec takes the place of the run."""
    steps = (
        *_in_step("replaced", LOCUST_STATES[:-1]),
        Step(_runs("replaced"), _edit("replaced")),
        *_in_step("replaced", number=2),
    )
    # By default the workers' Job of the first run stays for its logs if it was quick enough to finish.
    test = _test("replaced", onChange="Replace", retention={"pods": "Never"})
    return Story("superseded", (test,), _over("replaced", number=2), steps, IN_STEP)


def scheduled() -> Story:
    """Its minute came while no operator was there."""
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    name = f"nightly-{int(due.timestamp()) // 60}"
    body = {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {"name": "nightly"},
        "spec": {
            "schedule": f"{due.minute} {due.hour} * * *",
            "template": {"spec": _test("any")["spec"]},
        },
        "status": {"observedGeneration": 1, "nextRun": due.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }

    def over(scene: Scene) -> bool:
        shown = scene.there("LoadTestSchedule")["nightly"].get("status") or {}
        return bool(shown.get("lastVerdict"))

    return Story("scheduled", (body,), over, _in_step(name), IN_STEP)


def _test(name: str, **changes: Any) -> Object:
    body = loadtest(name, "", **changes)
    return {**body, "metadata": {"name": name}}


def _over(name: str, number: int = 1) -> Any:
    def over(scene: Scene) -> bool:
        status = scene.status(name)
        return status.get("phase") in TERMINAL and status["run"]["number"] == number

    return over


def _in_step(name: str, states: tuple[str, ...] = LOCUST_STATES, number: int = 1) -> tuple[Step, ...]:
    """The master goes on from a state when the status tells of it: each telling has the same writes."""

    def tells(state: str) -> Any:
        def look(scene: Scene) -> bool:
            status = scene.status(name)
            if (status.get("run") or {}).get("number") != number:
                return False
            if state == "WaitingForWorkers":
                return bool(scene.condition(name, "WorkersConnected").get("reason") == state)
            return bool(status.get("phase") == state)

        return look

    return tuple(Step(tells(state), _go_on(name, state, number)) for state in states)


def _runs(name: str) -> Any:
    return lambda scene: scene.status(name).get("phase") == "Running"


def _edit(name: str) -> Any:
    async def edit(scene: Scene) -> None:
        load = {"users": 8, "spawnRate": "10/s", "duration": "7s", "warmup": "1s"}
        await scene.patch("LoadTest", name, {"spec": {"load": load}})

    return edit


def _go_on(name: str, state: str, number: int = 1) -> Any:
    async def go_on(scene: Scene) -> None:
        scene.kubelet.go_on(name, state, number)

    return go_on


def _workers_wait(scene: Scene) -> bool:
    """A master and two workers run, and the status tells that the master has been asked."""
    pods = [pod for pod in scene.there("Pod").values() if (pod.get("status") or {}).get("phase") == "Running"]
    return len(pods) == 3 and scene.condition("broken", "WorkersConnected").get("reason") == "WaitingForWorkers"


def _deployed(scene: Scene) -> bool:
    return any(scene.world.recorder.there("Deployment", where) for where in scene.environments())


async def _becomes_ready(scene: Scene) -> None:
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    for where in scene.environments():
        path = f"/apis/apps/v1/namespaces/{where}/deployments/shop/status"
        await scene.world.call("PATCH", path, {"status": status}, MERGE)
