"""docs/reference.md, made from the models: every field with type, default, meaning, and whether it is acted on yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loadtest_operator.model import default_texts, names, supported, walking
from loadtest_operator.model.conditions import ConditionType, Reason
from loadtest_operator.model.fields import Entries, Items, Measure, Model, Preserved, Text
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.schedule import LoadTestSchedule

_INTRO: Final = f"""\
# Reference

Both kinds belong to `{names.API_VERSION}`. This page is made from the models that validate them (`make generate`).

The shortest useful test:

```yaml
apiVersion: {names.API_VERSION}
kind: LoadTest
metadata: {{name: checkout}}
spec:
  target: {{url: http://checkout.shop}}
  scenario:
    http:
      requests: [{{path: /}}, {{path: /cart, weight: 3}}]
  load: {{users: 50, duration: 5m}}
  thresholds: [{{metric: p95, fail: 500ms}}, {{metric: errorRate, fail: 1%}}]
```

How values are written:

| | written as | examples |
|--|--|--|
| duration | numbers with units, as in Go | `90s` `5m` `1h30m` `250ms` |
| latency | the same | `250ms` `2s` |
| share | percent | `2%` `0.5%` |
| rate | events per s, m or h | `200/s` `30/m` |
| time | RFC 3339, in quotes | `"2026-12-20T00:00:00Z"` |

