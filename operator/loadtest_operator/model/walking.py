"""Walking the models by the names that are written in YAML."""

import types
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def alias(name: str, info: FieldInfo) -> str:
    """The name of a field in YAML."""
    return info.alias or name


def unwrapped(annotation: object) -> tuple[object, list[object]]:
    """A type without `| None` and without `Annotated`, and the markers that were on it."""
    markers: list[object] = []
    while True:
        if get_origin(annotation) is Annotated:
            inner, *meta = get_args(annotation)
            markers += [m for extra in meta for m in (extra.metadata if isinstance(extra, FieldInfo) else [extra])]
            annotation = inner
        elif get_origin(annotation) in (Union, types.UnionType):
            (annotation,) = (arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation, markers


def inner(annotation: object) -> object:
    """What a list or a map holds; None for anything else."""
    plain, _ = unwrapped(annotation)
    if get_origin(plain) is tuple:
        return get_args(plain)[0]
    if get_origin(plain) is dict:
        return get_args(plain)[1]
    return None


def model_of(annotation: object) -> type[BaseModel] | None:
    """The model inside a field's type, through lists and maps."""
    plain, _ = unwrapped(annotation)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return plain
    below = inner(annotation)
    return None if below is None else model_of(below)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by their names in YAML."""
    return {alias(name, info): info for name, info in model.model_fields.items()}


def model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that stands at a path; None where the path leads to something else."""
    here: type[BaseModel] | None = model
    for part in path:
        if here is None:
            return None
        info = fields(here).get(part) if isinstance(part, str) else None
        if info is not None:  # otherwise an index of a list, or a key of a map
            here = model_of(info.rebuild_annotation())
    return here


def names_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The names of the fields that exist at a path; none where the path leads nowhere."""
    here = model_at(model, path)
    return list(fields(here)) if here else []


def field_at(model: type[BaseModel], path: Sequence[str | int]) -> FieldInfo | None:
    """The field at a path."""
    here = model_at(model, path[:-1])
    return fields(here).get(str(path[-1])) if here else None


def value(obj: BaseModel, name: str) -> object:
    """The value of the field with this name in YAML."""
    attribute = _attributes(type(obj)).get(name)
    if attribute is None:
        raise KeyError(f"{type(obj).__name__} has no field {name}")
    found: object = getattr(obj, attribute)
    return found


@cache
def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """The fields' names in Python by those in YAML."""
    return {alias(name, info): name for name, info in model.model_fields.items()}
