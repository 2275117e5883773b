"""Requests that the generator could not send are told from those that the target did not answer."""

from __future__ import annotations

import errno
import os
import socket

import pytest
from loadtest_agent import failures

NAMED = {
    errno.EADDRNOTAVAIL: "generator: no free port",
    errno.EMFILE: "generator: too many open files",
    errno.ECONNREFUSED: "",
}


def of_requests() -> BaseException:
    """As HttpUser reports it."""
    import requests

    with pytest.raises(requests.ConnectionError) as raised:
        requests.get("http://127.0.0.1:9/", timeout=1)
    return raised.value


def of_a_socket() -> BaseException:
    """As FastHttpUser and the simple scenario report it."""
    with pytest.raises(OSError, match="Errno") as raised:
        socket.create_connection(("127.0.0.1", 9))
    return raised.value


@pytest.mark.parametrize("code", NAMED)
@pytest.mark.parametrize("how", [of_requests, of_a_socket])
def test_what_the_machine_lacks_is_found_inside_any_wrapping(how, code, monkeypatch):
    def fails(self, address):
        raise OSError(code, os.strerror(code))

    class Refusing(socket.socket):
        connect = fails

    monkeypatch.setattr(socket, "socket", Refusing)
    error = how()
    assert failures.own_fault(error) == NAMED[code]
    if NAMED[code]:
        assert failures.kind_of(error, 0) == NAMED[code]


def test_an_error_that_is_its_own_cause_is_followed_to_an_end():
    error = ValueError("a")
    error.__context__ = other = ValueError("b")
    other.__context__ = error
    assert failures.own_fault(error) == ""


@pytest.mark.parametrize("found", [None, "HTTP 500", failures.Unexpected("a body"), ValueError(OSError())])
def test_everything_else_is_the_targets_or_the_scripts(found):
    assert failures.own_fault(found) == ""
