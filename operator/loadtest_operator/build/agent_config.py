"""The agent's configuration and the files beside it, from a LoadTest: docs/decisions/0002-agent-protocol.md, Start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest_operator.build import aborts
from loadtest_operator.build.names import RunRef
from loadtest_operator.model import defaults
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.names import NAMESPACE_PLACEHOLDER

PROTOCOL = 1
MASTER_PORT = 5557  # Locust's own default; the worker Job and the Service name it
AGENT_PORT = 9808
HOLD_SECONDS = 24 * 3600.0  # an operator that is away for a night finds its results
LOCUSTFILE = "locustfile.py"
CONFIG_FILE = "loadtest-config.json"  # ours lie beside the user's files, so their names must not be likely ones
SPEC_FILE = "loadtest-spec.json"
ENVIRONMENT_FILE = "loadtest-environment.json"
OWN_FILES = frozenset({CONFIG_FILE, SPEC_FILE, ENVIRONMENT_FILE})
LISTEN_EVERYWHERE = "0.0.0.0"  # noqa: S104  inside a pod: the operator and Prometheus come from other pods


@dataclass(frozen=True)
class Endpoints:
    """Where the master listens and where the workers find it."""

    master_host: str
    master_port: int = MASTER_PORT
    listen_host: str = LISTEN_EVERYWHERE
    listen_port: int = AGENT_PORT


def agent_config(
    test: LoadTest, raw_spec: Mapping[str, Any], run: RunRef, token_sha256: str, at: Endpoints
) -> dict[str, Any]:
    spec = test.spec
    health = defaults.health(spec)

    def filled(text: str) -> str:
        return text.replace(NAMESPACE_PLACEHOLDER, run.environment) if spec.environment else text

    return {
        "protocol": PROTOCOL,
        "run": {"id": run.id, "attempt": run.attempt, "namespace": run.namespace, "test": run.test},
        "tokenSHA256": token_sha256,
        "target": {
            "url": filled(spec.target.url),
            "version": spec.target.version or "",
            "health": {
                "path": filled(health.path or "/"),
                "expect": list(health.expect or []),
                "headers": {name: filled(text) for name, text in (health.headers or {}).items()},
                "timeoutSeconds": (health.timeout or defaults.HEALTH_TIMEOUT).total_seconds(),
            },
        },
        "scenario": _scenario(raw_spec["scenario"]),
        "load": {
            "users": spec.load.users,
            "spawnRate": defaults.spawn_rate(spec),
            "durationSeconds": defaults.duration(spec).total_seconds(),
            "warmupSeconds": defaults.warmup(spec).total_seconds(),
        },
        "windowSeconds": defaults.window_seconds(spec),
        "workers": defaults.workers(spec),
        "startTimeoutSeconds": defaults.start_timeout(spec).total_seconds(),
        "holdSeconds": HOLD_SECONDS,
        "master": {"host": at.master_host, "port": at.master_port},
        "aborts": aborts.rules(spec),
        "listen": {"host": at.listen_host, "port": at.listen_port},
    }


def _scenario(raw: Mapping[str, Any]) -> dict[str, Any]:
    if "http" in raw:
        return {"kind": "http", "http": raw["http"]}
    locust = raw["locust"]
    return {
        "kind": "locust",
        "files": [LOCUSTFILE],
        "tags": list(locust.get("tags", [])),
        "excludeTags": list(locust.get("excludeTags", [])),
        "userClasses": list(locust.get("userClasses", [])),
    }


def scenario_files(raw_spec: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The scenario's files by name; `config_maps` holds the data of those that `config_map_names` asked for.

    The file that `configMap.key` means becomes locustfile.py; its neighbours keep their names and can be imported.
    """
    locust = raw_spec["scenario"].get("locust")
    if locust is None:
        return {}
    if "inline" in locust:
        return {LOCUSTFILE: locust["inline"]}
    reference = locust["configMap"]
    data = config_maps[reference["name"]]
    main = main_key(reference, data)
    files = {name: text for name, text in data.items() if name != main}
    return {**files, LOCUSTFILE: data[main]}


def main_key(reference: Mapping[str, Any], data: Mapping[str, str]) -> str:
    """Which of a ConfigMap's keys is the locustfile: the named one, else locustfile.py, else the only one."""
    named: str | None = reference.get("key")
    return named or (next(iter(data)) if len(data) == 1 else LOCUSTFILE)


def config_map_names(raw_spec: Mapping[str, Any]) -> list[str]:
    """The ConfigMaps whose content belongs to the run, each once."""
    found = [(raw_spec.get("scenario") or {}).get("locust", {}).get("configMap")]
    found += [item.get("configMap") for item in (raw_spec.get("environment") or {}).get("manifests") or ()]
    return list(dict.fromkeys(reference["name"] for reference in found if reference))
