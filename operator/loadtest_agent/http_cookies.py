"""The cookies of one user, by the standard library's rules; costs nothing until a server sets one."""

from __future__ import annotations

import time
import urllib.request
from email.message import Message
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.client import HTTPResponse


class _Answer:
    """What a CookieJar wants to see of a response."""

    def __init__(self, set_cookie: Sequence[str]) -> None:
        self._message = Message()
        for value in set_cookie:
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        return self._message


class Cookies:
    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._jar: CookieJar | None = None
        self._lines: dict[str, bytes] = {}
        self._fresh_until = 0.0

    def take(self, target: str, set_cookie: Sequence[str]) -> None:
        if self._jar is None:
            self._jar = CookieJar()
        answer = cast("HTTPResponse", _Answer(set_cookie))
        self._jar.extract_cookies(answer, urllib.request.Request(self._base_url + target))  # noqa: S310 - our own URL
        self._lines.clear()

    def line(self, target: str) -> bytes:
        """The Cookie header for this target, with its line end; empty without cookies."""
        if self._jar is None:
            return b""
        now = time.time()
        if now >= self._fresh_until:
            self._lines.clear()
            self._fresh_until = min((cookie.expires for cookie in self._jar if cookie.expires), default=now + 3600)
        line = self._lines.get(target)
        if line is None:
            request = urllib.request.Request(self._base_url + target)  # noqa: S310 - our own URL
            self._jar.add_cookie_header(request)
            value = request.get_header("Cookie")
            line = self._lines[target] = f"Cookie: {value}\r\n".encode("latin-1") if value else b""
        return line
