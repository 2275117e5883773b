"""Everything that an installer may change: one model, from which docs and chart values are generated."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from loadtest_operator.model.policy import Egress, PolicyRule

PREFIX = "LOADTEST_"


class SettingsError(Exception):
    """A setting cannot be read; the message names it."""


class Settings(BaseModel):
    """Read from a YAML file (`--settings`), each overridable by an environment variable such as LOADTEST_WORKERS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str = Field(
        "loadtest-operator", description="Name of this installation; two in one cluster need different names."
    )
    namespace: str = Field(
        "", description="The operator's own namespace; default: that of its pod or kubeconfig context."
    )
    watch_namespaces: tuple[str, ...] = Field((), description="Namespaces to serve; empty means all.")
    image: str = Field(
        "loadtest-operator/loadtest-operator:0.1.0",
        description="Image with agent and Locust for load pods without one of their own.",
    )
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        "IfNotPresent", description="Pull policy of load pods."
    )
    agent_access: Literal["auto", "direct", "proxy"] = Field(
        "auto",
        description="How to reach masters: by pod address, or through the API server; auto: direct inside the cluster.",
    )
    store: Path = Field(Path("/var/lib/loadtest-operator/store.db"), description="SQLite file that keeps results.")
    listen_host: str = Field("0.0.0.0", description="Address of /metrics, /healthz and /readyz.")  # noqa: S104
    listen_port: int = Field(
        8080, ge=0, le=65535, description="Port of /metrics, /healthz and /readyz; 0 picks a free one."
    )
    workers: Annotated[int, Field(ge=1, le=256)] = Field(
        16, description="LoadTests that are reconciled at the same time."
    )
    max_runs: Annotated[int, Field(ge=0)] = Field(
        0, description="LoadTests that may be under way at the same time, in all namespaces; 0: no limit. Others wait."
    )
    max_users: Annotated[int, Field(ge=0)] = Field(
        0, description="Users of all LoadTests that are under way, in all namespaces; 0: no limit."
    )
    max_workers: Annotated[int, Field(ge=0)] = Field(
        0, description="Worker pods of all LoadTests that are under way, in all namespaces; 0: no limit."
    )
    max_runs_per_namespace: Annotated[int, Field(ge=0)] = Field(0, description="As max_runs, in each namespace.")
    max_users_per_namespace: Annotated[int, Field(ge=0)] = Field(0, description="As max_users, in each namespace.")
    max_workers_per_namespace: Annotated[int, Field(ge=0)] = Field(0, description="As max_workers, in each namespace.")
    environments: bool = Field(
        True, description="Whether LoadTests may have an ephemeral environment; it takes cluster-wide rights."
    )
    resync_seconds: float = Field(
        300.0, ge=1, description="How often every kind is listed and compared with what watching told."
    )
    lease_name: str = Field(
        "loadtest-operator", description="Lease that the active process holds; empty: no other process can be there."
    )
    lease_seconds: float = Field(15.0, ge=2, description="How long a process that died keeps others waiting.")
    policy: tuple[PolicyRule, ...] = Field(
        (),
        description="What LoadTests may do, by namespace; the first rule that fits holds. Without one: targets in the "
        "cluster, and modest limits. [policy.md](policy.md)",
    )
    fence: bool = Field(
        True, description="Whether each run gets a NetworkPolicy that holds its load pods to what policy allows."
    )
    fence_scrapers: tuple[str, ...] = Field(
        ("monitoring",), description="Namespaces whose pods may read /metrics of masters through the fence."
    )
    fence_name_servers: tuple[str, ...] = Field(
        ("169.254.20.10/32",),
        description="Address ranges of name servers that are no pods, such as the local ones of nodes.",
    )
    log_format: Literal["text", "json"] = Field("text", description="Form of the log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")


def load(path: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    """File, then environment, then the command line."""
    try:
        values = (yaml.safe_load(path.read_text()) if path else None) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"settings file {path}: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"settings file {path}: it must be a map of settings, such as workers: 16")
    try:
        return Settings.model_validate({**values, **_environment(), **(overrides or {})})
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(one) for one in error.errors())) from error


def _sentence(problem: ErrorDetails) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"setting {name} is not known: see docs/settings.md"
    if len(problem["loc"]) > 1:
        return f"setting {name}: {problem['msg'].removeprefix('Value error, ')} (it is {problem['input']!r})"
    return f"setting {name} (or {PREFIX}{name.upper()}) is {problem['input']!r}: {problem['msg']}"


_STRUCTURED = {"policy"}  # given as YAML, in variables too


def _environment() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        text = os.environ.get(PREFIX + name.upper())
        if text is not None:
            many = field.annotation == tuple[str, ...]
            values[name] = tuple(part for part in text.split(",") if part) if many else text
            if name in _STRUCTURED:
                values[name] = yaml.safe_load(text)
    return values


def document() -> str:
    """docs/settings.md."""
    rows = [
        f"| `{name}` | `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = [
        "# Settings of the operator",
        "",
        "Made by `make generate` from operator/loadtest_operator/runtime/settings.py: change it there.",
        "",
        "Each can be given in the YAML file that `loadtest-operator --settings FILE` names, and overridden by an",
        "environment variable. Lists in variables are separated by commas.",
        "",
        "| setting | variable | default | meaning |",
        "|--|--|--|--|",
    ]
    parts = [
        *_table("A rule of policy", PolicyRule, "What they mean together: [policy.md](policy.md)."),
        *_table("An item of egress", Egress, "Exactly one of namespace and cidr."),
    ]
    return "\n".join([*head, *rows, *parts, ""])


def _table(title: str, model: type[BaseModel], says: str) -> list[str]:
    rows = [
        f"| `{field.alias or name}` | {_shown(field.default)} | {field.description} |"
        for name, field in model.model_fields.items()
    ]
    return ["", f"## {title}", "", says, "", "| field | default | meaning |", "|--|--|--|", *rows]


def _shown(default: object) -> str:
    if isinstance(default, tuple) and default:
        return f"`[{', '.join(repr(item) for item in default)}]`"
    return f"`{default}`" if default not in ("", (), None) else "none"
