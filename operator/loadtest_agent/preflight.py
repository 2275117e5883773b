"""Ask the target whether it is up, on the network path that the load will take; changes nothing but that answer."""

from __future__ import annotations

import http.client
import itertools
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import gevent

from loadtest_agent import protocol
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from loadtest_agent.config import Target

_RETRY_SECONDS = 0.5
_REQUEST_SECONDS = 5.0
_TOO_BAD = 500  # without `expect`, any status below this counts as up


@dataclass
class Preflight:
    """The state's `preflight`."""

    ok: bool = False
    message: str = ""


def tls_context(target: Target) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=target.tls.ca_file)
    if target.tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def run(target: Target, report: Preflight) -> None:
    """Return when the target answers as expected; AgentError when it does not in time."""
    start = time.monotonic()
    for tries in itertools.count(1):
        began = time.monotonic()
        report.ok, answer = _ask(target)
        took = time.monotonic() - began
        if report.ok:
            report.message = f"GET {target.health.path} {answer} after {took:.3f} s"
            return
        elapsed = time.monotonic() - start
        # Without figures while it goes on: the status shows it for as long as the answer is the same.
        report.message = f"GET {target.url}{target.health.path} {answer}"
        if elapsed >= target.health.timeout_seconds:
            said = f"{report.message}, asked {tries} times in {elapsed:.0f} s"
            raise AgentError(protocol.Reason.TARGET_UNREACHABLE, said)
        gevent.sleep(_RETRY_SECONDS)


def _ask(target: Target) -> tuple[bool, str]:
    url = urlsplit(target.url)
    timeout = min(_REQUEST_SECONDS, max(1.0, target.health.timeout_seconds))
    connection: http.client.HTTPConnection | None = None
    try:
        with gevent.Timeout(2 * timeout, TimeoutError("timed out")):
            connection = _connection(target, timeout)
            connection.request("GET", (url.path + target.health.path) or "/", headers=dict(target.health.headers))
            status = connection.getresponse().status
    except ConnectionRefusedError:
        return False, "refused: connection refused"
    except socket.gaierror as error:
        return False, f"failed: the name {url.hostname} cannot be resolved ({error.strerror})"
    except TimeoutError:
        return False, f"got no answer within {timeout:.0f} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, f"failed: {type(error).__name__}: {error}"
    finally:
        if connection is not None:
            connection.close()
    expect = target.health.expect
    good = status in expect if expect else status < _TOO_BAD
    wanted = " or ".join(map(str, expect)) or f"below {_TOO_BAD}"
    return good, f"answered {status}" + ("" if good else f", expected {wanted}")


def _connection(target: Target, timeout: float) -> http.client.HTTPConnection:
    url = urlsplit(target.url)
    if not url.hostname:
        raise ValueError(f"{target.url} names no host")
    if url.scheme.lower() == "https":
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout, context=tls_context(target))
    return http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)
