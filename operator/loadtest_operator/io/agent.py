"""The driver's end of the agent protocol: docs/decisions/0002-agent-protocol.md. It asks; it never decides."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import aiohttp

TOKEN_HEADER = "X-Loadtest-Token"  # noqa: S105  the header's name; not Authorization: the API server's pod proxy strips that
TIMEOUT = aiohttp.ClientTimeout(
    total=5
)  # a master that does not answer a status question in 5 s counts as not answering
WINDOWS_PER_PAGE = 20
ANSWER_MAX_BYTES = 32_000_000  # eight times what the agent puts into one page


class AgentError(Exception):
    """The agent answered with an error, or something else answered in its place."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class AgentUnreachable(Exception):
    """Nothing answered."""


@lru_cache(maxsize=256)
def token(key: bytes, fence: str) -> str:
    return hmac.new(key, fence.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=256)
def token_sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class AgentClient:
    """One master's agent. `base_url` is the pod's own address, or the API server's proxy path to it."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, token: str) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._headers = {TOKEN_HEADER: token}

    async def state(self) -> dict[str, Any]:
        return await self._call("GET", "/v1/state")

    async def windows(self, since: int, limit: int = WINDOWS_PER_PAGE) -> dict[str, Any]:
        return await self._call("GET", f"/v1/windows?since={since}&limit={limit}")

    async def stop(self, reason: str, aborted: Mapping[str, Any] | None = None) -> None:
        """`aborted`: the limit that is the reason, as the agent tells of its own."""
        await self._call("POST", "/v1/stop", {"reason": reason, **({"aborted": dict(aborted)} if aborted else {})})

    async def acknowledge(self, cursor: int) -> None:
        await self._call("POST", "/v1/acknowledge", {"cursor": cursor})

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            async with self._session.request(
                method, self._base + path, json=body, headers=self._headers, timeout=TIMEOUT, allow_redirects=False
            ) as response:
                if response.status >= 300:
                    raise await _refusal(response)
                answer = json.loads(await _body(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AgentUnreachable(f"{type(error).__name__}: {error}") from error
        except ValueError as error:
            raise AgentError(200, "NotJSON", "the answer is not JSON") from error
        if not isinstance(answer, dict):
            raise AgentError(200, "NotJSON", "the answer is not a JSON object")
        return answer


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Load pods run other people's code: what they answer, unpacked, must not fill our memory."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise AgentError(response.status, "TooLong", f"the answer has more than {ANSWER_MAX_BYTES} bytes")
    return bytes(body)


async def _refusal(response: aiohttp.ClientResponse) -> AgentError | AgentUnreachable:
    try:
        error = json.loads(await _body(response))["error"]
        return AgentError(response.status, str(error["reason"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        # The API server's proxy answers 502, 503 or 504 for a pod that does not listen.
        return AgentUnreachable(f"HTTP {response.status} from something that is not an agent")
