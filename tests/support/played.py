"""A kubelet without a node: it writes the statuses of load pods as a test wants them, and starts played agents.

Everything runs on the event loop of one thread; tests call from theirs.
"""

import asyncio
import itertools
import json
import os
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.support.goodbyes import goodbyes
from tests.support.played_agent import PORT, PlayedAgent, Script

SELECTOR = "app.kubernetes.io/managed-by=loadtest-operator"
LINE_BYTES = 4 * 1024 * 1024
RECONNECT_SECONDS = 0.1
STRAGGLE_SECONDS = 5
TEST, ROLE, RUN = "loadtest.dev/test", "loadtest.dev/role", "loadtest.dev/run"

Pod = dict[str, Any]


def running(address: str, *, ready: bool = True) -> dict[str, Any]:
    answer = "True" if ready else "False"
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": answer}],
        "containerStatuses": [_container(ready=ready, state={"running": {"startedAt": "2026-01-01T00:00:00Z"}})],
    }


def waiting(reason: str, message: str) -> dict[str, Any]:
    """For instance ErrImagePull."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [_container(ready=False, state=state)]}


def unschedulable(message: str) -> dict[str, Any]:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [scheduled]}


def ended(exit_code: int, last_word: dict[str, Any] | None = None, reason: str = "") -> dict[str, Any]:
    terminated = {
        "exitCode": exit_code,
        "reason": reason or ("Error" if exit_code else "Completed"),
        "message": json.dumps(last_word) if last_word else "",
    }
    return {
        "phase": "Failed" if exit_code else "Succeeded",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [_container(ready=False, state={"terminated": terminated})],
    }


def hook_ended(words: str = "") -> dict[str, Any]:
    """Well without last words, as the kubelet reads them from the log."""
    status = ended(1 if words else 0)
    status["containerStatuses"][0]["state"]["terminated"]["message"] = words
    return status


def _role(pod: Pod) -> str:
    return str(pod["metadata"]["labels"][ROLE])


def _container(*, ready: bool, state: dict[str, Any]) -> dict[str, Any]:
    image = {"image": "played", "imageID": "played@sha256:0"}
    return {"name": "locust", "ready": ready, "restartCount": 0, "started": ready, "state": state, **image}


async def _close(runner: web.AppRunner, listening: socket.socket) -> None:
    """Nobody new first: who is accepted while the server closes gets a transport that asyncio forgets to close."""
    asyncio.get_running_loop().remove_reader(listening)
    try:
        for _ in range(3):  # a connection that is accepted is the server's three turns of the loop later
            await asyncio.sleep(0)
        await runner.cleanup()
    finally:
        listening.close()  # a server that was never started has not


async def _stragglers() -> None:
    """Connections that were accepted in the last moment, and answers that are still being given."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        _, pending = await asyncio.wait(others, timeout=STRAGGLE_SECONDS)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    for _ in range(3):  # a transport that is closed lets its socket go a turn later
        await asyncio.sleep(0)


