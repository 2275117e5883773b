"""What the API server is asked, and what its answers mean."""

import contextlib

import aiohttp
import pytest
from loadtest_operator.io import kube as api
from loadtest_operator.io.credentials import Access
from loadtest_operator.io.kube import AlreadyExists, ApiError, ApiUnreachable, Conflict, Kube, NotFound

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
TEST = {
    "apiVersion": "loadtest.dev/v1alpha1",
    "kind": "LoadTest",
    "metadata": {
        "name": "checkout",
        "namespace": "shop",
        "uid": "u-1",
        "resourceVersion": "17",
        "generation": 2,
        "managedFields": [],
    },
    "spec": {},
}


@pytest.fixture
async def kube(server):
    client = Kube(Access(server=server.base, ssl=True, token="t0"))
    yield client
    await client.close()


def status(code, reason, message="no"):
    return {"kind": "Status", "code": code, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (api.LOADTESTS, "/apis/loadtest.dev/v1alpha1/namespaces/shop/loadtests/x"),
        (api.JOBS, "/apis/batch/v1/namespaces/shop/jobs/x"),
        (api.PODS, "/api/v1/namespaces/shop/pods/x"),
        (api.LEASES, "/apis/coordination.k8s.io/v1/namespaces/shop/leases/x"),
    ],
)
async def test_get_knows_core_and_group_paths(kube, server, resource, path):
    server.answer({"kind": resource.kind})
    await kube.get(resource, "shop", "x")
    assert (server.asked[0].method, server.asked[0].path) == ("GET", path)
    assert server.asked[0].headers["Authorization"] == "Bearer t0"


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (403, "Forbidden", ApiError),
        (422, "Invalid", ApiError),
        (500, "InternalError", ApiError),
    ],
)
async def test_refusals_are_typed_and_keep_the_server_s_words(kube, server, code, reason, kind):
    server.answer(status(code, reason, "the server's own words"), code)
    with pytest.raises(ApiError) as caught:
        await kube.get(api.PODS, "shop", "p")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.reason, caught.value.message) == (code, reason, "the server's own words")


@pytest.mark.parametrize(("code", "retryable"), [(403, False), (422, False), (409, True), (429, True), (503, True)])
async def test_what_may_help_to_try_again_is_known(kube, server, code, retryable):
    server.answer(status(code, "x"), code, {"Retry-After": "7"})
    with pytest.raises(ApiError) as caught:
        await kube.get(api.PODS, "shop", "p")
    assert caught.value.retryable is retryable
    assert caught.value.retry_after == 7.0


async def test_a_refusal_by_something_in_between_keeps_the_beginning_of_its_text(kube, server):
    server.answer(text="<html>bad gateway</html>" * 100, status=502, headers={"Retry-After": "soon"})
    with pytest.raises(ApiError, match="bad gateway") as caught:
        await kube.get(api.PODS, "shop", "p")
    assert len(caught.value.message) == 300
    assert caught.value.retry_after is None


@pytest.mark.parametrize("text", ["<html>welcome</html>", "[]", '"ok"'])
async def test_an_answer_that_is_no_object_is_no_answer(kube, server, text):
    server.answer(text=text)
    with pytest.raises(ApiUnreachable, match="not the API server"):
        await kube.get(api.PODS, "shop", "p")


async def test_nobody_there_is_unreachable_with_what_was_tried():
    client = Kube(Access(server="http://127.0.0.1:1", ssl=True))
    with pytest.raises(ApiUnreachable, match=r"GET /api/v1/namespaces/shop/pods/p: ClientConnectorError"):
        await client.get(api.PODS, "shop", "p")
    await client.close()


