"""Events are named after what they say, and refusals say what to do."""

import re

import pytest
from loadtest_operator.build import install
from loadtest_operator.decide.observed import Note
from loadtest_operator.io.kube import ApiError
from loadtest_operator.model.conditions import Reason
from loadtest_operator.runtime.events import event
from loadtest_operator.runtime.refusals import dry_run_not_supported, refusal

from tests.unit.runtime.parts import EVENTS, assembled, loadtest
from tests.unit.runtime.timeless import timeless

NOTE = Note("Warning", "ImagePullFailed", "pod p: ErrImagePull: manifest unknown")


def name(raw, note=NOTE):
    return event(raw, note, "2026-12-01T12:00:00Z")["metadata"]["name"]


def test_the_same_event_has_the_same_name_whenever_and_by_whomever_it_is_posted():
    assert name(loadtest()) == name(loadtest(resourceVersion="99"))


@pytest.mark.parametrize(
    "other",
    [
        name(loadtest(uid="u-2")),
        name(loadtest(generation=2)),
        name({**loadtest(), "status": {"run": {"id": "checkout-2"}}}),
        name(loadtest(), Note("Warning", "ImagePullFailed", "another message")),
        name(loadtest(), Note("Warning", "Unschedulable", NOTE.message)),
    ],
)
def test_another_object_generation_run_or_message_is_another_event(other):
    assert other != name(loadtest())


def test_an_event_is_one_that_the_api_server_takes():
    found = event(loadtest("x" * 45), Note("Normal", "Passed", "y" * 3000), "2026-12-01T12:00:00Z")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", found["metadata"]["name"])
    assert len(found["metadata"]["name"]) <= 253
    assert len(found["message"]) == 1024
    assert found["involvedObject"]["uid"] == "u-1"
    assert found["metadata"]["namespace"] == found["involvedObject"]["namespace"] == "shop"


@timeless
async def test_an_event_is_posted_once_and_never_stops_a_run():
    async with assembled() as here:
        for _ in range(2):
            await here.executor._events.post(loadtest(), NOTE)
        assert len(here.api.objects) == 1
        here.api.refuse["POST", EVENTS] = ("Forbidden", "cannot create events")
        await here.executor._events.post(loadtest(), NOTE)
        here.api.down = True
        await here.executor._events.post(loadtest(), NOTE)


def refused(status, message, reason="Forbidden", kind="Job", instance="loadtest-operator"):
    return refusal(ApiError(status, reason, message), kind, "shop", f"home:{instance}", instance)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('pods "p" is forbidden: exceeded quota: team, requested: cpu=5', Reason.QUOTA_EXCEEDED),
        ("pods is forbidden: failed quota: team: must specify limits.cpu", Reason.QUOTA_EXCEEDED),
        ('User "x" cannot create resource "jobs" in API group "batch" in the namespace "shop"', Reason.ACCESS_MISSING),
        ('pods "p" is forbidden: violates PodSecurity "restricted:latest"', Reason.PODS_REFUSED),
        ('admission webhook "policy" denied the request: no', Reason.PODS_REFUSED),
        ("unable to create new content in namespace shop because it is being terminated", Reason.PODS_REFUSED),
    ],
)
def test_a_refusal_is_told_in_the_server_s_words_with_a_reason(message, expected):
    found = refused(403, message)
    assert found.reason is expected
    assert message in found.message


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ('User "system:serviceaccount:perf:runner" cannot', "--serviceaccount=perf:runner"),
        ('User "ann@example.org" cannot', "--user=ann@example.org"),
        ("somebody cannot", "--serviceaccount=home:loadtest-operator"),
    ],
)
def test_a_missing_right_comes_with_the_command_that_grants_it(said, who):
    message = refused(403, f'{said} create resource "jobs" in the namespace "shop"').message
    assert f"--clusterrole={install.RUNS_ROLE}" in message
    assert "-n shop" in message
    assert message.endswith(who)


def test_a_second_installation_names_its_own_role_binding_and_account():
    said = 'somebody cannot create resource "jobs" in the namespace "shop"'
    message = refused(403, said, instance="perf").message
    command = "kubectl create rolebinding perf -n shop --clusterrole=perf-runs --serviceaccount=home:perf"
    assert message.endswith(command)


def test_a_scenario_that_is_too_large_is_told_with_the_way_out():
    said = 'ConfigMap "checkout-1-run" is invalid: []: Too long: may not be more than 1048576 bytes'
    found = refused(422, said, "Invalid", "ConfigMap")
    assert found.reason is Reason.INPUT_INVALID
    assert "spec.runners.volumes" in found.message


@pytest.mark.parametrize("status", [409, 429, 500, 503, 504])
def test_a_server_that_cannot_answer_now_refuses_nothing(status):
    assert refused(status, "later") is None


def test_a_quota_that_was_changed_meanwhile_is_tried_again():
    assert refused(403, "Operation cannot be fulfilled on resourcequotas", "Conflict") is None


def test_a_webhook_without_dry_run_says_nothing_about_the_pod():
    said = 'admission webhook "w" does not support dry run'
    assert dry_run_not_supported(ApiError(400, "BadRequest", said))
    assert not dry_run_not_supported(ApiError(403, "Forbidden", said))
