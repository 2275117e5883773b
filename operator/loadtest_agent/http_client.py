"""One user's HTTP connection: prepared bytes out, a response in. Keep-alive, redirects, cookies, TLS, one time-out.

FastHttpUser spends four fifths of its time on building requests and wrapping responses; the declarative scenario knows
its requests beforehand, so this sends their bytes and reads the answer on a plain gevent socket.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import gevent
from gevent import monkey

from loadtest_agent import http_wire
from loadtest_agent.http_cookies import Cookies
from loadtest_agent.http_plan import Origin

if TYPE_CHECKING:
    from loadtest_agent.http_plan import Request
    from loadtest_agent.http_wire import Response

_MAX_REDIRECTS = 30  # as FastHttpUser
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TO_GET = frozenset((301, 302, 303))
_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
# How a connection looks that the server closed while it was idle.
_GONE = (ConnectionResetError, BrokenPipeError, http_wire.ConnectionClosed, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_select = monkey.get_original("select", "select")


class TooManyRedirects(Exception):
    """A circle, most likely."""


class RequestTimeout(Exception):
    """The request's time-out passed before the whole response was there."""


class Client:
    def __init__(self, origin: Origin, context: ssl.SSLContext | None) -> None:
        self._origin = origin
        self._context = context
        self._socket: socket.socket | None = None
        self._base_url = f"{origin.scheme}://{origin.header()}"
        self._cookies = Cookies(self._base_url)

    def send(self, request: Request) -> Response:
        """The final response; a redirect to another host is not followed but returned."""
        timeout = gevent.Timeout(request.timeout, RequestTimeout)
        timeout.start()
        try:
            return self._follow(request)
        except BaseException:
            self.close()  # whatever is still to come on this connection belongs to a request that is over
            raise
        finally:
            timeout.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _follow(self, request: Request) -> Response:
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._once(request)
            if response.status not in _REDIRECTS:
                return response
            location = response.header(b"location")
            if location is None or self.leaves(location, request.target):
                return response
            method = "GET" if response.status in _TO_GET and request.method != "HEAD" else request.method
            url = urlsplit(urljoin(self._base_url + request.target, location))
            request = request.redirected(method, url._replace(scheme="", netloc="", fragment="").geturl() or "/")
        raise TooManyRedirects(f"more than {_MAX_REDIRECTS} redirects")

    def leaves(self, location: str, target: str) -> bool:
        """A load test stays with its target, wherever that points."""
        there = Origin.of(urljoin(self._base_url + target, location))
        return (there.scheme, there.host, there.port) != (self._origin.scheme, self._origin.host, self._origin.port)

    def _once(self, request: Request) -> Response:
        cookies = b"" if request.own_cookies else self._cookies.line(request.target)
        data = b"".join((request.head, cookies, b"\r\n", request.body))
        reused = self._socket is not None and self._still_open(self._socket)
        if not reused:
            self.close()
        try:
            response = self._exchange(data, request.method)
        except _GONE:
            # An idle connection that the server has just closed: once more on a new one, if doing it twice is harmless.
            self.close()
            if not reused or request.method not in _IDEMPOTENT:
                raise
            response = self._exchange(data, request.method)
        if not response.reusable:
            self.close()
        if response.sets_cookies:
            self._cookies.take(request.target, response.headers(b"set-cookie"))
        return response

    def _exchange(self, data: bytes, method: str) -> Response:
        if self._socket is None:
            self._socket = self._connect()
        self._socket.sendall(data)
        return http_wire.read(self._socket.recv, method.encode())

    def _connect(self) -> socket.socket:
        plain = socket.create_connection((self._origin.host, self._origin.port))
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is None:
                return plain
            return self._context.wrap_socket(plain, server_hostname=self._origin.host)
        except BaseException:
            plain.close()
            raise

    def _still_open(self, connection: socket.socket) -> bool:
        """An idle plain connection with something to read is one that the server closed."""
        if self._context is not None:
            return True  # TLS has things to read at any time; a closed one shows when it is used
        readable, _, _ = _select([connection.fileno()], [], [], 0)
        return not readable


# How a request can fail without an answer; anything else is a fault of ours and ends the task.
FAILURES = (OSError, UnicodeError, http_wire.BadResponse, TooManyRedirects, RequestTimeout)
