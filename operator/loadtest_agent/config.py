"""Read the run's configuration file and refuse what cannot be meant; knows nothing of Locust."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from loadtest_agent import protocol
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JsonObject = dict[str, object]
_REQUIRED: Final = object()


@dataclass(frozen=True)
class Run:
    id: str
    attempt: int
    namespace: str
    test: str


@dataclass(frozen=True)
class Health:
    path: str
    expect: tuple[int, ...]
    headers: Mapping[str, str]
    timeout_seconds: float


@dataclass(frozen=True)
class Tls:
    insecure: bool
    ca_file: str | None


@dataclass(frozen=True)
class Target:
    url: str
    version: str
    health: Health
    tls: Tls


@dataclass(frozen=True)
class UserClass:
    name: str
    weight: float | None


@dataclass(frozen=True)
class Scenario:
    kind: str
    files: tuple[str, ...]
    tags: tuple[str, ...]
    exclude_tags: tuple[str, ...]
    user_classes: tuple[UserClass, ...]
    http: JsonObject


@dataclass(frozen=True)
class Load:
    users: int
    spawn_rate: float
    duration_seconds: float
    warmup_seconds: float


@dataclass(frozen=True)
class AbortRule:
    """A limit that ends the run when it is crossed over so long a stretch."""

    reason: str
    name: str
    metric: str
    endpoint: str | None
    limit: float
    lower_is_worse: bool
    for_seconds: float


@dataclass(frozen=True)
class Address:
    host: str
    port: int


@dataclass(frozen=True)
class Config:
    folder: Path
    run: Run
    token_sha256: str
    target: Target
    scenario: Scenario
    load: Load
    window_seconds: float
    workers: int
    start_timeout_seconds: float
    hold_seconds: float
    deadline_at: float  # on the wall clock; infinity: there is none
    master: Address
    listen: Address
    aborts: tuple[AbortRule, ...] = ()


class _Section:
    """One object of the file; every question names the field in its answer."""

    def __init__(self, data: JsonObject, path: str = "") -> None:
        self._data = data
        self._path = path

    def _get(self, name: str, default: object) -> object:
        value = self._data.get(name)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise AgentError(protocol.Reason.CONFIG_ERROR, f"{self._path}{name} is missing in the configuration")
        return default

    def _wrong(self, name: str, wanted: str, value: object) -> AgentError:
        return AgentError(protocol.Reason.CONFIG_ERROR, f"{self._path}{name} must be {wanted}, not {value!r}")

    def section(self, name: str, *, required: bool = False) -> _Section:
        return _Section(self.mapping(name, required=required), f"{self._path}{name}.")

    def mapping(self, name: str, *, required: bool = False) -> JsonObject:
        value = self._get(name, _REQUIRED if required else {})
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        return cast("JsonObject", value)

    def text(self, name: str, default: object = _REQUIRED) -> str:
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a string", value)
        return value

    def whole(self, name: str, default: object = _REQUIRED, least: int = 0) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._wrong(name, f"a whole number of at least {least}", value)
        return value

    def number(self, name: str, default: object = _REQUIRED, *, positive: bool = False) -> float:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise self._wrong(name, "a number of at least 0", value)
        if positive and value == 0:
            raise self._wrong(name, "a number above 0", value)
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def items(self, name: str) -> list[object]:
        value = self._get(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.items(name)
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of strings", value)
        return tuple(str(item) for item in value)


def read(path: Path) -> Config:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"{path} cannot be read: {error}") from error
    if not isinstance(raw, dict):
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"{path} must hold one JSON object")
    return parse(raw, path.parent)


def parse(raw: JsonObject, folder: Path) -> Config:
    root = _Section(raw)
    version = root.whole("protocol", least=1)
    if version > protocol.VERSION:
        raise AgentError(
            protocol.Reason.CONFIG_ERROR,
            f"protocol {version} is newer than this agent's {protocol.VERSION}: use the agent of the driver's version",
        )
    run = root.section("run", required=True)
    load = root.section("load", required=True)
    listen = root.section("listen")
    master = root.section("master")
    return Config(
        folder=folder,
        run=Run(run.text("id"), run.whole("attempt", 1, 1), run.text("namespace", ""), run.text("test", "")),
        token_sha256=root.text("tokenSHA256").lower(),
        target=_target(root.section("target", required=True)),
        scenario=_scenario(root.section("scenario", required=True)),
        load=Load(
            users=load.whole("users", least=1),
            spawn_rate=load.number("spawnRate", load.whole("users"), positive=True),
            duration_seconds=load.number("durationSeconds", positive=True),
            warmup_seconds=load.number("warmupSeconds", 0),
        ),
        window_seconds=root.number("windowSeconds", 1, positive=True),
        workers=root.whole("workers", 1, 1),
        start_timeout_seconds=root.number("startTimeoutSeconds", 180, positive=True),
        hold_seconds=root.number("holdSeconds", 86400),
        deadline_at=root.number("deadlineAt", 0) or math.inf,
        master=Address(master.text("host", "127.0.0.1"), master.whole("port", 5557)),
        listen=Address(listen.text("host", "0.0.0.0"), listen.whole("port", 9808)),  # noqa: S104 - a pod's port
        aborts=tuple(_abort(item) for item in root.items("aborts")),
    )


def _target(section: _Section) -> Target:
    url = section.text("url").rstrip("/")
    if not url.lower().startswith(("http://", "https://")):
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"target.url must begin with http:// or https://, not {url!r}")
    health = section.section("health")
    expect = health.items("expect")
    if not all(isinstance(status, int) and not isinstance(status, bool) for status in expect):
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"target.health.expect must be a list of numbers, not {expect}")
    tls = section.section("tls")
    return Target(
        url=url,
        version=section.text("version", ""),
        health=Health(
            path=health.text("path", "/"),
            expect=tuple(cast("list[int]", expect)),
            headers={name: str(value) for name, value in health.mapping("headers").items()},
            timeout_seconds=health.number("timeoutSeconds", 300),
        ),
        tls=Tls(insecure=tls.flag("insecure"), ca_file=tls.text("caFile", "") or None),
    )


def _scenario(section: _Section) -> Scenario:
    kind = section.text("kind")
    files = section.texts("files")
    if kind not in ("locust", "http"):
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"scenario.kind must be locust or http, not {kind!r}")
    if kind == "locust" and not files:
        raise AgentError(protocol.Reason.CONFIG_ERROR, "scenario.files must name at least the locustfile")
    return Scenario(
        kind=kind,
        files=files,
        tags=section.texts("tags"),
        exclude_tags=section.texts("excludeTags"),
        user_classes=tuple(_user_class(item) for item in section.items("userClasses")),
        http=section.mapping("http", required=kind == "http"),
    )


_METRICS = ("errorRate", "rps", "mean", "max", "p50", "p75", "p90", "p95", "p99", "p999")


def _abort(item: object) -> AbortRule:
    if not isinstance(item, dict):
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"aborts must hold objects, not {item!r}")
    section = _Section(item, "aborts[].")
    metric = section.text("metric")
    if metric not in _METRICS:
        raise AgentError(protocol.Reason.CONFIG_ERROR, f"aborts[].metric must be one of {', '.join(_METRICS)}")
    return AbortRule(
        reason=section.text("reason", "Aborted"),
        name=section.text("name", metric),
        metric=metric,
        endpoint=section.text("endpoint", "") or None,
        limit=section.number("limit"),
        lower_is_worse=section.flag("lowerIsWorse"),
        for_seconds=section.number("forSeconds", positive=True),
    )


def _user_class(item: object) -> UserClass:
    if isinstance(item, str):
        return UserClass(item, None)
    if isinstance(item, dict):
        section = _Section(item, "scenario.userClasses[].")
        return UserClass(section.text("name"), section.number("weight") if "weight" in item else None)
    raise AgentError(protocol.Reason.CONFIG_ERROR, f"scenario.userClasses must name classes, not {item!r}")
