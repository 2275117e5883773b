"""As much of HTTP/1.1 as a load generator asks for: keep-alive, pipelining, bodies with a Content-Length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 1024 * 1024
REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    body: bytes
    keep_alive: bool

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json"
    after_seconds: float = 0.0
    answered: Callable[[int], None] | None = None


class UnreadableError(Exception):
    """What cannot be read is answered with this status and a close: the bytes after it mean nothing any more."""

    def __init__(self, status: int) -> None:
        super().__init__(REASONS[status])
        self.status = status


def read_request(buffer: bytearray) -> tuple[Request | None, bool]:
    """Take one whole request off the buffer's front; the flag says that the client waits for leave to send its body."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_HEAD_BYTES:
            raise UnreadableError(431)
        return None, False
    head = bytes(buffer[: end + 2])
    line, _, _ = head.partition(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1.") or not parts[1].startswith(b"/"):
        raise UnreadableError(400)
    fields = head[len(line) :].lower()
    if _field(fields, b"transfer-encoding"):
        raise UnreadableError(411)
    length = _content_length(fields)
    start = end + 4
    if len(buffer) < start + length:
        return None, _field(fields, b"expect") == b"100-continue" and len(buffer) == start
    connection = _field(fields, b"connection")
    keep_alive = connection != b"close" if parts[2] == b"HTTP/1.1" else connection == b"keep-alive"
    request = Request(
        parts[0].decode("latin-1"), parts[1].decode("latin-1"), bytes(buffer[start : start + length]), keep_alive
    )
    del buffer[: start + length]
    return request, False


def _field(fields: bytes, name: bytes) -> bytes:
    start = fields.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return fields[start : fields.index(b"\r\n", start)].strip()


def _content_length(fields: bytes) -> int:
    text = _field(fields, b"content-length")
    if not text:
        return 0
    if not text.isdigit():
        raise UnreadableError(400)
    length = int(text)
    if length > MAX_BODY_BYTES:
        raise UnreadableError(413)
    return length


def to_bytes(response: Response, *, head_only: bool, close: bool) -> bytes:
    head = (
        f"HTTP/1.1 {response.status} {REASONS[response.status]}\r\nContent-Type: {response.content_type}\r\n"
        f"Content-Length: {len(response.body)}\r\n{'Connection: close' if close else 'Connection: keep-alive'}\r\n\r\n"
    ).encode("latin-1")
    return head if head_only else head + response.body


class Connection(asyncio.Protocol):
    """One client. Its requests are answered one after the other, in order, each after its own latency."""

    def __init__(self, answer: Callable[[Request], Response], connections: set[Connection]) -> None:
        self.answer = answer
        self.connections = connections
        self.buffer = bytearray()
        self.timer: asyncio.TimerHandle | None = None
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.closed = self.loop.create_future()
        self.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio passes it
        if self.timer:
            self.timer.cancel()
        self.closing = True
        self.connections.discard(self)
        self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.timer is None:
            self._next()
        elif len(self.buffer) > MAX_BODY_BYTES:
            self.transport.pause_reading()

    def close_when_idle(self) -> None:
        """Answer what is in flight, then close."""
        self.closing = True
        if self.timer is None:
            self.transport.close()

    def _next(self) -> None:
        while self.timer is None and not self.transport.is_closing():
            try:
                request, wants_leave = read_request(self.buffer)
            except UnreadableError as error:
                self.transport.write(to_bytes(Response(error.status, b"", "text/plain"), head_only=False, close=True))
                self.transport.close()
                return
            if wants_leave:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if request is None:
                return
            response = self.answer(request)
            if response.after_seconds > 0:
                self.timer = self.loop.call_later(response.after_seconds, self._respond_late, request, response)
            else:
                self._respond(request, response)

    def _respond_late(self, request: Request, response: Response) -> None:
        self.timer = None
        self._respond(request, response)
        self.transport.resume_reading()
        self._next()

    def _respond(self, request: Request, response: Response) -> None:
        close = self.closing or not request.keep_alive
        self.transport.write(to_bytes(response, head_only=request.method == "HEAD", close=close))
        if response.answered:
            response.answered(response.status)
        if close:
            self.transport.close()
