"""Read one HTTP/1.1 response from a socket, as little of it as a load test needs; knows no connection and no clock."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 65536
_MAX_HEAD = 65536
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9]\d\d)(?: [^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n")
_CONNECTION = re.compile(rb"\r\nconnection:[ \t]*([^\r\n]*)")
_CHUNK_SIZE = re.compile(rb"([0-9a-f]{1,15})[ \t]*(?:;.*)?", re.IGNORECASE | re.DOTALL)
_NO_BODY = (204, 304)
_FINAL = 200  # below it an answer is only the announcement of another


class BadResponse(Exception):
    """The server's bytes are not an HTTP response."""


class ConnectionClosed(ConnectionError):
    """The server closed the connection before it answered."""


@dataclass
class Response:
    """`head` holds the status line and the headers as they came, `body` is still encoded."""

    status: int
    head: bytes
    body: bytes
    reusable: bool
    sets_cookies: bool = False

    def header(self, name: bytes) -> str | None:
        values = self.headers(name)
        return values[0] if values else None

    def headers(self, name: bytes) -> list[str]:
        lines = re.findall(rb"\r\n" + re.escape(name) + rb":[ \t]*([^\r\n]*)", self.head, re.IGNORECASE)
        return [line.strip().decode("latin-1") for line in lines]

    def text(self) -> bytes:
        """The body without its content encoding."""
        encoding = (self.header(b"content-encoding") or "").lower()
        try:
            if encoding in ("gzip", "x-gzip"):
                return zlib.decompress(self.body, 31)
            if encoding == "deflate":
                return _inflate(self.body)
        except zlib.error as error:
            raise BadResponse(f"the body is not {encoding}: {error}") from error
        return self.body


def read(recv: Callable[[int], bytes], method: bytes) -> Response:
    """ConnectionClosed when not one byte came, BadResponse when the bytes make no sense."""
    buffer = recv(_BLOCK)
    if not buffer:
        raise ConnectionClosed("connection closed before the response")
    while True:
        status, head, buffer = _read_head(recv, buffer)
        if status >= _FINAL:
            break
    lowered = head.lower()
    body, reusable = _read_body(recv, method, status, lowered, buffer)
    return Response(status, head, body, reusable, b"\r\nset-cookie:" in lowered)


def _read_body(
    recv: Callable[[int], bytes], method: bytes, status: int, lowered: bytes, buffer: bytes
) -> tuple[bytes, bool]:
    """The body, and whether the connection can be used again: it cannot when there are bytes nobody asked for."""
    keep = _keeps_alive(lowered)
    if method == b"HEAD" or status in _NO_BODY:
        return b"", keep and not buffer
    if _CHUNKED.search(lowered):
        body, rest = _read_chunks(recv, buffer)
        return body, keep and not rest
    length = _LENGTH.search(lowered)
    if length is None:
        return _read_to_end(recv, buffer), False
    body, rest = _read_exactly(recv, buffer, int(length[1]))
    return body, keep and not rest


def _read_head(recv: Callable[[int], bytes], buffer: bytes) -> tuple[int, bytes, bytes]:
    """Status, the head with its last line end, and what came after it."""
    end = buffer.find(b"\r\n\r\n")
    while end < 0:
        if len(buffer) > _MAX_HEAD:
            raise BadResponse("the response's headers are longer than 64 KiB")
        more = recv(_BLOCK)
        if not more:
            raise BadResponse("connection closed within the response's headers")
        buffer += more
        end = buffer.find(b"\r\n\r\n")
    line = _STATUS_LINE.match(buffer)
    if line is None:
        raise BadResponse(f"not an HTTP/1 response: {buffer[:40]!r}")
    return int(line[2]), buffer[: end + 2], buffer[end + 4 :]


def _keeps_alive(lowered: bytes) -> bool:
    said = _CONNECTION.search(lowered)
    if lowered.startswith(b"http/1.0"):
        return said is not None and b"keep-alive" in said[1]
    return said is None or b"close" not in said[1]


def _read_exactly(recv: Callable[[int], bytes], buffer: bytes, length: int) -> tuple[bytes, bytes]:
    if len(buffer) >= length:
        return buffer[:length], buffer[length:]
    parts, missing = [buffer], length - len(buffer)
    while missing > 0:
        part = recv(min(_BLOCK, missing))
        if not part:
            raise BadResponse(f"connection closed {missing} bytes before the end of the body")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts), b""


def _read_to_end(recv: Callable[[int], bytes], buffer: bytes) -> bytes:
    parts = [buffer]
    while part := recv(_BLOCK):
        parts.append(part)
    return b"".join(parts)


def _read_chunks(recv: Callable[[int], bytes], buffer: bytes) -> tuple[bytes, bytes]:
    parts: list[bytes] = []
    while True:
        line, buffer = _read_line(recv, buffer)
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise BadResponse(f"not a chunk's size: {line[:40]!r}")
        length = int(size[1], 16)
        if length == 0:
            break
        data, buffer = _read_exactly(recv, buffer, length + 2)
        if not data.endswith(b"\r\n"):
            raise BadResponse("a chunk does not end where it says")
        parts.append(data[:-2])
    while line:  # trailers, up to the empty line
        line, buffer = _read_line(recv, buffer)
    return b"".join(parts), buffer


def _read_line(recv: Callable[[int], bytes], buffer: bytes) -> tuple[bytes, bytes]:
    while b"\r\n" not in buffer:
        more = recv(_BLOCK)
        if not more or len(buffer) > _MAX_HEAD:
            raise BadResponse("connection closed within a chunked body")
        buffer += more
    line, _, rest = buffer.partition(b"\r\n")
    return line, rest


def _inflate(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:
        return zlib.decompress(body, -15)  # some servers leave the zlib header out
