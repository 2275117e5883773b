"""The master's HTTP routes: translate requests into calls of a driven thing; decides nothing about the run."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from gevent import pywsgi

from loadtest_agent import metrics, protocol
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loadtest_agent.aborts import Aborted
    from loadtest_agent.config import Address

PAGE_WINDOWS = 120
_MAX_PAGE = 1000
# A page of windows stays below this, whatever `limit` says, so that neither end needs much memory for it.
PAGE_BYTES = 4_000_000
# Adding up hundreds of endpoints of many workers takes a while the first time; a driver waits 5 s for an answer.
PAGE_SECONDS = 1.0
_MAX_BODY = 65536
_MAX_WORD = 256
_GZIP_FROM = 1024
_STATUS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_STATUS |= {405: "Method Not Allowed", 409: "Conflict", 500: "Internal Server Error"}

Environ = dict[str, object]
StartResponse = "Callable[[str, list[tuple[str, str]]], object]"


class Refusal(Exception):
    """An error answer of the protocol."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, json.dumps({"error": {"reason": reason, "message": message}}).encode())


class Driven(Protocol):
    """What the routes need of the master."""

    def state_document(self) -> dict[str, object]: ...
    def windows_head(self) -> dict[str, object]: ...
    def windows_since(self, cursor: int) -> Iterator[tuple[int, str]]: ...
    def failures(self) -> list[dict[str, object]]: ...
    def cursor(self) -> int: ...
    def is_complete(self) -> bool: ...
    def stop(self, reason: str, aborted: Aborted | None = None) -> None: ...
    def acknowledge(self, cursor: int) -> None: ...
    def metrics_text(self) -> str: ...


@dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)


class Routes:
    """A WSGI application."""

    def __init__(self, driven: Driven, token_sha256: str) -> None:
        self._driven = driven
        self._token_sha256 = token_sha256.encode()
        self._table: dict[str, tuple[str, Callable[[Environ], Answer]]] = {
            "/healthz": ("GET", lambda _: Answer(200, b"ok", "text/plain")),
            "/metrics": ("GET", self._metrics),
            "/v1/state": ("GET", lambda _: _json(200, driven.state_document())),
            "/v1/windows": ("GET", self._windows),
            "/v1/stop": ("POST", self._stop),
            "/v1/acknowledge": ("POST", self._acknowledge),
        }

    def __call__(self, environ: Environ, start_response: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
        try:
            answer = self._route(environ)
        except Refusal as refusal:
            answer = refusal.answer
        body = answer.body
        headers = [("Content-Type", answer.content_type), ("Cache-Control", "no-store"), *answer.headers]
        if len(body) >= _GZIP_FROM and "gzip" in str(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = gzip.compress(body, 5)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        headers.append(("Content-Length", str(len(body))))
        start_response(f"{answer.status} {_STATUS[answer.status]}", headers)
        return [body]

    def _route(self, environ: Environ) -> Answer:
        path = str(environ.get("PATH_INFO", ""))
        if (path == "/v1" or path.startswith("/v1/")) and not self._token_fits(environ):
            raise Refusal(401, "Unauthorized", f"the header {protocol.TOKEN_HEADER} is missing or wrong")
        found = self._table.get(path)
        if found is None:
            raise Refusal(404, "NotFound", f"there is no route {path}")
        method, handler = found
        if environ["REQUEST_METHOD"] != method:
            refusal = Refusal(405, "MethodNotAllowed", f"{path} wants {method}")
            refusal.answer.headers.append(("Allow", method))
            raise refusal
        return handler(environ)

    def _token_fits(self, environ: Environ) -> bool:
        token = str(environ.get("HTTP_X_LOADTEST_TOKEN", ""))
        given = hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()
        return hmac.compare_digest(given.encode(), self._token_sha256)

    def _metrics(self, _: Environ) -> Answer:
        return Answer(200, self._driven.metrics_text().encode(), metrics.CONTENT_TYPE)

    def _windows(self, environ: Environ) -> Answer:
        query = dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
        since = _whole(query, "since", 0)
        limit = min(_MAX_PAGE, max(1, _whole(query, "limit", PAGE_WINDOWS)))
        head = self._driven.windows_head()
        # What changes while this page is being made comes with the next one.
        complete, top = self._driven.is_complete(), self._driven.cursor()
        deadline = time.monotonic() + PAGE_SECONDS
        texts: list[str] = []
        cursor, size, more = since, 0, False
        for seq, text in self._driven.windows_since(since):
            if seq > top:
                break
            full = size + len(text) > PAGE_BYTES or time.monotonic() > deadline
            if len(texts) >= limit or (texts and full):
                more = True
                break
            texts.append(text)
            size += len(text)
            cursor = seq
        head |= {"cursor": cursor if more else top, "more": more, "complete": complete and not more}
        opening = json.dumps(head)[:-1]
        failures = json.dumps(self._driven.failures())
        return Answer(200, f'{opening}, "windows": [{",".join(texts)}], "failures": {failures}}}'.encode())

    def _stop(self, environ: Environ) -> Answer:
        body = _body(environ)
        self._driven.stop(str(body.get("reason") or "asked by the driver")[:200], _aborted(body.get("aborted")))
        return _json(202, {})

    def _acknowledge(self, environ: Environ) -> Answer:
        cursor = _body(environ).get("cursor")
        if isinstance(cursor, bool) or not isinstance(cursor, int):
            raise Refusal(400, "BadRequest", "cursor must be a number")
        self._driven.acknowledge(cursor)
        return _json(200, {})


def listen(address: Address, routes: Routes) -> pywsgi.WSGIServer:
    """Start serving; a port that is taken is the configuration's fault."""
    server = pywsgi.WSGIServer((address.host, address.port), routes, log=None)
    try:
        server.start()
    except OSError as error:
        raise AgentError(
            protocol.Reason.CONFIG_ERROR,
            f"the agent cannot listen on {address.host} port {address.port}: {error.strerror or error}",
        ) from error
    return server


def _json(status: int, document: Mapping[str, object]) -> Answer:
    return Answer(status, json.dumps(document).encode())


def _aborted(raw: object) -> Aborted | None:
    """A limit that the driver watches, and that is the reason of the stop."""
    if raw is None:
        return None
    value = raw.get("value") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(400, "BadRequest", "aborted must be an object with reason, name, value and message")
    return {"value": value, **{key: str(raw.get(key) or "")[:_MAX_WORD] for key in ("reason", "name", "message")}}


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise Refusal(400, "BadRequest", f"{name} must be a whole number, not {text[:50]!r}")
    return int(text)


def _body(environ: Environ) -> dict[str, object]:
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or int(length) > _MAX_BODY:
        raise Refusal(400, "BadRequest", f"the body must have a length of at most {_MAX_BODY} bytes")
    raw = environ["wsgi.input"].read(int(length))  # type: ignore[attr-defined]
    try:
        document = json.loads(raw or b"{}")
    except ValueError as error:
        raise Refusal(400, "BadRequest", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refusal(400, "BadRequest", "the body must be a JSON object")
    return document