Defaults hold where a field is absent. They are not written into the object: `loadtest explain -f test.yaml` shows them.
Fields marked *not yet* are checked, but this version does not act on them: an object that uses one is answered with
condition Stalled (NotSupportedYet), which names the field. Writing a field's own default is always fine.
"""


@dataclass
class _Section:
    """One model and the places where it stands."""

    model: type[BaseModel]
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Kind:
    """One kind: its root model, and what is known about the fields of its spec."""

    root: type[Model]
    defaults: Mapping[str, str]
    not_yet: Mapping[str, Any]


_KINDS: Final = (
    _Kind(LoadTest, default_texts.LOADTEST, supported.NOT_YET),
    _Kind(LoadTestSchedule, default_texts.SCHEDULE, supported.SCHEDULE_NOT_YET),
)


def render() -> str:
    """The whole page."""
    parts = [_INTRO]
    documented: set[type[BaseModel]] = set()
    for kind in _KINDS:
        parts.append(f"## {kind.root.__name__}\n\n{_text(kind.root.__doc__)}\n")
        for section in _sections(kind.root).values():
            if section.model not in documented:
                documented.add(section.model)
                parts.append(_section(section, kind))
    return "\n".join([*parts, _conditions()])


@cache
def _sections(root: type[BaseModel]) -> dict[type[BaseModel], _Section]:
    found: dict[type[BaseModel], _Section] = {}
    for name in ("spec", "status"):
        _collect(walking.fields(root)[name].rebuild_annotation(), name, found)
    return found


def _collect(annotation: object, path: str, found: dict[type[BaseModel], _Section]) -> None:
    model = walking.model_of(annotation)
    if model is None:
        return
    path = f"{path}{_many(annotation)}"
    known = model in found
    found.setdefault(model, _Section(model)).paths.append(path)
    if not known:
        for name, info in walking.fields(model).items():
            _collect(info.rebuild_annotation(), f"{path}.{name}", found)


def _many(annotation: object) -> str:
    plain, _ = walking.unwrapped(annotation)
    origin = get_origin(plain)
    return "[]" if origin is tuple else ".*" if origin is dict else ""


def _section(section: _Section, kind: _Kind) -> str:
    first, *others = section.paths
    waits = all(_not_yet(path, kind.not_yet) for path in section.paths)
    lines = [f"### {first}", "", _text(section.model.__doc__), ""]
    if others:
        lines += [f"The same at {', '.join(f'`{path}`' for path in others)}.", ""]
    if waits:
        lines += ["*Not yet:* checked, but not acted on.", ""]
    lines += ["| field | type | default | meaning |", "|--|--|--|--|"]
    lines += [_row(name, info, section, kind, waits) for name, info in walking.fields(section.model).items()]
    if issubclass(section.model, Model) and section.model.rules:
        lines += ["", "What must hold:", "", *(f"- {message}" for message in _messages(section.model))]
    return "\n".join([*lines, ""])


def _messages(model: type[Model]) -> list[str]:
    return list(dict.fromkeys(rule.message for rule in model.rules))


def _row(name: str, info: FieldInfo, section: _Section, kind: _Kind, waits: bool) -> str:
    paths = [f"{path}.{name}" for path in section.paths]
    below = [path.removeprefix("spec.") for path in paths]
    texts = {kind.defaults[path] for path in below if path in kind.defaults}
    default = "**required**" if info.is_required() else texts.pop() if len(texts) == 1 else ""
    meaning = _text(info.description)
    if not waits and all(_not_yet(path, kind.not_yet) for path in paths):
        meaning = f"*Not yet.* {meaning}"
    return f"| `{name}` | {_type(info.rebuild_annotation(), paths[0])} | {_cell(default)} | {_cell(meaning)} |"


def _not_yet(path: str, table: Mapping[str, Any]) -> bool:
    """Whether this field, or one that contains it, is refused for every value but its default."""
    return any(
        not isinstance(default, set) and (path == f"spec.{row}" or path.startswith((f"spec.{row}.", f"spec.{row}[")))
        for row, default in table.items()
    )


def _type(annotation: object, path: str) -> str:
    plain, markers = walking.unwrapped(annotation)
    for marker in markers:
        match marker:
            case Measure():
                return marker.kind
            case Preserved():
                return marker.like
    origin = get_origin(plain)
    if origin is tuple:
        return f"list{_most(markers)} of {_type(get_args(plain)[0], f'{path}[]')}"
    if origin is dict:
        return f"map{_most(markers)} of {_type(get_args(plain)[1], f'{path}.*')}"
    if origin is Literal:
        return " ".join(f"`{value}`" for value in get_args(plain))
    return _scalar(plain, markers, path)


def _scalar(plain: object, markers: list[object], path: str) -> str:
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return f"[{plain.__name__}](#{_anchor(plain, path)})"
    if isinstance(plain, type) and issubclass(plain, StrEnum):
        return " ".join(f"`{member.value}`" for member in plain)
    if plain is bool:
        return "true or false"
    if plain is int:
        return f"whole number{_range(markers)}"
    longest = next((m.max for m in markers if isinstance(m, Text)), None)
    return f"text, at most {longest:,} characters" if longest else "text"


def _anchor(model: type[BaseModel], path: str) -> str:
    """The heading under which a model is documented, the way that Markdown renderers shorten it."""
    first = next((found[model].paths[0] for kind in _KINDS if model in (found := _sections(kind.root))), path)
    return "".join(c for c in first.lower() if c.isalnum() or c == "-")


def _most(markers: list[object]) -> str:
    return next((f" (up to {m.max})" for m in markers if isinstance(m, Items | Entries)), "")


def _range(markers: list[object]) -> str:
    lowest = next((m.ge for m in markers if isinstance(m, annotated_types.Ge)), None)
    highest = next((m.le for m in markers if isinstance(m, annotated_types.Le)), None)
    if lowest is None:
        return ""
    return f", {lowest} or more" if highest is None else f", {lowest} to {highest:,}"


def _conditions() -> str:
    lines = ["## Conditions", "", "Types, in `status.conditions`: " + ", ".join(f"`{t}`" for t in ConditionType) + "."]
    lines += ["", "`Reconciling` and `Stalled` are there only while they are true.", "", "| reason | says |", "|--|--|"]
    return "\n".join([*lines, *(f"| `{reason}` | {_cell(reason.says)} |" for reason in Reason), ""])


def _text(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*/", "\\*/")


def paths(root: type[Model]) -> Iterator[str]:
    """Every path that a field of this kind can have."""
    for section in _sections(root).values():
        for path in section.paths:
            yield from (f"{path}.{name}" for name in walking.fields(section.model))
