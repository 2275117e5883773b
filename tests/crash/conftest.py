"""A real API server, and what all tellings share."""

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from loadtest_operator.build import install

from tests.crash.nursery import Nursery
from tests.crash.proxy import Proxy
from tests.crash.recorder import Recorder
from tests.crash.scene import World
from tests.support import crds
from tests.support.goodbyes import goodbyes, sockets
from tests.support.kubectl import Kubectl
from tests.support.operator import AS_IN_THE_IMAGE
from tests.testcluster.apiserver import ApiServer


@pytest.fixture(scope="session")
def api() -> Iterator[ApiServer]:
    with crds.api_server() as server:
        roles = [item for item in install.environments() if item["kind"] == "ClusterRole"]
        Kubectl(server.kubectl, server.kubeconfig).apply(*roles)
        yield server


@pytest.fixture
async def world(api: ApiServer, tmp_path: Path) -> AsyncIterator[World]:
    before = sockets()
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(api.ca)), limit=0)
    headers = {"Authorization": f"Bearer {api.token}"}
    own = aiohttp.ClientSession(connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(sock_connect=10))
    strangers = aiohttp.ClientSession(
        connector=connector, connector_owner=False, timeout=aiohttp.ClientTimeout(total=None)
    )
    async with own, strangers, Nursery(AS_IN_THE_IMAGE) as nursery, Recorder(api, own) as recorder:

        def address(namespace: str, pod: str) -> str:
            status = recorder.there("Pod", namespace).get(pod, {}).get("status") or {}
            return str(status.get("podIP") or "")

        async with Proxy(api, strangers, address) as proxy:
            yield World(api, own, proxy, recorder, nursery, tmp_path)
    await goodbyes(before)
