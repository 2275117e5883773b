"""From a raw object to a model, with every problem told in terms of the YAML that a person wrote."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from loadtest_operator.model import walking
from loadtest_operator.model.errors import InvalidSpec, Problem, at, dotted

M = TypeVar("M", bound=BaseModel)
Path = tuple[str | int, ...]


def parse(model: type[M], raw: Mapping[str, Any]) -> M:
    """The object as a model; raises InvalidSpec with every problem found. An unreadable status reads as absent."""
    raw = {key: value for key, value in raw.items() if key != "status" or isinstance(value, Mapping)}
    try:
        return _validated(model, raw)
    except ValidationError as error:
        found = [problem for details in error.errors() for problem in _problems(model, raw, details)]
    about_status = [p for p in found if p.field.split(".")[0] == "status"]
    if len(about_status) < len(found):
        raise InvalidSpec([p for p in found if p not in about_status]) from None
    broken = {p.field.split(".")[1].split("[")[0] for p in about_status if "." in p.field}
    status = {key: value for key, value in raw["status"].items() if key not in broken} if broken else {}
    return _validated(model, {**raw, "status": status})


def problems(model: type[BaseModel], raw: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with an object; nothing when it is fine."""
    try:
        parse(model, raw)
    except InvalidSpec as invalid:
        return invalid.problems
    return []


def _validated(model: type[M], raw: Mapping[str, Any]) -> M:
    # JSON in strict mode is what the API server does: "5" is not 5, and a snake_case name is an unknown field.
    return model.model_validate_json(json.dumps(raw, default=_plain), strict=True, by_alias=True, by_name=False)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _problems(model: type[BaseModel], raw: Mapping[str, Any], details: ErrorDetails) -> Iterator[Problem]:
    path = details["loc"]
    ctx = details.get("ctx", {})
    if "broken" in ctx:
        for below, message in ctx["broken"]:
            shown = _shown(at(raw, (*path, *below.split(".")[1:]))).rstrip()
            yield Problem(_joined(path, below), f"{message} (it is {shown})" if below and shown else message)
        return
    value = at(raw, path)
    match details["type"]:
        case "missing":
            yield Problem(dotted(path), f"is required: add it{_wanted(model, path)}")
        case "extra_forbidden":
            yield Problem(dotted(path), f"is not a known field{_meant(model, path)}")
        case "broken":
            yield Problem(dotted(path), f"{_shown(value)}{details['msg']}")
        case _:
            yield Problem(dotted(path), f"{_shown(value)}{_sentence(details)}")


def _joined(path: Path, below: str) -> str:
    return dotted(path) + below if path else below.removeprefix(".")


def _shown(value: object) -> str:
    """The value in front of the sentence, when it is short enough to help."""
    if value is None or (isinstance(value, Mapping | Sequence) and not isinstance(value, str)):
        return ""
    text = json.dumps(value) if isinstance(value, str | bool | int | float) else str(value)
    return f"{text} " if len(text) <= 80 else ""


def _sentence(details: ErrorDetails) -> str:
    says = _SENTENCES.get(details["type"])
    if says is None:
        return details["msg"][:1].lower() + details["msg"][1:]
    return says.format_map(details.get("ctx", {}))


# Pydantic's kind of error -> our words; the braces are filled from the error's own figures.
_SENTENCES: Final = {
    "enum": "is not possible: use {expected}",
    "literal_error": "is not possible: use {expected}",
    "string_too_long": "is too long: at most {max_length} characters",
    "string_too_short": "must not be empty",
    "greater_than_equal": "is too small: at least {ge}",
    "less_than_equal": "is too large: at most {le}",
    "string_type": "must be a text: write it in quotes",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false, without quotes",
    "tuple_type": "must be a list",
    "dict_type": "must be a map of fields",
    "model_type": "must be a map of fields",
}


def _wanted(model: type[BaseModel], path: Path) -> str:
    info = walking.field_at(model, path)
    return f" ({info.description.rstrip('.')})" if info is not None and info.description else ""


def _meant(model: type[BaseModel], path: Path) -> str:
    known = walking.names_at(model, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f": did you mean {close[0]}?"
    return f": remove it, or use one of {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ": remove it"
