"""A small API server: objects with resourceVersions, optimistic locking, pages, preconditions. No schema, no watch."""

import contextlib
import json

from aiohttp import web
from aiohttp.test_utils import TestServer
from loadtest_operator.io.credentials import Access
from loadtest_operator.io.kube import Kube

CODES = {
    "NotFound": 404,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Invalid": 422,
    "Forbidden": 403,
    "Gone": 410,
    "InternalError": 500,
}


class FakeApi:
    def __init__(self):
        self.objects = {}  # by path
        self.version = 100
        self.calls = []  # (method, path, body)
        self.refuse = {}  # (method, path) -> (reason, message), as long as it is there
        self.page = 500
        self.down = False

    def put(self, path, body):
        """Somebody else writes."""
        self.version += 1
        name = path.rsplit("/", 1)[1]
        metadata = {"name": name, "uid": f"u-{name}-{self.version}", **body.get("metadata", {})}
        made = {**body, "metadata": {**metadata, "resourceVersion": str(self.version)}}
        self.objects[path] = made
        return made

    def called(self, method):
        return [(path, body) for verb, path, body in self.calls if verb == method]

    async def handle(self, request):
        text = await request.text()
        body = json.loads(text) if text else None
        self.calls.append((request.method, request.path, body))
        if self.down:
            request.transport.close()
            return web.Response()
        if found := self.refuse.get((request.method, request.path)):
            return self._status(*found)
        return getattr(self, f"_{request.method.lower()}")(request, body)

    def _status(self, reason, message="no"):
        code = CODES[reason]
        return web.json_response({"kind": "Status", "reason": reason, "message": message}, status=code)

    def _get(self, request, _):
        if request.path in self.objects:
            return web.json_response(self.objects[request.path])
        if request.path.rsplit("/", 1)[1] not in {"loadtests", "loadtestschedules", "jobs", "pods", "namespaces"}:
            return self._status("NotFound", f"{request.path} not found")
        return self._list(request)

    def _list(self, request):
        kind = request.path.rsplit("/", 1)[1]
        prefix = request.path.rsplit("/", 1)[0]
        found = [
            one for path, one in sorted(self.objects.items()) if _in(path, prefix, kind) and _selected(one, request)
        ]
        start = int(request.query.get("continue", 0))
        size = min(self.page, int(request.query["limit"]))
        more = {"continue": str(start + size)} if start + size < len(found) else {}
        return web.json_response({"metadata": more, "items": found[start : start + size]})

    def _post(self, request, body):
        path = f"{request.path}/{body['metadata']['name']}"
        if path in self.objects:
            return self._status("AlreadyExists", f"{path} exists")
        if "dryRun" in request.query:
            return web.json_response(body, status=201)
        return web.json_response(self.put(path, body), status=201)

    def _put(self, request, body):
        there = self.objects.get(request.path)
        if there is None:
            return self._status("NotFound")
        if body["metadata"]["resourceVersion"] != there["metadata"]["resourceVersion"]:
            return self._status("Conflict", "the object has been modified")
        return web.json_response(self.put(request.path, {**body, "metadata": there["metadata"]}))

    def _patch(self, request, body):
        path = request.path.removesuffix("/status")
        there = self.objects.get(path)
        if there is None:
            return self._status("NotFound")
        same = [body["metadata"][key] == there["metadata"][key] for key in ("uid", "resourceVersion")]
        if not all(same):
            return self._status("Conflict", "the object has been modified")
        return web.json_response(self.put(path, {**there, "status": body["status"]}))

    def _delete(self, request, body):
        there = self.objects.get(request.path)
        if there is None:
            return self._status("NotFound")
        wanted = (body.get("preconditions") or {}).get("uid")
        if wanted and wanted != there["metadata"]["uid"]:
            return self._status("Conflict", "the UID in the precondition does not match")
        del self.objects[request.path]
        return web.json_response({"kind": "Status", "status": "Success"})


def _in(path, prefix, kind):
    """Whether an object's path is below a list's, which may leave the namespace out."""
    folder = path.rsplit("/", 1)[0]
    return folder.startswith(prefix) and folder.endswith(f"/{kind}")


def _selected(one, request):
    labels = one["metadata"].get("labels") or {}
    wanted = [pair.split("=") for pair in request.query.get("labelSelector", "").split(",") if pair]
    return all(labels.get(key) == value for key, value in wanted)


@contextlib.asynccontextmanager
async def serving():
    """The server and a client of it."""
    api = FakeApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(app) as server:
        kube = Kube(Access(server=str(server.make_url("")).rstrip("/"), ssl=True))
        try:
            yield api, kube
        finally:
            await kube.close()
