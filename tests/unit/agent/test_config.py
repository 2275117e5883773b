"""The configuration file: what is read, what is refused, and in which words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadtest_agent import config, durations, protocol, termination
from loadtest_agent.errors import AgentError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE: dict[str, Any] = {
    "protocol": 1,
    "run": {"id": "checkout-3-7f3a9c21d4", "attempt": 1, "namespace": "shop", "test": "checkout"},
    "tokenSHA256": "AB" * 32,
    "target": {
        "url": "http://checkout.shop/",
        "version": "1.4.2",
        "health": {"path": "/", "expect": [200], "headers": {}, "timeoutSeconds": 300},
    },
    "scenario": {
        "kind": "locust",
        "files": ["locustfile.py"],
        "tags": [],
        "excludeTags": [],
        "userClasses": ["A", {"name": "B", "weight": 3}],
    },
    "load": {"users": 50, "spawnRate": 10.0, "durationSeconds": 300.0, "warmupSeconds": 60.0},
    "windowSeconds": 1,
    "workers": 2,
    "startTimeoutSeconds": 180,
    "holdSeconds": 86400,
    "master": {"host": "checkout-3-m", "port": 5557},
    "listen": {"host": "0.0.0.0", "port": 9808},
    "something": "from the future",
}


def changed(path: str, value: object) -> dict[str, Any]:
    document = json.loads(json.dumps(EXAMPLE))
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return document


def test_the_example_of_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(EXAMPLE))
    read = config.read(tmp_path / "config.json")
    assert read.folder == tmp_path
    assert read.target.url == "http://checkout.shop"
    assert read.token_sha256 == "ab" * 32
    assert [(item.name, item.weight) for item in read.scenario.user_classes] == [("A", None), ("B", 3.0)]
    assert (read.load.users, read.workers, read.window_seconds) == (50, 2, 1.0)
    assert read.target.tls == config.Tls(insecure=False, ca_file=None)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("protocol", 2, "protocol 2 is newer than this agent's 1: use the agent of the driver's version"),
        ("run.id", KeyError, "run.id is missing in the configuration"),
        ("load.users", 0, "load.users must be a whole number of at least 1, not 0"),
        ("load.users", "many", "load.users must be a whole number of at least 1, not 'many'"),
        ("load.users", True, "load.users must be a whole number of at least 1, not True"),
        ("load.durationSeconds", 0, "load.durationSeconds must be a number above 0, not 0"),
        ("load", [], "load must be an object, not []"),
        ("scenario.kind", "k6", "scenario.kind must be locust or http, not 'k6'"),
        ("scenario.files", [], "scenario.files must name at least the locustfile"),
        ("scenario.tags", "smoke", "scenario.tags must be a list, not 'smoke'"),
        ("target.url", "shop", "target.url must begin with http:// or https://, not 'shop'"),
        ("target.health.expect", ["200"], "target.health.expect must be a list of numbers, not ['200']"),
    ],
)
def test_refusals_name_the_field(tmp_path: Path, path: str, value: object, sentence: str) -> None:
    with pytest.raises(AgentError) as caught:
        config.parse(changed(path, value), tmp_path)
    assert (caught.value.reason, caught.value.message) == ("ConfigError", sentence)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(AgentError) as caught:
        config.read(path)
    assert caught.value.reason == "ConfigError"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("250ms", 0.25), ("1m30s", 90.0), ("1.5h", 5400.0), ("0", 0.0), (".5s", 0.5), ("10us", 1e-5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert durations.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1s2", "-1s", "1 s", "."])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration like"):
        durations.seconds(text)


@given(st.text(max_size=9000), st.sampled_from(["master", "worker"]))
def test_the_last_word_fits(message: str, role: str) -> None:
    error = AgentError(protocol.Reason.SCRIPT_ERROR, message)
    text = termination.compose(None, role, "Failed", error, None)
    assert len(text.encode()) < termination.LIMIT_BYTES
    written = json.loads(text)["error"]["message"]
    assert written == message or (written.endswith("...") and message.startswith(written[:-3]))


def test_the_last_word_goes_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "word"
    monkeypatch.setenv("LOADTEST_TERMINATION_LOG", str(path))
    termination.write(config.parse(EXAMPLE, tmp_path), "master", "Released", None, {"requests": 3, "failures": 1})
    assert json.loads(path.read_text()) == {
        "protocol": 1,
        "run": "checkout-3-7f3a9c21d4",
        "attempt": 1,
        "role": "master",
        "state": "Released",
        "totals": {"requests": 3, "failures": 1},
    }
