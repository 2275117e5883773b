"""The shop itself: which path is which endpoint, how long it takes and whether it fails this time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from .settings import Endpoint, Settings, SettingsError, change
from .stats import Stats
from .wire import Request, Response

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
OTHER = "other"


def _page(endpoint: str) -> bytes:
    """A body of about a kilobyte, so that the answers weigh something."""
    items = [{"item": number, "name": f"Thing {number}", "price": f"{number * 3}.90"} for number in range(1, 19)]
    return json.dumps({"endpoint": endpoint, "items": items}).encode()


class Shop:
    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self.at_start = settings
        self.now = now
        self.stats = Stats(now())
        self.bodies = {name: _page(name) for name in settings.endpoints}
        self._use(settings)

    def _use(self, settings: Settings) -> None:
        """One generator per endpoint: its n-th request takes the same time, whatever the others are asked."""
        self.settings = settings
        self.chance = {name: random.Random(f"{settings.seed}/{name}") for name in settings.endpoints}  # noqa: S311

    def answer(self, request: Request) -> Response:
        path = request.path
        name = path[1:].partition("/")[0]
        endpoint = self.settings.endpoints.get(name)
        if request.method not in METHODS:
            return _text(405, f"The method {request.method[:20]} is not one of this shop's.\n")
        if endpoint is not None:
            return self._serve(name, endpoint, request)
        match path:
            case "/":
                return _text(200, "The sample target of loadtest-operator. Endpoints: " + self._paths() + "\n")
            case "/healthz":
                return (
                    _text(200, "ok\n") if self.settings.healthy else _text(503, "told to be unhealthy by /_control\n")
                )
            case "/_stats":
                return self._stats(request)
            case "/_control":
                return self._control(request)
            case "/metrics":
                return Response(200, "\n".join(self.stats.as_metrics()).encode(), "text/plain; version=0.0.4")
        self.stats.arrived(OTHER, self.now())
        self.stats.answered(OTHER, 404)
        return _text(404, f"There is nothing here; try {self._paths()}.\n")

    def _serve(self, name: str, endpoint: Endpoint, request: Request) -> Response:
        self.stats.arrived(name, self.now())
        chance = self.chance[name]
        # Both are drawn every time, so that a change of the error rate leaves the sequence of latencies alone.
        seconds = endpoint.median * endpoint.slowdown * chance.lognormvariate(0.0, endpoint.sigma)
        failed = chance.random() < endpoint.errors
        if failed:
            status, body = 503, b'{"error": "out of service, as asked for by TARGET_ERRORS or /_control"}'
        else:
            status, body = 201 if name == "checkout" and request.method == "POST" else 200, self.bodies[name]
        return Response(status, body, after_seconds=seconds, answered=lambda sent: self.stats.answered(name, sent))

    def _stats(self, request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return _json(200, self.stats.as_json())
        counted = self.stats.as_json()
        self.stats.reset(self.now())
        return _json(200, counted)

    def _control(self, request: Request) -> Response:
        match request.method:
            case "GET" | "HEAD":
                return _json(200, self.settings.as_json())
            case "DELETE":
                self._use(self.at_start)
                return _json(200, self.settings.as_json())
        try:
            asked = json.loads(request.body)
            if not isinstance(asked, dict):
                raise SettingsError('The body is not a JSON object such as {"slowdown": {"search": 1.5}}.')
            settings = change(self.settings, asked)
        except SettingsError as error:
            return _json(400, {"error": str(error)})
        except ValueError as error:
            return _json(400, {"error": f"The body is not JSON: {error}."})
        if settings.seed != self.settings.seed:
            self._use(settings)
        self.settings = settings
        return _json(200, settings.as_json())

    def _paths(self) -> str:
        return " ".join(f"/{name}" for name in self.settings.endpoints)


def _text(status: int, text: str) -> Response:
    return Response(status, text.encode(), "text/plain; charset=utf-8")


def _json(status: int, value: object) -> Response:
    return Response(status, json.dumps(value, indent=2).encode() + b"\n")
