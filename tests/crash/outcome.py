"""What a telling of a story leaves: statuses, the store's content, and all objects; without what differs each time."""

import json
import re
import sqlite3
import zlib
from collections import Counter
from contextlib import closing
from typing import Any

from loadtest_operator.build import names
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide.scheduled import KIND as SCHEDULE
from loadtest_operator.io.kube import BY_KIND
from loadtest_operator.store import blob

from tests.crash.scene import Scene

TIMES = {"startTime", "endTime", "lastTransitionTime", "attemptTime", "updated", "first", "last", "start", "cpuHours"}
COLUMNS_OF_TIME = {"started", "ended"}
OWN = ("LoadTest", SCHEDULE)
# Our Events are best effort, the Lease and the key are the operator's own.
NOT_OF_RUNS = {"Event", "Lease", "Secret", "Namespace", *OWN}
MOST_RUNS = 4

Outcome = dict[str, Any]


def standing(scene: Scene) -> Outcome:
    """By what watching told: the statuses, and what is there."""
    statuses = {f"{kind} {name}": raw.get("status") for kind in OWN for name, raw in scene.there(kind).items()}
    return _told_alike(scene, {"statuses": statuses, "there": sorted(children(scene))})


def children(scene: Scene) -> list[str]:
    """What is there of all runs, by what watching told."""
    there = [
        f"{kind} {name}"
        for kind in BY_KIND
        if kind not in NOT_OF_RUNS
        for name, raw in scene.there(kind).items()
        if (raw["metadata"].get("labels") or {}).get(names.LABEL_MANAGED_BY) == names.MANAGED_BY
    ]
    return [*there, *(f"Namespace {name}" for name in scene.environments())]


def made(scene: Scene) -> Counter[str]:
    """How many objects ever bore each name, the environment's too; Jobs' pods count as pods of their Job."""
    count: Counter[str] = Counter()
    for namespace in (scene.namespace, *_all_environments(scene)):
        for name, uids in scene.world.recorder.made(namespace).items():
            if name.partition(" ")[0] not in {"Event", "Lease"}:
                count[_told_alike(scene, name)] += len(uids)
    return count


def stored(scene: Scene) -> Outcome:
    """All rows of all tables."""
    with closing(sqlite3.connect(f"file:{scene.store}?mode=ro", uri=True)) as store:
        store.row_factory = sqlite3.Row
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
        rows = {table: [_row(row) for row in store.execute(f"SELECT * FROM {table} ORDER BY 1")] for table in tables}
    return _told_alike(scene, rows)


async def listed(scene: Scene) -> list[str]:
    """Every kind that the operator makes, asked for by label: nothing here comes from a watch."""
    found = []
    for kind, resource in BY_KIND.items():
        if kind in {*OWN, "Secret", "Lease", "Event", "Namespace"}:
            continue
        path = f"{resource.path(scene.namespace)}?labelSelector={names.CHILD_SELECTOR}"
        found += [f"{kind} {item['metadata']['name']}" for item in (await scene.world.call("GET", path))["items"]]
    spaces = await scene.world.call("GET", f"/api/v1/namespaces?labelSelector={names.LABEL_ENVIRONMENT}=true")
    owners = [(raw["metadata"]["name"], raw["metadata"]["annotations"]) for raw in spaces["items"]]
    found += [
        f"Namespace {name}" for name, notes in owners if notes[names.ANNOTATION_OWNER_NAMESPACE] == scene.namespace
    ]
    told: list[str] = _told_alike(scene, sorted(found))
    return told


def _row(row: sqlite3.Row) -> dict[str, Any]:
    found = {key: row[key] for key in row.keys() if key not in COLUMNS_OF_TIME}  # noqa: SIM118
    if isinstance(data := found.get("data"), bytes):
        windows = data.startswith(b"LTW1")
        found["data"] = blob.unpack(data).to_json() if windows else json.loads(zlib.decompress(data))
    for key in ("judgement", "comparison"):
        if found.get(key, "").startswith("{"):
            found[key] = json.loads(found[key])
    return found


def _all_environments(scene: Scene) -> list[str]:
    """Also those that are gone."""
    return [run.environment for run in _runs(scene)]


def _runs(scene: Scene) -> list[RunRef]:
    uids = scene.world.recorder.made(scene.namespace)
    return [
        RunRef(
            scene.namespace, name.partition(" ")[2], uid, number, id=names.run_id(name.partition(" ")[2], uid, number)
        )
        for name, found in uids.items()
        if name.startswith("LoadTest ")
        for uid in found
        for number in range(1, MOST_RUNS + 1)
    ]


def _told_alike(scene: Scene, found: Any) -> Any:
    """Without times, and with words for what is random or depends on a UID."""
    text = json.dumps(_without_times(found))
    for run in _runs(scene):
        text = text.replace(run.id, f"{run.test}-{run.number}-ID")
        text = text.replace(run.environment, f"environment-{run.test}-{run.number}").replace(run.uid, "UID")
    text = re.sub(r"(-workers-\d+|-master|-before|-after)-[a-z0-9]{5}\b", r"\1-pod", text)
    return json.loads(re.sub(rf"\b{scene.namespace}\b", "NAMESPACE", text))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: _without_times(item) for key, item in value.items() if key not in TIMES}
        if "conditions" in found:  # their order says nothing
            found["conditions"] = {item["type"]: item for item in found["conditions"]}
        return found
    return [_without_times(item) for item in value] if isinstance(value, list) else value


def difference(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two outcomes differ, one line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for key in sorted({*one, *other})
            for line in difference(one.get(key), other.get(key), f"{at}.{key}" if at else str(key))
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for index, pair in enumerate(zip(one, other, strict=True))
            for line in difference(*pair, f"{at}[{index}]")
        ]
    return [] if one == other else [f"{at}: {str(one)[:300]} != {str(other)[:300]}"]
