"""Turn the declarative scenario (`scenario.http`) into requests that are ready to be sent; imports no Locust.

Everything that can be done once is done here: bytes of the request, weights, durations. What this agent cannot do is
refused, so that nobody judges a test that left half of its scenario out.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from loadtest_agent import protocol
from loadtest_agent.http_block import Block, as_list, fill, fill_all, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtest_agent.config import JsonObject

_DEFAULT_THINK = 1.0
_DEFAULT_TIMEOUT = 30.0
_NOT_YET = ("data", "onStart", "onStop")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PATH_SAFE = "/?&=%:@!$'()*+,;~#[]-._"


@dataclass(frozen=True)
class Origin:
    scheme: str
    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str) -> Origin:
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        return cls(scheme, parts.hostname or "", parts.port or (443 if scheme == "https" else 80), parts.path)

    def header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@dataclass(frozen=True)
class Expect:
    """Without `statuses`, anything below 400 is a success, as for FastHttpUser."""

    statuses: frozenset[int] | None = None
    contains: bytes | None = None
    max_latency: float | None = None


@dataclass(frozen=True)
class Request:
    """One request of the scenario. `head` lacks the empty line, so that cookies can follow."""

    method: str
    name: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout: float
    expect: Expect
    head: bytes = b""
    own_cookies: bool = False

    def ready(self) -> Request:
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return replace(
            self,
            head="".join(f"{line}\r\n" for line in lines).encode("latin-1"),
            own_cookies=any(name.lower() == "cookie" for name, _ in self.headers),
        )

    def redirected(self, method: str, target: str) -> Request:
        """The same request elsewhere; a method that changed to GET leaves the body behind."""
        if method == self.method:
            return replace(self, target=target).ready()
        kept = tuple(item for item in self.headers if not item[0].lower().startswith("content-"))
        return replace(self, method=method, target=target, headers=kept, body=b"").ready()


@dataclass(frozen=True)
class UserPlan:
    """One kind of user. `sequence` is walked in order; else requests are drawn by their cumulative weights."""

    name: str
    weight: float
    think: tuple[float, float]
    requests: tuple[Request, ...]
    cumulative: tuple[float, ...]
    sequence: bool


@dataclass(frozen=True)
class _Defaults:
    origin: Origin
    headers: Mapping[str, str]
    timeout: float
    think: tuple[float, float]


def plans(http: JsonObject, target_url: str) -> list[UserPlan]:
    root = Block(http, "scenario.http")
    defaults = _Defaults(
        origin=Origin.of(target_url),
        headers=root.strings("headers"),
        timeout=root.duration("timeout", _DEFAULT_TIMEOUT),
        think=root.think((_DEFAULT_THINK, _DEFAULT_THINK)),
    )
    if "users" not in http:
        return [_user(root, defaults, "HttpUser")]
    found = [_user(block, defaults, f"User{index}") for index, block in enumerate(root.blocks("users"), 1)]
    if len({plan.name for plan in found}) < len(found):
        root.wrong("users", "must have different names")
    return [plan for plan in found if plan.weight > 0]


def _user(block: Block, defaults: _Defaults, default_name: str) -> UserPlan:
    for key in _NOT_YET:
        if block.has(key):
            block.wrong(key, "is not supported by this agent yet")
    if block.has("requests") == block.has("sequence"):
        block.wrong("requests", "or sequence is needed, and only one of them")
    sequence = block.has("sequence")
    items = block.blocks("sequence" if sequence else "requests")
    weights = [item.number("weight", 1.0) for item in items]
    if not sum(weights):
        block.wrong("requests", "all have weight 0")
    name = re.sub(r"\W", "_", block.string("name", default_name))
    return UserPlan(
        name=name if name.isidentifier() else f"User_{name}",
        weight=block.number("weight", 1.0),
        think=block.think(defaults.think),
        requests=tuple(_request(item, defaults) for item in items),
        cumulative=tuple(itertools.accumulate(weights)),
        sequence=sequence,
    )


def _request(block: Block, defaults: _Defaults) -> Request:
    for key in ("websocket", "save"):
        if block.has(key):
            block.wrong(key, "is not supported by this agent yet")
    method = block.string("method", "GET").upper()
    if not _TOKEN.fullmatch(method):
        block.wrong("method", f"is not an HTTP method: {method!r}")
    template = block.string("path", raw=True)
    if not template.startswith("/"):
        block.wrong("path", f"must begin with /, not {template!r}")
    body, content_type = _body(block)
    headers = {
        "Host": defaults.origin.header(),
        "User-Agent": f"loadtest-agent/{protocol.AGENT_VERSION}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
    }
    own = {**defaults.headers, **block.strings("headers")}
    if content_type and not any(name.lower() == "content-type" for name in own):
        headers["Content-Type"] = content_type
    if body or method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = str(len(body))
    shadowed = {name.lower() for name in own}
    kept = {name: value for name, value in headers.items() if name.lower() not in shadowed - {"content-length"}}
    for name, value in own.items():
        if not _TOKEN.fullmatch(name) or any(char in value for char in "\r\n\0"):
            block.wrong("headers", f"{name!r} is not a valid header")
    own = {name: value for name, value in own.items() if name.lower() not in ("content-length", "transfer-encoding")}
    return Request(
        method=method,
        # The path as written, placeholders and all: what was filled in may be secret, and would be endless names.
        name=block.string("name", template.split("?", 1)[0], raw=True),
        target=_target(block, defaults.origin),
        headers=(*kept.items(), *own.items()),
        body=body,
        timeout=block.duration("timeout", defaults.timeout),
        expect=_expect(block.block("expect")),
    ).ready()


def _target(block: Block, origin: Origin) -> str:
    path = quote(origin.prefix + block.string("path"), safe=_PATH_SAFE).split("#", 1)[0]
    query = block.mapping("query")
    if not query:
        return path
    pairs = [(name, scalar(one)) for name, value in query.items() for one in as_list(value)]
    return path + ("&" if "?" in path else "?") + urlencode([(fill(name), fill(value)) for name, value in pairs])


def _body(block: Block) -> tuple[bytes, str | None]:
    if block.has("json"):
        if block.has("body"):
            block.wrong("body", "and json cannot both be given")
        return json.dumps(fill_all(block.value("json")), separators=(",", ":")).encode(), "application/json"
    return block.string("body", "").encode(), None


def _expect(block: Block) -> Expect:
    statuses = [_status(block, item) for item in as_list(block.value("status") or [])]
    contains = block.string("bodyContains", "")
    latency = block.duration("maxLatency", 0.0)
    return Expect(frozenset(statuses) or None, contains.encode() or None, latency or None)


def _status(block: Block, item: object) -> int:
    if isinstance(item, bool) or not isinstance(item, int):
        block.wrong("status", f"must be a number or a list of numbers, not {item!r}")
    return item
