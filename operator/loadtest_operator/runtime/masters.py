"""What the masters' agents say: asked as often as the phase wants it, their windows pulled into the attempt's log."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loadtest_operator.build.agent_config import AGENT_PORT
from loadtest_operator.build.names import RunRef
from loadtest_operator.decide.observed import Agent, Children, Observed
from loadtest_operator.io import agent as protocol
from loadtest_operator.io.agent import AgentClient, AgentError, AgentUnreachable
from loadtest_operator.io.kube import Kube
from loadtest_operator.model.phases import Phase
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.sessions import Attempt
from loadtest_operator.runtime.tokenkey import Tokens
from loadtest_operator.verdict.reading import BadInputError

log = logging.getLogger(__name__)

# A pod event may ask for a look at any time; the agent is not asked again sooner than this.
GAP_SECONDS = 0.25
GAP_RUNNING_SECONDS = 2.0
# What a master gathered while no operator was there is pulled in several looks: none may hold a worker for long.
PULL_SECONDS = 5.0


class Masters:
    def __init__(self, kube: Kube, results: Results, tokens: Tokens, clock: Clock, *, direct: bool) -> None:
        """`direct`: by the pod's address; else through the API server."""
        self._kube = kube
        self._results = results
        self._tokens = tokens
        self._clock = clock
        self._direct = direct

    def token_sha256(self, run: RunRef) -> str:
        return protocol.token_sha256(self._tokens.of(run.fence))

    def client(self, run: RunRef, pod: Mapping[str, Any]) -> AgentClient:
        token = self._tokens.of(run.fence)
        if self._direct:
            address = str((pod.get("status") or {}).get("podIP") or "")
            if not address:  # made in place of the one that answered, or not there yet
                raise AgentUnreachable(f"pod {pod['metadata']['name']} has no address")
            host = f"[{address}]" if ":" in address else address
            return AgentClient(self._results.agents, f"http://{host}:{AGENT_PORT}", token)
        return AgentClient(
            self._kube.session, self._kube.proxy(run.namespace, pod["metadata"]["name"], AGENT_PORT), token
        )

    async def hear(self, seen: Observed, run: RunRef, attempt: Attempt, children: Children) -> Agent:
        pod = children.master
        if pod is not None and children.master_running and pod["status"].get("podIP") and self._due(seen, attempt):
            attempt.asked = asyncio.get_running_loop().time()
            await self._ask(self.client(run, pod), attempt)
        return Agent(
            state=attempt.state,
            answered=attempt.answered,
            silent_since=attempt.silent_since,
            complete=attempt.log.complete,
            cursor=attempt.log.cursor,
            windows=len(attempt.log),
            problem=attempt.problem,
            problem_since=attempt.problem_since,
        )

    def _due(self, seen: Observed, attempt: Attempt) -> bool:
        if attempt.released:
            return False
        ends = attempt.state.get("endsAt")
        late = seen.phase is Phase.RUNNING and ends and self._clock().timestamp() < float(ends) - 1
        gap = GAP_RUNNING_SECONDS if late else GAP_SECONDS
        return asyncio.get_running_loop().time() - attempt.asked >= gap

    async def _ask(self, client: AgentClient, attempt: Attempt) -> None:
        now: datetime = self._clock()
        answered, had = False, len(attempt.log)
        try:
            attempt.state = await client.state()
            answered = True
            if attempt.state.get("startedAt"):
                await _pull(client, attempt)
        except (AgentUnreachable, AgentError, BadInputError, RecursionError) as error:
            attempt.silent_since = attempt.silent_since or now
            log.debug("agent does not answer", extra={"error": str(error)})
            if len(attempt.log) > had:
                attempt.problem, attempt.problem_since = "", None
            elif answered or not isinstance(error, AgentUnreachable):
                attempt.problem, attempt.problem_since = str(error), attempt.problem_since or now
        else:
            attempt.answered, attempt.silent_since = now, None
            attempt.problem, attempt.problem_since = "", None


async def _pull(client: AgentClient, attempt: Attempt) -> None:
    """All windows that are new; the last page of a held run says that it is complete."""
    wanted = int(attempt.state.get("cursor") or 0)
    over = attempt.state.get("state") == "Holding"
    more = attempt.log.cursor < wanted or (over and not attempt.log.complete)
    loop = asyncio.get_running_loop()
    until = loop.time() + PULL_SECONDS
    while more and loop.time() < until:
        since = attempt.log.cursor
        page = await client.windows(since)
        await asyncio.to_thread(attempt.log.absorb, page)
        more = bool(page.get("more"))
        if more and attempt.log.cursor <= since:
            raise AgentError(200, "NoProgress", f"there are more windows than {since}, but none came")
