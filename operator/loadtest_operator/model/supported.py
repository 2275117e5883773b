"""Which fields this version validates but does not act on yet: one table, from which later work deletes rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from loadtest_operator.model import reading, walking
from loadtest_operator.model.phases import ConcurrencyPolicy, Keep, Metric
from loadtest_operator.model.schedule import LoadTestScheduleSpec
from loadtest_operator.model.spec import LoadTestSpec

# A field that has no default, or whose default cannot be written: any value is refused.
ANY: Final = object()

# Path below spec -> its default, which is accepted because it asks for nothing, the set of accepted values, or what
# tells whether a value is accepted. [] stands for every item of a list.
NOT_YET: Final[Mapping[str, Any]] = {
    "target.workloads": ANY,
    "target.tls": ANY,
    "scenario.seed": ANY,
    "scenario.k6": ANY,
    "scenario.locust.path": ANY,
    "scenario.http.requests[].save": ANY,
    "scenario.http.requests[].websocket": ANY,
    "scenario.http.requests[].expect.bodyContains": ANY,
    "scenario.http.requests[].expect.maxLatency": ANY,
    "scenario.http.users[].data": ANY,
    "scenario.http.users[].onStart": ANY,
    "scenario.http.users[].sequence": ANY,
    "scenario.http.users[].onStop": ANY,
    "scenario.http.users[].requests[].save": ANY,
    "scenario.http.users[].requests[].websocket": ANY,
    "scenario.http.users[].requests[].expect.bodyContains": ANY,
    "scenario.http.users[].requests[].expect.maxLatency": ANY,
    "load.rate": ANY,
    "load.stages": ANY,
    "load.find": ANY,
    "load.fromScript": False,
    "load.manual": False,
    "load.maxUsers": ANY,
    "thresholds[].metric": {*Metric} - {Metric.RECOVERY, Metric.DRIFT},
    "thresholds[].stage": ANY,
    "thresholds[].slice": ANY,
    "baseline.compareWith": lambda name: "/" not in name,  # another namespace: only where policy allows it
    "baseline.confirmRuns": 0,
    "environment.copySecrets": ANY,
    "environment.provision": ANY,
    "environment.keep": Keep.NEVER,
    "environment.keepFor": ANY,
    "notify": (),
}

SCHEDULE_NOT_YET: Final[Mapping[str, Any]] = {
    "triggers": ANY,
    "concurrencyPolicy": {*ConcurrencyPolicy} - {ConcurrencyPolicy.REPLACE},
    "blackout": (),
}


def unsupported(spec: LoadTestSpec | LoadTestScheduleSpec | Mapping[str, Any]) -> list[str]:
    """The fields of a spec that this version does not act on yet, as paths; none means that it does all that is asked.

    Takes the model, or the raw `spec` of a LoadTest.
    """
    if isinstance(spec, Mapping):
        spec = reading.parse(LoadTestSpec, spec)
    if isinstance(spec, LoadTestScheduleSpec):
        below = _found(spec.template.spec, NOT_YET, "spec.template.spec")
        return [*_found(spec, SCHEDULE_NOT_YET, "spec"), *below]
    return _found(spec, NOT_YET, "spec")


def _found(spec: BaseModel, table: Mapping[str, Any], root: str) -> list[str]:
    return [
        path
        for row, default in table.items()
        for path, value in _values(spec, row.split("."), root)
        if not _asks_for_nothing(value, default)
    ]


def _asks_for_nothing(value: object, default: object) -> bool:
    if value is None:
        return True
    if callable(default):
        return bool(default(value))
    return value in default if isinstance(default, set) else bool(default is not ANY and value == default)


def _values(obj: object, parts: Sequence[str], path: str) -> Iterator[tuple[str, object]]:
    """Every value that a row of the table means, with its own path."""
    if not parts or not isinstance(obj, BaseModel):
        yield path, obj
        return
    name, each, _ = parts[0].partition("[]")
    value = walking.value(obj, name)
    if not each:
        yield from _values(value, parts[1:], f"{path}.{name}")
        return
    for index, item in enumerate(value if isinstance(value, tuple) else ()):
        yield from _values(item, parts[1:], f"{path}.{name}[{index}]")
