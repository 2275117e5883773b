"""Between operators and the API server: every call goes through, each write has a name, and some are deadly.

A deadly write is carried out by the API server; before its answer gets to the operator, the operator is dead. Load
pods' agents are reached through here as well, as a driver outside the cluster reaches them.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

from tests.testcluster.apiserver import ApiServer

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
PASSED_ON = ("Authorization", "Content-Type", "Accept", "X-Loadtest-Token")
AGENT = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/:]+):(\d+)/proxy(/.*)")
OBJECT = re.compile(r"/apis?(?:/[^/]+)?/v[^/]+(?:/namespaces/([^/]+)(?=/.))?/([^/?]+)(?:/([^/?]+))?(?:/([^/?]+))?")
# What an answer can be without being written down somewhere.
NOT_WRITTEN = {"leases", "selfsubjectreviews"}  # Leases are written by the clock
# Said again until the news of it has come: how often is the clock's.
AGAIN = ("DELETE ", "agent stop")

Address = Callable[[str, str], str]


@dataclass
class Line:
    """One operator's line to the API server."""

    namespace: str
    kill: Callable[[], None]
    deadly: set[str] = field(default_factory=set)  # writes that are an operator's last
    writes: list[str] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    def carried_out(self, write: str) -> None:
        number = self.counted[write] = self.counted.get(write, 0) + 1
        if number > 1 and write.startswith(AGAIN):
            return
        named = write if number == 1 else f"{write} #{number}"
        self.writes.append(named)
        if named in self.deadly:
            self.deadly.remove(named)
            self.kill()


class Proxy:
    def __init__(self, api: ApiServer, upstream: aiohttp.ClientSession, address: Address) -> None:
        self._server = api.server
        self._upstream = upstream
        self._address = address  # of a pod, by namespace and name
        self._lines: dict[str, Line] = {}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{line}/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def open(self, line: Line) -> str:
        """The address for an operator of this namespace."""
        self._lines[line.namespace] = line
        return f"http://127.0.0.1:{self._port}/{line.namespace}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        line = self._lines[request.match_info["line"]]
        where = request.raw_path.removeprefix(f"/{line.namespace}")
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        body = await request.read()
        agent = AGENT.fullmatch(where)
        address = self._address(agent[1], agent[2]) if agent else ""
        if agent and not address:
            return web.Response(status=503, text="this pod is gone, or has no address yet")
        url = f"http://{address}:{agent[3]}{agent[4]}" if agent else self._server + where
        try:
            async with self._upstream.request(
                request.method, URL(url, encoded=True), data=body or None, headers=headers, allow_redirects=False
            ) as answer:
                if request.query.get("watch") in {"1", "true"}:
                    return await _stream(request, answer)
                text = await answer.read()
        except aiohttp.ClientConnectionError as error:
            return web.Response(status=503, text=repr(error))
        if request.method in WRITES and answer.status < 300 and (write := _name(request, where, agent, body)):
            line.carried_out(write)
        content = answer.headers.get("Content-Type", "application/json")
        return web.Response(status=answer.status, body=text, headers={"Content-Type": content})


async def _stream(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    return response


def _name(request: web.Request, where: str, agent: re.Match[str] | None, body: bytes) -> str:
    """In words that are the same in every telling of a story; empty: nothing was written."""
    if agent:
        return f"agent {agent[4].rpartition('/')[2]}"
    found = OBJECT.match(where)
    if found is None or request.query.get("dryRun") or found[2] in NOT_WRITTEN:
        return ""
    namespace, kind, name, sub = found[1] or "", found[2], found[3] or "", found[4] or ""
    content: Mapping[str, Any] = json.loads(body) if body else {}
    if kind == "events":
        return f"Event {content['involvedObject']['kind']} {content['reason']}"
    if sub == "status":
        return f"status of {_told_apart(namespace, name)}: {_standing(content['status'])}"
    name = name or str((content.get("metadata") or {}).get("name", ""))
    return _told_apart(namespace, f"{request.method} {kind} {name}{f'/{sub}' if sub else ''}")


def _told_apart(namespace: str, text: str) -> str:
    """Without what differs from one telling to the next."""
    text = re.sub(r"(-workers-\d+|-master|-before|-after)-[a-z0-9]{5}$", r"\1-pod", text)
    return re.sub(r"\b(lt-.+-\d+)-[0-9a-f]{8}\b", r"\1", text)


def _standing(status: Mapping[str, Any]) -> str:
    conditions = {item["type"]: item for item in status.get("conditions") or ()}
    reason = (conditions.get("Ready") or {}).get("reason", "")
    run, around = status.get("run") or {}, status.get("environment") or {}
    parts = [
        *([f"run {run['number']}"] if run else []),
        *([status["phase"]] if "phase" in status else []),
        str(reason),
        *([f"environment {around['phase']}"] if around else []),
        *([f"generation {status['observedGeneration']}"] if status.get("observedGeneration", 1) > 1 else []),
        *([f"last {status['lastVerdict']}"] if status.get("lastVerdict") else []),
        *(["active"] if status.get("active") else []),
    ]
    return " ".join(parts)
