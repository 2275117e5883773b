"""The parts of the Helm chart that are made from code: rights, CRDs, and the schema of its values."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import yaml

from loadtest_operator.build import install
from loadtest_operator.build.install import Rule

FOLDER = "charts/loadtest-operator"
# Settings that other objects of the chart must agree with, and why they are not to be set by hand.
DECIDED: dict[str, str] = {
    "environments": "use the chart's value environments.enabled, which makes the ClusterRoles, too",
    "instance": "it is the full name of the release (fullnameOverride)",
    "lease_name": "it is the full name of the release (fullnameOverride)",
    "listen_host": "probes and Prometheus need it as it is",
    "listen_port": "probes and Prometheus need it as it is",
    "namespace": "it is the release's namespace",
    "store": "the chart's value store tells where results are kept",
    "watch_namespaces": "use the chart's value watchNamespaces, which makes the Roles, too",
}
_FULLNAME = '{{ include "loadtest-operator.fullname" . }}'


def helpers() -> str:
    """templates/_generated.tpl: what the templates include, so that manifest and chart grant the same."""
    rules = {
        "openRules": install.OPEN_RULES,
        "fenceRules": install.FENCE_RULES,
        "homeRules": install.home_rules(_FULLNAME),
        "environmentsRules": install.environments_rules(_FULLNAME),
        "contentRules": install.CONTENT_RULES,
        "guardRules": install.GUARD_RULES,
        "editRules": install.EDIT_RULES,
        "viewRules": install.VIEW_RULES,
    }
    parts = ["{{/* Made by `make generate`: change operator/loadtest_operator/build/install.py. */}}\n"]
    parts += [_define(name, _rules(found)) for name, found in rules.items()]
    parts.append(_define("decidedSettings", json.dumps(DECIDED, indent=2) + "\n"))
    return "".join(parts)


def crd(document: Mapping[str, Any]) -> dict[str, Any]:
    """A CRD as the chart has it: deleting it would delete every LoadTest, so `helm uninstall` leaves it."""
    kept = copy.deepcopy(dict(document))
    kept["metadata"].setdefault("annotations", {})["helm.sh/resource-policy"] = "keep"
    return kept


def values_schema(by_hand: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that people wrote, with its `settings` replaced by what the model says."""
    fields = {name: _without_title(field) for name, field in settings["properties"].items()}
    described = {name: {"description": f"Leave it out: {why}."} for name, why in DECIDED.items()}
    part = {
        "type": "object",
        "description": "Settings of the operator, docs/settings.md. Made by `make generate`.",
        "properties": {**fields, **described},
        "additionalProperties": False,
    }
    schema = {**by_hand, "properties": {**by_hand["properties"], "settings": part}}
    schema.pop("$defs", None)
    return {**schema, "$defs": settings["$defs"]} if "$defs" in settings else schema


def _without_title(field: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "title"}


def _define(name: str, text: str) -> str:
    return f'{{{{- define "loadtest-operator.{name}" -}}}}\n{text}{{{{- end }}}}\n'


def _rules(rules: list[Rule]) -> str:
    return yaml.safe_dump(rules, sort_keys=False, width=100_000)
