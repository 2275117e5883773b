"""Name the ways in which requests fail, without the secrets that error texts carry; knows no clock."""

from __future__ import annotations

import errno
import re

KIND_LENGTH = 80
SAMPLE_LENGTH = 128  # as all user text in a status

# Whatever follows a question mark in a URL, user:password@ in front of a host, and values that are named like secrets.
_QUERY = re.compile(r"\?[^\s'\"<>)\]]+")
_USERINFO = re.compile(r"(\w+://)[^/@\s]+@")
_SECRET = re.compile(
    r"(?i)\b(authorization|bearer|basic|token|password|passwd|secret|api[-_]?key|cookie|session)"
    r"(['\"]?\s*[:=]\s*(?:bearer\s+|basic\s+)?|\s+)['\"]?[^\s'\",;&]+"
)
_BAD_STATUS = 400
# What the machine under the load generator lacks, not the target; as errors of a socket that is being made.
OWN_FAULTS = {
    errno.EADDRNOTAVAIL: "generator: no free port",
    errno.EMFILE: "generator: too many open files",
    errno.ENFILE: "generator: too many open files",
    errno.ENOBUFS: "generator: no memory for sockets",
    errno.ENOMEM: "generator: no memory for sockets",
}
_NESTED = 6  # requests wraps urllib3, which wraps what the socket raised


class Unexpected(Exception):
    """An answer that the scenario does not want; the text is the failure's kind."""


def clean(text: str) -> str:
    text = _QUERY.sub("", _USERINFO.sub(r"\1", text))
    return _SECRET.sub(r"\1 ***", " ".join(text.split()))


def status_of(response: object) -> int | None:
    """The HTTP status; 0 when the client says that nobody answered, None when there is no such thing."""
    if response is None:
        return 0
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def kind_of(exception: object, status: int | None) -> str:
    """'HTTP 503' for what the server said; else the exception's class, with its text where a person wrote it."""
    if status is not None and status >= _BAD_STATUS:
        return f"HTTP {status}"
    if own := own_fault(exception):
        return own
    if isinstance(exception, str | Unexpected):
        return clean(str(exception))[:KIND_LENGTH]
    name = type(exception).__name__
    # Texts of network errors carry addresses and times, which would make every failure a kind of its own.
    if isinstance(exception, OSError | EOFError) or _is_network(exception):
        return name
    text = clean(str(exception))
    return f"{name}: {text}"[:KIND_LENGTH] if text else name


def own_fault(exception: object) -> str:
    """Why the generator itself could not send; empty: it could."""
    for _ in range(_NESTED):
        if isinstance(exception, OSError) and exception.errno in OWN_FAULTS:
            return OWN_FAULTS[exception.errno]
        if not isinstance(exception, BaseException):
            return ""
        wrapped = [
            one for one in (getattr(exception, "reason", None), *exception.args) if isinstance(one, BaseException)
        ]
        exception = next(iter(wrapped), None) or exception.__cause__ or exception.__context__
    return ""


def _is_network(exception: object) -> bool:
    return any(
        base.__module__.split(".", 1)[0] in ("gevent", "geventhttpclient", "loadtest_agent", "urllib3", "zmq")
        for base in type(exception).__mro__
    )


def sample_of(exception: object) -> str:
    text = str(exception)
    if not isinstance(exception, str | Unexpected):
        text = f"{type(exception).__name__}: {text}"
    return clean(text)[:SAMPLE_LENGTH]
