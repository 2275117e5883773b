"""Locust users that do what a declarative scenario says; each request is one `events.request`, as with any client."""

from __future__ import annotations

import bisect
import random
import time
from typing import TYPE_CHECKING

from locust import User, between, task

from loadtest_agent import http_plan, preflight
from loadtest_agent.failures import Unexpected
from loadtest_agent.http_client import FAILURES, Client
from loadtest_agent.http_plan import Origin

if TYPE_CHECKING:
    import ssl

    from locust.env import Environment

    from loadtest_agent.config import Config
    from loadtest_agent.http_plan import Request, UserPlan
    from loadtest_agent.http_wire import Response

_FAILURE = 400
_REDIRECT = range(300, 400)


class Answered:
    """What listeners may ask of a response of ours."""

    __slots__ = ("status_code",)

    def __init__(self, status: int) -> None:
        self.status_code = status


class DeclaredUser(User):  # type: ignore[misc]
    """Walks or draws the requests of its plan."""

    abstract = True
    plan: UserPlan
    origin: Origin
    tls: ssl.SSLContext | None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._client = Client(self.origin, self.tls)
        self._next = 0

    def on_stop(self) -> None:
        self._client.close()

    @task  # type: ignore[untyped-decorator]
    def request(self) -> None:
        plan = self.plan
        if plan.sequence:
            request = plan.requests[self._next]
            self._next = (self._next + 1) % len(plan.requests)
        else:
            drawn = random.random() * plan.cumulative[-1]  # noqa: S311 - a choice, not a secret
            request = plan.requests[bisect.bisect_right(plan.cumulative, drawn)]
        self._perform(request)

    def _perform(self, request: Request) -> None:
        started_at = time.time()
        start = time.perf_counter()
        response: Response | None = None
        answered: Answered | None = None
        exception: Exception | None = None
        try:
            response = self._client.send(request)
        except FAILURES as error:  # a failed request is a result, not an end
            exception = error
        latency = time.perf_counter() - start
        if response is not None:
            answered = Answered(response.status)
            exception = self._judge(request, response, latency)
        self.environment.events.request.fire(
            request_type=request.method,
            name=request.name,
            response_time=latency * 1000.0,
            response_length=len(response.body) if response is not None else 0,
            response=answered,
            context={},
            exception=exception,
            start_time=started_at,
            url=request.target,
        )

    def _judge(self, request: Request, response: Response, latency: float) -> Exception | None:
        expect, status = request.expect, response.status
        if expect.statuses is not None:
            if status not in expect.statuses:
                wanted = " or ".join(map(str, sorted(expect.statuses)))
                return Unexpected(f"HTTP {status}, expected {wanted}")
        elif status >= _FAILURE:
            return Unexpected(f"HTTP {status}")
        elif status in _REDIRECT:
            location = response.header(b"location")
            if location is not None and self._client.leaves(location, request.target):
                return Unexpected(f"HTTP {status} leads to another host")
        if expect.contains is not None:
            try:
                found = expect.contains in response.text()
            except FAILURES as error:
                return error
            if not found:
                return Unexpected(f"body does not contain {expect.contains.decode()[:40]!r}")
        if expect.max_latency is not None and latency > expect.max_latency:
            return Unexpected(f"slower than {expect.max_latency:g} s")
        return None


def classes(config: Config) -> dict[str, type[User]]:
    """One user class for each kind of user."""
    origin = Origin.of(config.target.url)
    tls = preflight.tls_context(config.target) if origin.scheme == "https" else None
    return {
        plan.name: type(
            plan.name,
            (DeclaredUser,),
            {
                "plan": plan,
                "origin": origin,
                "tls": tls,
                "weight": plan.weight,
                "wait_time": between(*plan.think),
                "__module__": __name__,
            },
        )
        for plan in http_plan.plans(config.scenario.http, config.target.url)
    }
