"""The ways to the API server, and tokens that change under way."""

import sys
from pathlib import Path

import pytest
import yaml
from loadtest_operator.io import credentials, kube
from loadtest_operator.io.credentials import Access, CredentialsError
from loadtest_operator.io.kube import ApiError, ApiUnreachable, Kube


def kubeconfig(folder, user=None, cluster=None, context=None):
    path = Path(folder, "config")
    content = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", **(context or {})}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def put(folder, name, text):
    Path(folder, name).write_text(text)


def text_of(folder, name):
    return Path(folder, name).read_text()


async def asked_with(server, access, times=1):
    """The Authorization headers of so many calls."""
    access.server = server.base
    client = Kube(access)
    for _ in range(times):
        await client.get(kube.PODS, "shop", "p")
    await client.close()
    return [asked.headers.get("Authorization") for asked in server.asked]


def test_server_and_namespace_come_from_the_current_context(tmp_path):
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, {}, context={"namespace": "perf"}))
    assert (access.server, access.namespace, access.in_cluster) == ("https://10.0.0.1:6443", "perf", False)
    assert credentials.from_kubeconfig(kubeconfig(tmp_path)).namespace == "default"


async def test_a_token_is_sent_as_it_is(tmp_path, server):
    server.answer({})
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, {"token": "secret"}))
    assert await asked_with(server, access) == ["Bearer secret"]


async def test_a_token_file_lies_beside_the_kubeconfig(tmp_path, server):
    server.answer({})
    put(tmp_path, "token", "from-file\n")
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, {"tokenFile": "token"}))
    assert await asked_with(server, access) == ["Bearer from-file"]


async def test_without_a_user_nothing_is_claimed(tmp_path, server):
    server.answer({})
    assert await asked_with(server, credentials.from_kubeconfig(kubeconfig(tmp_path))) == [None]


def plugin(folder, says):
    path = Path(folder, "plugin.py")
    path.write_text(f"import os\nopen({str(folder)!r} + '/calls', 'a').write('x')\nprint({says})")
    return {"exec": {"command": sys.executable, "args": [str(path)], "env": [{"name": "WHO", "value": "me"}]}}


async def test_a_plugin_is_asked_once_for_several_calls(tmp_path, server):
    server.answer({})
    user = plugin(tmp_path, """'{"status": {"token": "for-' + os.environ["WHO"] + '"}}'""")
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, user))
    assert await asked_with(server, access, 3) == ["Bearer for-me"] * 3
    assert text_of(tmp_path, "calls") == "x"


@pytest.mark.parametrize("says", ["'{}'", "'not json'", "'[]'"])
async def test_a_plugin_without_a_token_is_named(tmp_path, says):
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, plugin(tmp_path, says)))
    with pytest.raises(CredentialsError, match="credential command, gave no token"):
        await access.authorization()


async def test_a_plugin_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(credentials, "EXEC_TIMEOUT_SECONDS", 0.5)
    user = plugin(tmp_path, "__import__('time').sleep(60)")
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, user))
    with pytest.raises(CredentialsError):
        await access.authorization()


async def test_a_plugin_that_is_not_installed_is_unreachable_with_its_name(tmp_path):
    access = credentials.from_kubeconfig(kubeconfig(tmp_path, {"exec": {"command": "no-such-plugin"}}))
    client = Kube(access)
    with pytest.raises(ApiUnreachable, match="no-such-plugin"):
        await client.get(kube.PODS, "shop", "p")
    await client.close()


async def test_a_projected_token_is_read_again_after_a_minute_or_a_refusal(tmp_path, server, monkeypatch):
    now = [5.0]  # a machine that has just started
    monkeypatch.setattr(credentials.time, "monotonic", lambda: now[0])
    put(tmp_path, "token", "one")
    server.answer({})
    access = Access(server=server.base, ssl=True, token_file=tmp_path / "token")
    client = Kube(access)
    await client.get(kube.PODS, "shop", "p")
    put(tmp_path, "token", "two")
    await client.get(kube.PODS, "shop", "p")
    now[0] += 61
    await client.get(kube.PODS, "shop", "p")
    put(tmp_path, "token", "three")
    server.answers.clear()
    server.answer({"reason": "Unauthorized"}, 401)
    server.answer({})
    with pytest.raises(ApiError):
        await client.get(kube.PODS, "shop", "p")
    await client.get(kube.PODS, "shop", "p")
    await client.close()
    sent = [asked.headers["Authorization"].removeprefix("Bearer ") for asked in server.asked]
    assert sent == ["one", "one", "two", "two", "three"]


def test_in_a_pod_the_service_account_is_used(tmp_path, monkeypatch, pki):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", tmp_path)
    Path(tmp_path, "token").write_text("t")
    Path(tmp_path, "namespace").write_text("home\n")
    Path(tmp_path, "ca.crt").write_bytes(Path(pki, "ca.crt").read_bytes())
    access = credentials.find()
    assert (access.server, access.namespace, access.in_cluster) == ("https://[fd00::1]:6443", "home", True)
    assert access.token_file == tmp_path / "token"


def test_outside_of_a_pod_kubeconfig_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    path = kubeconfig(tmp_path, {"token": "t"})
    monkeypatch.setenv("KUBECONFIG", f"{path}:/somewhere/else")
    assert credentials.find().token == "t"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(CredentialsError, match="set KUBECONFIG or give --kubeconfig"):
        credentials.find()
    assert credentials.find(str(path)).token == "t"


@pytest.mark.parametrize(
    "change",
    [
        "current-context: there",
        "contexts: []",
        "clusters: [{name: c, cluster: {}}]",
        "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: '%%%'}}]",
        "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: nowhere.crt}}]",
        "users: [{name: u, user: {client-certificate: c.crt}}]",
        "{",
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path, change):
    path = kubeconfig(tmp_path)
    path.write_text(path.read_text() + change)
    with pytest.raises(CredentialsError, match="is not a kubeconfig with a usable current-context"):
        credentials.from_kubeconfig(path)