class PlayedKubelet:
    """`with PlayedKubelet(server, ca, token, namespace) as kubelet:`; `scripts` says by LoadTest how its run goes."""

    def __init__(self, server: str, ca: Path, token: str, namespace: str = "") -> None:
        self._server = server
        self._context = ssl.create_default_context(cafile=str(ca))
        self._headers = {"Authorization": f"Bearer {token}"}
        self._scope = f"/namespaces/{namespace}" if namespace else ""
        self.scripts: dict[str, Script] = {}
        self.default = Script()
        self.agents: dict[tuple[str, str], PlayedAgent] = {}  # by LoadTest and run id
        self._playing: dict[str, asyncio.Task[None]] = {}  # by the pod's UID
        self._leaving: set[asyncio.Task[None]] = set()  # of pods that are gone
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="played-kubelet", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def agent(self, test: str, number: int = 1) -> PlayedAgent:
        for (name, run), agent in self.agents.items():
            if name == test and run.startswith(f"{test}-{number}-"):
                return agent
        raise AssertionError(f"no agent of {test}, run {number}; there are {list(self.agents)}")

    def go_on(self, test: str, state: str, number: int = 1) -> None:
        self._loop.call_soon_threadsafe(self.agent(test, number).go_on, state)

    def write(self, pod: Pod, status: dict[str, Any]) -> None:
        self._call(self._write(pod, status))

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, read_bufsize=LINE_BYTES)
        self._watching = asyncio.create_task(self._watch())

    async def _end(self) -> None:
        tasks = [self._watching, *self._playing.values()]
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, *self._leaving, return_exceptions=True)
        assert isinstance(self._session.connector, aiohttp.TCPConnector)
        await self._session.connector.close(abort_ssl=True)  # the loop ends too soon for a polite goodbye
        await self._session.close()
        await _stragglers()
        await goodbyes()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _watch(self) -> None:
        """For ever, also beyond an API server that goes away."""
        while True:
            try:
                url = f"{self._server}/api/v1{self._scope}/pods"
                async with self._session.get(url, params={"labelSelector": SELECTOR, "watch": "1"}) as stream:
                    stream.raise_for_status()
                    await self._follow(stream)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, stream: aiohttp.ClientResponse) -> None:
        try:
            async for line in stream.content:
                event = json.loads(line)
                if event["type"] != "ERROR":
                    self._see(event["type"], event["object"])
        finally:
            if stream.connection is not None and stream.connection.transport is not None:
                stream.connection.transport.abort()

    def _see(self, kind: str, pod: Pod) -> None:
        uid = pod["metadata"]["uid"]
        if kind == "DELETED":
            if task := self._playing.pop(uid, None):
                task.cancel()
                self._leaving.add(task)  # it closes its sockets yet
                task.add_done_callback(self._leaving.discard)
        elif uid not in self._playing and "deletionTimestamp" not in pod["metadata"]:
            play = {"master": self._play_master, "worker": self._play_worker}.get(_role(pod), self._play_hook)
            self._playing[uid] = asyncio.create_task(play(pod))

    async def _play_master(self, pod: Pod) -> None:
        script = self._script(pod)
        if script.master_status is not None:
            await self._write(pod, script.master_status)
            return
        agent = PlayedAgent(await self._config(pod), script)
        address = _address()
        runner = web.AppRunner(agent.app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listening = socket.create_server((address, PORT))
        try:
            await web.SockSite(runner, listening).start()
            labels = pod["metadata"]["labels"]
            self.agents[labels[TEST], agent.config["run"]["id"]] = agent  # of the newest attempt
            await self._write(pod, running(address))
            await agent.play()
            if agent.state == "Failed":
                await self._write(pod, ended(3, agent.last_word()))
                return
            await agent.released.wait()
            await self._write(pod, ended(0, agent.last_word()))
        finally:
            # Its pod may be deleted meanwhile: connections that are being closed must be closed to the end.
            closing = asyncio.create_task(_close(runner, listening))
            self._leaving.add(closing)
            closing.add_done_callback(self._leaving.discard)
            await asyncio.shield(closing)

    async def _play_worker(self, pod: Pod) -> None:
        """Runs until the master holds everything."""
        script = self._script(pod)
        if script.worker_status is not None:
            await self._write(pod, script.worker_status)
            return
        await self._write(pod, running(_address()))
        labels = pod["metadata"]["labels"]
        while True:
            agent = self.agents.get((labels[TEST], labels[RUN]))
            if agent is not None and agent.state in {"Holding", "Released"}:
                break
            await asyncio.sleep(0.1)
        await self._write(pod, ended(0))

    async def _play_hook(self, pod: Pod) -> None:
        await self._write(pod, running(_address()))
        words = self._script(pod).hooks.get(_role(pod), "")
        if words is not None:
            await self._write(pod, hook_ended(words))

    def _script(self, pod: Pod) -> Script:
        return self.scripts.get(pod["metadata"]["labels"][TEST], self.default)

    async def _config(self, pod: Pod) -> dict[str, Any]:
        """What the pod would find mounted."""
        name = next(v["configMap"]["name"] for v in pod["spec"]["volumes"] if v["name"] == "loadtest-run")
        url = f"{self._server}/api/v1/namespaces/{pod['metadata']['namespace']}/configmaps/{name}"
        async with self._session.get(url) as response:
            response.raise_for_status()
            config: dict[str, Any] = json.loads((await response.json())["data"]["loadtest-config.json"])
            return config

    async def _write(self, pod: Pod, status: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        url = f"{self._server}/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        body = json.dumps({"metadata": {"uid": metadata["uid"]}, "status": status})
        headers = {"Content-Type": "application/merge-patch+json"}
        async with self._session.patch(url, data=body, headers=headers) as response:
            if response.status not in {404, 409}:  # gone, or another pod of that name
                response.raise_for_status()


def _addresses() -> Iterator[str]:
    """Loopback addresses that no other test run on this machine is likely to use."""
    start = os.getpid() % 250
    for block in itertools.count():
        for last in range(1, 250):
            yield f"127.{10 + start % 200}.{(start + block) % 250}.{last}"


def _address() -> str:
    """Of all kubelets of this process, each has a thread of its own."""
    with _turn:
        return next(_free)


_free, _turn = _addresses(), threading.Lock()
