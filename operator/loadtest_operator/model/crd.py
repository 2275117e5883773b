"""The CRDs, made from the models: structural schemas with every bound and rule that the models declare.

There is no `default` in them but the status's own: a default that an upgrade adds would change every stored object.
"""

import types
from enum import StrEnum
from typing import Any, Final, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loadtest_operator.model import names, walking
from loadtest_operator.model.columns import LOADTEST_COLUMNS, SCHEDULE_COLUMNS
from loadtest_operator.model.fields import Entries, Items, Measure, Model, Preserved, Text
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.rules import Rule
from loadtest_operator.model.schedule import LoadTestSchedule

Schema = dict[str, Any]

_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_VALIDATIONS: Final = "x-kubernetes-validations"
_SCALARS: Final = {str: "string", int: "integer", bool: "boolean", float: "number"}
# A fresh object must not read as healthy before the operator saw it: kstatus calls an object without status Current.
_FRESH: Final = {"observedGeneration": -1}


def loadtest() -> Schema:
    """The CRD of LoadTest."""
    return _crd(LoadTest, names.LOADTEST, names.LOADTESTS, "lt", LOADTEST_COLUMNS)


def schedule() -> Schema:
    """The CRD of LoadTestSchedule."""
    return _crd(LoadTestSchedule, names.SCHEDULE, names.SCHEDULES, "lts", SCHEDULE_COLUMNS)


def _crd(model: type[Model], kind: str, plural: str, short: str, columns: list[Schema]) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["loadtesting"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": _root(model)},
                }
            ],
        },
    }


def _root(model: type[Model]) -> Schema:
    fields = walking.fields(model)
    status = _field("status", fields["status"])
    return {
        "type": "object",
        "description": _doc(model),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _field("spec", fields["spec"]),
            "status": {**status, "default": dict(_FRESH)},
        },
        # The server knows no fields of metadata here, so these rules point to the object and name the field in words.
        _VALIDATIONS: [{"rule": rule.cel, "message": rule.message} for rule in model.rules],
    }


def _field(name: str, info: FieldInfo) -> Schema:
    schema = _schema(info.rebuild_annotation(), name)
    return {**schema, "description": info.description or schema.get("description", "")}


def _schema(annotation: object, name: str) -> Schema:
    plain, markers = walking.unwrapped(annotation)
    schema = _plain(plain, name)
    for marker in markers:
        _mark(schema, marker, name)
    return schema


def _plain(plain: object, name: str) -> Schema:
    origin = get_origin(plain)
    if origin is tuple:
        return {"type": "array", "items": _schema(get_args(plain)[0], f"each of {name}")}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(get_args(plain)[1], f"each of {name}")}
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(plain))}
    if isinstance(plain, types.GenericAlias) or not isinstance(plain, type):
        return {}
    if issubclass(plain, BaseModel):
        return _object(plain)
    if issubclass(plain, StrEnum):
        return {"type": "string", "enum": [member.value for member in plain]}
    return {"type": _SCALARS.get(plain, "string")}


def _object(model: type[BaseModel]) -> Schema:
    fields = walking.fields(model)
    schema: Schema = {"type": "object", "description": _doc(model)}
    if required := [name for name, info in fields.items() if info.is_required()]:
        schema["required"] = required
    schema["properties"] = {name: _field(name, info) for name, info in fields.items()}
    if model.model_config.get("extra") == "allow":
        schema[_PRESERVE] = True
    if issubclass(model, Model) and model.rules:
        schema[_VALIDATIONS] = [_validation(rule) for rule in model.rules]
    return schema


def _mark(schema: Schema, marker: object, name: str) -> None:
    match marker:
        case Text():
            schema.update({"maxLength": marker.max} | ({"minLength": marker.min} if marker.min else {}))
            _add_rule(schema, marker.cel, f"{name} {marker.says}")
        case Measure():
            schema.update({"type": "string", "maxLength": marker.max})
            _add_rule(schema, marker.cel, f"{name} {marker.says}")
        case Items():
            _mark_list(schema, marker)
        case Entries():
            schema["maxProperties"] = marker.max
        case Preserved():
            schema.clear()
            schema.update({"type": "object", _PRESERVE: True})
        case annotated_types.Ge():
            schema["minimum"] = marker.ge
        case annotated_types.Le():
            schema["maximum"] = marker.le
        case _:
            raise TypeError(f"{name}: no schema for {marker!r}")


def _mark_list(schema: Schema, items: Items) -> None:
    schema["maxItems"] = items.max
    if items.min:
        schema["minItems"] = items.min
    schema["x-kubernetes-list-type"] = "map" if items.key else "atomic"
    if items.key:
        schema["x-kubernetes-list-map-keys"] = [items.key]
    if items.rules:
        schema[_VALIDATIONS] = [_validation(rule) for rule in items.rules]


def _add_rule(schema: Schema, cel: str, message: str) -> None:
    if cel:
        schema.setdefault(_VALIDATIONS, []).append({"rule": cel, "message": message})


def _validation(rule: Rule) -> Schema:
    found = {"rule": rule.cel, "message": rule.message}
    return {**found, "fieldPath": rule.at} if rule.at else found


def _doc(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())
