"""What people do in a history: apply, edit, ask, delete, schedule. They reach the API server without faults."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.faults.chance import Fault
from tests.faults.model import Object

if TYPE_CHECKING:
    from tests.faults.world import World

HOME = "shop"
REQUEST = "loadtest.dev/run-requested"
BUSY_SECONDS = 45.0  # while people still do something
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
"""


class Person:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.draw = world.chance.random
        self.last = 0.0  # when somebody does something for the last time

    def at(self, moment: float, work: Callable[[], None]) -> None:
        self.last = max(self.last, moment)
        self.world.later(moment - self.world.now(), work)

    def some_time(self, most: float = BUSY_SECONDS) -> float:
        return self.draw.uniform(0.0, most)

    def spec(self, **changes: Any) -> Object:
        workers = self.draw.randint(1, 3)
        spec = {
            "target": {"url": "http://target:8080", "health": {"path": "/", "timeout": "10s"}},
            "scenario": {"http": {"requests": [{"path": "/"}]}},
            "load": {
                "users": self.draw.randint(workers, 20),
                "spawnRate": "100/s",
                "duration": f"{self.draw.randint(4, 12)}s",
                "warmup": "1s",
            },
            "runners": {"workers": workers, "startTimeout": "60s"},
            "thresholds": [{"metric": "p95", "fail": self.draw.choice(["2s", "10ms"])}],
        }
        return {**spec, **changes}

    def apply(self, name: str, spec: Object) -> None:
        self.world.watcher.tell(f"somebody applies {name}")
        body = {"apiVersion": "loadtest.dev/v1alpha1", "kind": "LoadTest", "metadata": {"name": name}, "spec": spec}
        if (HOME, name) not in self.world.api.objects["loadtests"]:
            self.world.api.create("loadtests", HOME, body, "kubectl")

    def edit(self, name: str, change: Callable[[Object], Object]) -> None:
        found = self.world.api.objects["loadtests"].get((HOME, name))
        if found is not None and "deletionTimestamp" not in found["metadata"]:
            self.world.watcher.tell(f"somebody edits {name}")
            self.world.api.edit("loadtests", found, {"spec": change(found["spec"])})

    def annotate(self, name: str, key: str, value: str) -> None:
        found = self.world.api.objects["loadtests"].get((HOME, name))
        if found is not None:
            notes = {**(found["metadata"].get("annotations") or {}), key: value}
            self.world.watcher.tell(f"somebody annotates {name}: {key}={value}")
            self.world.api.edit("loadtests", found, {}, {"annotations": notes})

    def delete(self, name: str, propagation: str) -> None:
        found = self.world.api.objects["loadtests"].get((HOME, name))
        if found is not None:
            self.world.watcher.tell(f"somebody deletes {name}, {propagation}")
            self.world.api.delete("loadtests", HOME, name, propagation)
            self.world.watcher.user_deleted(found["metadata"]["uid"], propagation)


def tell(world: "World", person: Person) -> str:
    """One to three stories at once; answers their names."""
    count = person.draw.choice((1, 1, 1, 2, 3))
    names = []
    for number in range(count):
        story = person.draw.choice(STORIES)
        names.append(story.__name__.lstrip("_"))
        story(person, f"t{number}")
    if person.draw.random() < 0.3:
        _touched(person, "t0")
    return ", ".join(names)


def _plain(person: Person, name: str) -> None:
    person.at(person.some_time(3), lambda: person.apply(name, person.spec()))


def _environment(person: Person, name: str) -> None:
    around = {"manifests": [{"inline": DEPLOYMENT}], "ready": {"timeout": "60s"}}
    target = {"url": "http://shop.{namespace}:8080"}
    person.at(person.some_time(3), lambda: person.apply(name, person.spec(environment=around, target=target)))
    if person.draw.random() < 0.3:
        _will_be_deleted(person, name)


def _fails_to_start(person: Person, name: str) -> None:
    person.world.kubelet.troubles[name] = person.draw.choice(("script", "target", "image", "unschedulable"))
    _plain(person, name)
    if person.draw.random() < 0.5:

        def mend() -> None:
            person.world.kubelet.troubles.pop(name, None)
            person.annotate(name, REQUEST, "mended")

        person.at(person.some_time(), mend)


def _edited(person: Person, name: str) -> None:
    _plain(person, name)
    for _ in range(person.draw.randint(1, 3)):
        users, fail = person.draw.randint(3, 20), person.draw.choice(["2s", "10ms", "40ms"])
        change = person.draw.choice(
            (
                lambda spec, users=users: {**spec, "load": {**spec["load"], "users": users}},
                lambda spec, fail=fail: {**spec, "thresholds": [{"metric": "p95", "fail": fail}]},
                lambda spec: {**spec, "load": {**spec["load"], "duration": "5s"}},
            )
        )
        person.at(person.some_time(), lambda change=change: person.edit(name, change))


def _asked_again(person: Person, name: str) -> None:
    _plain(person, name)
    for number in range(person.draw.randint(1, 2)):
        value = f"please-{number}"
        person.at(person.some_time(), lambda value=value: person.annotate(name, REQUEST, value))


def _deleted(person: Person, name: str) -> None:
    _plain(person, name)
    _will_be_deleted(person, name)


def _will_be_deleted(person: Person, name: str) -> None:
    propagation = person.draw.choice(("Background", "Background", "Foreground", "Orphan"))
    moment = person.some_time(30)
    person.at(moment, lambda: person.delete(name, propagation))
    if person.draw.random() < 0.5:
        again = moment + person.some_time(10)
        person.at(again, lambda: person.apply(name, person.spec()))


def _scheduled(person: Person, name: str) -> None:
    body = {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTestSchedule",
        "metadata": {"name": name},
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": person.draw.choice(("Forbid", "Queue", "Allow")),
            "template": {"spec": person.spec()},
        },
    }
    person.at(person.some_time(30), lambda: person.world.api.create("loadtestschedules", HOME, body, "kubectl"))
    person.at(person.draw.uniform(75, 150), lambda: _suspend(person, name))


def _suspend(person: Person, name: str) -> None:
    found = person.world.api.objects["loadtestschedules"][HOME, name]
    person.world.api.edit("loadtestschedules", found, {"spec": {**found["spec"], "suspend": True}})


def _touched(person: Person, name: str) -> None:
    """A controller that writes an annotation now and then."""

    def touch(number: int) -> None:
        person.annotate(name, "example.com/seen", str(number))
        person.world.chance.counts[Fault.EDITED] += 1

    for number in range(person.draw.randint(3, 15)):
        person.at(person.some_time(), lambda number=number: touch(number))


STORIES = (
    _plain,
    _plain,
    _environment,
    _fails_to_start,
    _edited,
    _edited,
    _asked_again,
    _deleted,
    _deleted,
    _scheduled,
)
