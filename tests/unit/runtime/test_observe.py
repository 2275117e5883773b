"""Observing: the spec and what it names, the master's agent, the key of all tokens."""

import base64

import pytest
from loadtest_operator.io.agent import AgentError
from loadtest_operator.runtime import tokenkey
from loadtest_operator.runtime.inputs import read_inputs
from loadtest_operator.runtime.masters import _pull
from loadtest_operator.runtime.sessions import Attempt, Session
from loadtest_operator.verdict.windows import WindowLog

from tests.unit.decide_run.figures import SPEC
from tests.unit.runtime.parts import assembled, loadtest
from tests.unit.runtime.timeless import timeless

LOCUST = {**SPEC, "scenario": {"locust": {"configMap": {"name": "script", "key": "main.py"}}}}
SECRETS = "/api/v1/namespaces/home/secrets"


def inputs(spec, **data):
    return read_inputs(loadtest(spec=spec), data)


def test_a_good_spec_has_a_key_and_no_problem():
    found = inputs(SPEC)
    assert (found.invalid, found.unsupported, found.missing) == ("", (), "")
    assert found.test.spec.load.users == 50
    assert len(found.run_key) == 16


def test_an_invalid_spec_is_a_sentence_and_not_an_exception():
    found = inputs({**SPEC, "load": {"users": 0, "duration": "5m"}})
    assert found.invalid.startswith("spec.load.users: 0 is too small")
    assert inputs({"target": {}}).invalid


def test_a_missing_config_map_or_key_says_what_to_do():
    assert inputs(LOCUST, script=None).missing.endswith("is not in namespace shop: create it")
    assert "(its keys: a.py, b.py): correct spec.scenario" in inputs(LOCUST, script={"a.py": "", "b.py": ""}).missing
    assert "(its keys: none)" in inputs(LOCUST, script={}).missing


def test_files_of_the_config_map_belong_to_the_key():
    one, other = (inputs(LOCUST, script={"main.py": text}) for text in ("a", "b"))
    assert one.files == {"locustfile.py": "a"}
    assert one.run_key != other.run_key


@pytest.mark.parametrize("field", ["thresholds", "baseline", "gate", "queue", "retention", "deadline", "suspend"])
def test_what_does_not_describe_the_load_does_not_change_the_key(field):
    value = {"thresholds": [], "deadline": "1h", "suspend": True}.get(field, {})
    assert inputs({**SPEC, field: value}).run_key == inputs(SPEC).run_key


@pytest.mark.parametrize(
    "change",
    [
        {"target": {"url": "http://other.shop"}},
        {"load": {"users": 51, "duration": "5m"}},
        {"runners": {"workers": 3}},
        {"scenario": {"http": {"requests": [{"path": "/other"}]}}},
    ],
)
def test_what_describes_the_load_changes_the_key(change):
    assert inputs({**SPEC, **change}).run_key != inputs(SPEC).run_key


class Pages:
    """An agent's client that answers with these pages, the last one for ever."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.asked = []

    async def windows(self, since):
        self.asked.append(since)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


def page(*seqs, more=False, complete=False):
    windows = [{"w": seq, "seq": seq, "endpoints": []} for seq in seqs]
    head = {"protocol": 1, "run": "r", "attempt": 1, "startedAt": 1.0, "cursor": max(seqs, default=0)}
    return {**head, "more": more, "complete": complete, "windows": windows, "failures": []}


def attempt(state, cursor):
    found = Attempt("r/1", WindowLog("r", 1))
    found.state = {"state": state, "cursor": cursor}
    return found


async def test_pages_are_pulled_until_there_are_no_more():
    pages = Pages(page(1, 2, more=True), page(3, complete=True))
    found = attempt("Holding", 3)
    await _pull(pages, found)
    assert pages.asked == [0, 2]
    assert (found.log.cursor, found.log.complete) == (3, True)


async def test_nothing_is_asked_for_when_nothing_is_new():
    pages = Pages(page())
    await _pull(pages, attempt("Running", 0))
    assert pages.asked == []


async def test_a_held_run_without_any_window_is_complete_too():
    found = attempt("Holding", 0)
    await _pull(Pages(page(complete=True)), found)
    assert found.log.complete


async def test_an_agent_that_promises_windows_for_ever_does_not_hold_us():
    with pytest.raises(AgentError, match="none came"):
        await _pull(Pages(page(more=True)), attempt("Running", 9))


def test_another_attempt_begins_with_nothing_of_the_one_before():
    session = Session()
    first = session.of("r/1")
    first.state = {"state": "Running"}
    assert session.of("r/1") is first
    assert session.of("r/2").state == {}


@timeless
async def test_the_key_is_made_once_and_read_by_everybody_else():
    async with assembled() as here:
        made = await tokenkey.load(here.kube, "home", "loadtest-operator")
        assert len(made) == 32
        assert await tokenkey.load(here.kube, "home", "loadtest-operator") == made
        secret = here.api.objects[f"{SECRETS}/loadtest-operator-token-key"]
        assert base64.b64decode(secret["data"]["key"]) == made
        assert secret["immutable"] is True
        assert await tokenkey.load(here.kube, "home", "another") != made


@timeless
async def test_of_two_that_make_the_key_at_once_both_use_the_first_one():
    async with assembled() as here:
        path = f"{SECRETS}/loadtest-operator-token-key"
        here.api.refuse["GET", path] = ("NotFound", "not yet")
        first = await tokenkey.load(here.kube, "home", "loadtest-operator")
        asked = len(here.api.calls)

        class Late:
            """A process that read before the first one wrote."""

            async def get(self, *args):
                if len(here.api.calls) > asked:
                    here.api.refuse.clear()
                return await here.kube.get(*args)

            create = here.kube.create

        assert await tokenkey.load(Late(), "home", "loadtest-operator") == first