async def test_a_server_that_does_not_answer_in_time_is_unreachable(kube, server, monkeypatch):
    monkeypatch.setattr(api, "TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    server.answers_at_all.clear()
    with pytest.raises(ApiUnreachable, match="TimeoutError"):
        await kube.get(api.PODS, "shop", "p")


async def test_credentials_do_not_follow_a_redirect(kube, server):
    server.answer({}, 302, {"Location": f"{server.base}/elsewhere"})
    with pytest.raises(ApiError):
        await kube.get(api.PODS, "shop", "p")
    assert [asked.path for asked in server.asked] == ["/api/v1/namespaces/shop/pods/p"]


@pytest.mark.parametrize("code", [200, 404])
async def test_the_date_of_each_answer_is_told_with_how_long_it_took(server, code):
    told = []
    server.answer({"reason": "NotFound", "message": ""}, status=code, headers={"Date": "Sun, 01 Mar 2026 12:00:00 GMT"})
    access = Access(server=server.base, ssl=True, token="t0")
    kube = Kube(access, lambda date, took: told.append((date, took)))
    with contextlib.suppress(NotFound):
        await kube.get(api.PODS, "shop", "one")
    await kube.close()
    [(date, took)] = told
    assert date == "Sun, 01 Mar 2026 12:00:00 GMT"
    assert 0 <= took < 20


async def test_lists_come_in_pages_and_every_item_gets_its_kind(kube, server):
    server.answer({"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]})
    server.answer({"metadata": {}, "items": [{"metadata": {"name": "b"}}]})
    found = [item async for item in kube.list(api.PODS, None, "app=x")]
    assert found == [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}},
    ]
    assert [asked.path for asked in server.asked] == ["/api/v1/pods"] * 2
    assert server.asked[0].query == {"limit": "500", "labelSelector": "app=x"}
    assert server.asked[1].query == {"limit": "500", "labelSelector": "app=x", "continue": "more"}


async def test_a_list_that_expires_between_pages_is_told_and_not_cut_short(kube, server):
    server.answer({"metadata": {"continue": "more"}, "items": []})
    server.answer(status(410, "Expired"), 410)
    with pytest.raises(ApiError) as caught:
        _ = [item async for item in kube.list(api.PODS)]
    assert caught.value.status == 410


async def test_a_dry_run_is_one(kube, server):
    server.answer(POD, 201)
    await kube.create(POD, dry_run=True)
    await kube.create(POD)
    assert server.asked[0].query == {"fieldManager": "loadtest-operator", "dryRun": "All"}
    assert server.asked[1].query == {"fieldManager": "loadtest-operator"}
    assert server.asked[1].body == POD


async def test_a_status_is_applied_whole_and_bound_to_what_was_observed(kube, server):
    server.answer(TEST)
    await kube.apply_status(TEST, {"phase": "Running"})
    asked = server.asked[0]
    assert asked.method == "PATCH"
    assert asked.path == "/apis/loadtest.dev/v1alpha1/namespaces/shop/loadtests/checkout/status"
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert asked.query == {"fieldManager": "loadtest-operator", "force": "true"}
    assert asked.body == {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "u-1", "resourceVersion": "17"},
        "status": {"phase": "Running"},
    }


async def test_a_replacement_carries_the_version_that_was_read(kube, server):
    lease = {"kind": "Lease", "metadata": {"name": "l", "namespace": "home", "resourceVersion": "3"}}
    server.answer(lease)
    await kube.replace(lease)
    assert (server.asked[0].method, server.asked[0].body["metadata"]["resourceVersion"]) == ("PUT", "3")


async def test_every_deletion_says_what_becomes_of_the_pods(kube, server):
    server.answer({"kind": "Status"})
    await kube.delete(api.JOBS, "shop", "j", api.FOREGROUND, uid="u-9", grace=5)
    await kube.delete(api.PODS, "shop", "p", api.BACKGROUND)
    assert server.asked[0].body == {
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u-9"},
        "gracePeriodSeconds": 5,
    }
    assert server.asked[1].body == {"propagationPolicy": "Background"}
    with pytest.raises(TypeError):
        await kube.delete(api.JOBS, "shop", "j")


async def test_a_pod_is_reached_through_the_server_by_its_port(kube, server):
    assert kube.proxy("shop", "m", 9808) == f"{server.base}/api/v1/namespaces/shop/pods/m:9808/proxy"
