"""YAML files as people write them: several documents, standard input, and the line that each value stands on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtest_operator.cli.errors import UserError
from loadtest_operator.model.names import API_VERSION, GROUP, LOADTEST

STDIN = "-"


@dataclass(frozen=True)
class Document:
    """One object, where it stands, and its YAML nodes to find lines by."""

    raw: dict[str, Any]
    source: str
    node: yaml.Node

    @property
    def kind(self) -> str:
        return str(self.raw.get("kind", ""))

    @property
    def name(self) -> str:
        metadata = self.raw.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""

    def place(self, field: str) -> str:
        """`file:line` of a field such as `spec.thresholds[2].fail`, or of the nearest field around it."""
        return f"{self.source}:{_line(self.node, field)}"


class _Loader(yaml.SafeLoader):
    """As Kubernetes reads YAML: a date stays text, and no key may come twice."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: str) -> list[Document]:
    """All objects of a file, or of standard input for `-`."""
    source = "<stdin>" if path == STDIN else path
    documents = list(_parse(_text(path), source))
    if not documents:
        raise UserError(f"{source}: there is no object in it.")
    return documents


def only_test(documents: Sequence[Document], name: str | None) -> Document:
    """The LoadTest that is meant; with several, `name` chooses."""
    source = documents[0].source
    tests = [document for document in documents if document.kind == LOADTEST]
    if not tests:
        kinds = ", ".join(sorted({document.kind or "an object without kind" for document in documents}))
        raise UserError(f"{source}: there is no LoadTest in it, only {kinds}.")
    if name is not None:
        tests = [document for document in tests if document.name == name] or _no_such(source, name, tests)
    if len(tests) > 1:
        names = ", ".join(document.name for document in tests)
        raise UserError(f"{source}: there are {len(tests)} LoadTests in it ({names}); choose one with --name.")
    return tests[0]


def config_maps(documents: Sequence[Document]) -> dict[str, dict[str, str]]:
    """The data of the ConfigMaps that stand in the same file."""
    return {
        document.name: {str(key): str(value) for key, value in (document.raw.get("data") or {}).items()}
        for document in documents
        if document.kind == "ConfigMap"
    }


def _no_such(source: str, name: str, tests: Sequence[Document]) -> list[Document]:
    names = ", ".join(document.name for document in tests)
    raise UserError(f"{source}: there is no LoadTest named {name!r} in it, but {names}.")


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; `loadtest init > {path}` writes one to begin with.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8.") from None


def _parse(text: str, source: str) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            _no_key_twice(node, source)
            raw = loader.construct_document(node)
            if raw is not None:
                yield Document(_checked(raw, node, source), source, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{source}{line}: this is not YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{source}: this is not YAML: {error}.") from None
    finally:
        loader.dispose()


def _checked(raw: object, node: yaml.Node, source: str) -> dict[str, Any]:
    where = f"{source}:{node.start_mark.line + 1}"
    if not isinstance(raw, dict):
        raise UserError(f"{where}: this is not an object; a LoadTest begins with `apiVersion: {API_VERSION}`.")
    for key in ("apiVersion", "kind"):
        if not isinstance(raw.get(key), str):
            raise UserError(f"{where}: {key} is missing; write `apiVersion: {API_VERSION}` and `kind: {LOADTEST}`.")
    group = raw["apiVersion"].partition("/")[0]
    if group == GROUP and raw["apiVersion"] != API_VERSION:
        raise UserError(f"{where}: apiVersion {raw['apiVersion']!r} is unknown; this version reads {API_VERSION}.")
    if raw["kind"] == LOADTEST and group != GROUP:
        raise UserError(f"{where}: {raw['apiVersion']} has no {LOADTEST}; write `apiVersion: {API_VERSION}`.")
    return raw


def _no_key_twice(node: yaml.Node, source: str) -> None:
    for mapping in _mappings(node, set()):
        lines: dict[str, int] = {}
        for key, _ in mapping.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in lines:
                raise UserError(f"{source}:{line}: {name} is here a second time; the first is in line {lines[name]}.")
            lines[name] = line


def _mappings(node: yaml.Node, seen: set[int]) -> Iterator[yaml.MappingNode]:
    """All maps below a node, each once: an alias may point to what is around it."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _mappings(item, seen)
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value, seen)


def _line(node: yaml.Node, field: str) -> int:
    line = node.start_mark.line + 1
    for part in re.findall(r"[^.\[\]]+", field):
        found = _child(node, part)
        if found is None:
            return line
        key, node = found
        line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node, part: str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if str(key.value) == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        return node.value[int(part)], node.value[int(part)]
    return None
