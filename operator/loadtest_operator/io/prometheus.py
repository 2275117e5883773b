"""Asking a Prometheus one query over a stretch of time. What it answers is somebody else's: bounded and checked."""

import json
from typing import Any

import aiohttp

from loadtest_operator.verdict.queries import Sample, finite

ANSWER_MAX_BYTES = 1_000_000
SAID_MAX = 300
_REFUSED = (400, 422)  # what it says of a query that it cannot parse, or cannot carry out


class QueryRefused(Exception):
    """The query is at fault; the message says why, in the words of Prometheus where there are some."""


class PrometheusAway(Exception):
    """Nobody answers, or not as a Prometheus does."""


class PrometheusClient:
    def __init__(self, session: aiohttp.ClientSession, url: str, tenant: str | None = None) -> None:
        self._session = session
        self._url = url
        self._headers = {"X-Scope-OrgID": tenant} if tenant else {}

    async def samples(self, query: str, begin: float, end: float, step: float, timeout_s: float) -> tuple[Sample, ...]:
        """Of the one series that it gives, oldest first; none is an answer, too."""
        form = {"query": query, "start": f"{begin:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        data = await self._ask({**form, "timeout": f"{timeout_s:g}s"}, timeout_s)
        try:
            found = list(data["result"])
            if len(found) > 1:
                raise QueryRefused(f"it gives {len(found)} series: make one of them, for example with sum(...)")
            return finite((float(at), float(value)) for at, value in (found[0]["values"] if found else ()))
        except (KeyError, TypeError, ValueError) as error:
            raise PrometheusAway(f"{self._url} answers, but not as a Prometheus does") from error

    async def _ask(self, form: dict[str, str], timeout_s: float) -> dict[str, Any]:
        try:
            async with self._session.post(
                f"{self._url}/api/v1/query_range",
                data=form,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                answer = json.loads(await _body(response))
                if response.status in _REFUSED and answer.get("error"):
                    raise QueryRefused(f"Prometheus says: {str(answer['error'])[:SAID_MAX]}")
                if response.status != 200:
                    raise PrometheusAway(f"{self._url} answers with HTTP {response.status}")
                return dict(answer["data"])
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PrometheusAway(f"{self._url} does not answer ({type(error).__name__})") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PrometheusAway(f"{self._url} answers, but not as a Prometheus does") from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise QueryRefused(f"its answer has more than {ANSWER_MAX_BYTES} bytes: make one series of it")
    return bytes(body)
