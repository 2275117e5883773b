"""TLS as a kubeconfig describes it, against a server that wants a client's certificate."""

import base64
import ssl
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from loadtest_operator.io import credentials, kube
from loadtest_operator.io.kube import ApiUnreachable, Kube

from tests.testcluster.pki import ensure

CLIENT = "apiserver-kubelet-client"


@pytest.fixture
async def secured(pki):
    """Its base URL; it tells the common name of who asks."""

    async def who(request):
        subject = request.transport.get_extra_info("peercert")["subject"]
        return web.json_response({"who": dict(pair[0] for pair in subject)["commonName"]})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pki / "ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
    app = web.Application()
    app.router.add_get("/{path:.*}", who)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    yield str(server.make_url("")).rstrip("/")
    await server.close()


def data(file):
    return base64.b64encode(file.read_bytes()).decode()


def by_file(pki):
    return {"certificate-authority": "ca.crt"}, {"client-certificate": f"{CLIENT}.crt", "client-key": f"{CLIENT}.key"}


def by_data(pki):
    cluster = {"certificate-authority-data": data(pki / "ca.crt")}
    user = {
        "client-certificate-data": data(pki / f"{CLIENT}.crt"),
        "client-key-data": data(pki / f"{CLIENT}.key"),
    }
    return cluster, user


def access(folder, server, cluster, user):
    path = Path(folder, "config")
    content = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(content))
    return credentials.from_kubeconfig(path)


async def ask(found):
    client = Kube(found)
    try:
        return await client.get(kube.PODS, "shop", "p")
    finally:
        await client.close()


@pytest.mark.parametrize("written", [by_file, by_data])
async def test_a_client_certificate_is_shown(pki, secured, written):
    assert await ask(access(pki, secured, *written(pki))) == {"who": CLIENT}


async def test_a_key_is_not_left_on_the_disk(pki, secured, tmp_path, monkeypatch):
    monkeypatch.setattr(credentials.tempfile, "tempdir", str(tmp_path))
    access(pki, secured, *by_data(pki))
    assert list(tmp_path.iterdir()) == []


async def test_a_server_of_another_ca_is_not_trusted(pki, secured, tmp_path):
    ensure(tmp_path, ["127.0.0.1"])
    _, user = by_data(pki)
    with pytest.raises(ApiUnreachable, match="certificate verify failed"):
        await ask(access(tmp_path, secured, {"certificate-authority": "ca.crt"}, user))


async def test_a_server_that_may_be_anybody_is_asked_nevertheless(pki, secured):
    _, user = by_data(pki)
    assert await ask(access(pki, secured, {"insecure-skip-tls-verify": True}, user)) == {"who": CLIENT}


def test_a_cluster_s_own_ca_is_the_only_one_trusted(pki):
    found = access(pki, "https://10.0.0.1", *by_data(pki))
    assert [dict(pair[0] for pair in one["subject"])["commonName"] for one in found.ssl.get_ca_certs()] == [
        "testcluster-ca"
    ]
