"""What a pod would get from the cluster, taken from this machine: the scenario's files and environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadtest_operator.build import agent_config
from loadtest_operator.local.errors import NotHereError

ConfigMaps = Mapping[str, Mapping[str, str]]


def from_folder(path: Path) -> dict[str, str]:
    """A folder as the ConfigMap that `kubectl create configmap NAME --from-file=FOLDER` would make of it."""
    if path.is_file():
        return {path.name: _text(path)}
    if not path.is_dir():
        raise NotHereError(f"{path} is neither a file nor a folder.")
    return {
        each.name: _text(each) for each in sorted(path.iterdir()) if each.is_file() and not each.name.startswith(".")
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotHereError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise NotHereError(f"{path} is not text in UTF-8.") from None


def files(raw_spec: Mapping[str, Any], config_maps: ConfigMaps) -> dict[str, str]:
    """The scenario's files by name."""
    if raw_spec.get("environment"):
        raise NotHereError(
            "spec.environment: a namespace for the target is made in a cluster only; here, remove it and let "
            "spec.target.url name a target that runs already."
        )
    if raw_spec.get("hooks"):
        raise NotHereError(
            "spec.hooks: hooks are Jobs with images of their own and run in a cluster only; here, remove them and do "
            "by hand what they do, before and after."
        )
    locust = raw_spec["scenario"].get("locust") or {}
    if "path" in locust:
        raise NotHereError(
            f"spec.scenario.locust.path: {locust['path']} is a path inside runners.image, and there is no image here; "
            "use inline or configMap, or run the test in a cluster."
        )
    for name in agent_config.config_map_names(raw_spec):
        if name not in config_maps:
            raise NotHereError(
                f"spec.scenario.locust.configMap: ConfigMap {name} is in the cluster only; "
                f"give its files with --config-map {name}=FOLDER, or put the ConfigMap into the same YAML file."
            )
        _has_key(locust["configMap"], config_maps[name])
    return agent_config.scenario_files(raw_spec, config_maps)


def _has_key(reference: Mapping[str, Any], data: Mapping[str, str]) -> None:
    key = agent_config.main_key(reference, data)
    if key not in data:
        keys = ", ".join(data) or "nothing"
        raise NotHereError(
            f"spec.scenario.locust.configMap.key: ConfigMap {reference['name']} has no {key}; it has {keys}."
        )


def environment(raw_spec: Mapping[str, Any], config_maps: ConfigMaps, own: Mapping[str, str]) -> dict[str, str]:
    """This machine's variables, and over them what the scenario says. What comes from a Secret has to be set here."""
    scenario = raw_spec["scenario"]
    result = dict(own)
    for source in scenario.get("envFrom") or ():
        reference = source.get("configMapRef")
        if reference and reference.get("name") in config_maps:
            prefix = source.get("prefix") or ""
            result |= {prefix + key: value for key, value in config_maps[reference["name"]].items()}
    for item in scenario.get("env") or ():
        if "valueFrom" not in item:
            result[item["name"]] = str(item.get("value", ""))
        elif item["name"] not in own:
            raise NotHereError(
                f"spec.scenario.env: {item['name']} comes from {_source(item['valueFrom'])}, which only a cluster has; "
                f"set it here before you start: export {item['name']}=..."
            )
    return result


def not_read(raw_spec: Mapping[str, Any], config_maps: ConfigMaps) -> list[str]:
    """What envFrom names and this machine does not have; its variables can only be here already."""
    sources = raw_spec["scenario"].get("envFrom") or ()
    references = [source.get("secretRef") or source.get("configMapRef") or {} for source in sources]
    return [str(each["name"]) for each in references if each.get("name") and each["name"] not in config_maps]


def _source(value_from: Mapping[str, Any]) -> str:
    if reference := value_from.get("secretKeyRef"):
        return f"Secret {reference.get('name')}"
    if reference := value_from.get("configMapKeyRef"):
        return f"ConfigMap {reference.get('name')}"
    return "its pod"
