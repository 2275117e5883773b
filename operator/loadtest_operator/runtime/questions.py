"""Who asks Prometheus: before a run whether it understands, during it for abort rules, and after it for the verdict."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import aiohttp

from loadtest_operator.decide import queries
from loadtest_operator.decide.observed import Observed
from loadtest_operator.decide.queries import Span
from loadtest_operator.io.prometheus import PrometheusAway, PrometheusClient, QueryRefused
from loadtest_operator.model.phases import Phase
from loadtest_operator.model.policy import PolicyRule, rule_of
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.thresholds import Threshold
from loadtest_operator.runtime.clock import Clock
from loadtest_operator.runtime.sessions import Attempt
from loadtest_operator.verdict.queries import Answer, Sample

log = logging.getLogger(__name__)

JUDGING_SECONDS = 10.0
# While load is on somebody waits for each look, and a Prometheus that is away must not keep the others from theirs.
QUICK_SECONDS = 3.0
WATCH_SECONDS = 5.0
LEAVE_ALONE_SECONDS = 30.0
PATIENCE = timedelta(seconds=30)
AT_ONCE = 4
NOBODY = "nobody is named who could be asked"


class Unanswered(Exception):
    """Prometheus is away for the moment; it will be asked again."""


class Questions:
    def __init__(self, http: aiohttp.ClientSession, policy: tuple[PolicyRule, ...], clock: Clock) -> None:
        self._http = http
        self._policy = policy
        self._clock = clock

    def _client(self, namespace: str) -> PrometheusClient | None:
        rule, _ = rule_of(self._policy, namespace)
        there = rule.prometheus
        return PrometheusClient(self._http, there.url, there.tenant) if there else None

    async def refused(self, spec: LoadTestSpec, namespace: str) -> str:
        """A sentence for the first query that Prometheus does not take; empty when it takes all, or is away."""
        client, now = self._client(namespace), self._clock().timestamp()
        if client is None:
            return ""
        for index, threshold in enumerate(spec.thresholds or ()):
            if threshold.promql is None:
                continue
            query = queries.expanded(threshold.promql, queries.SOME_NAMESPACE)
            try:
                await client.samples(query, now, now, 1.0, QUICK_SECONDS)
            except QueryRefused as error:
                return f"thresholds[{index}].promql ({threshold.title}): {error}"
            except PrometheusAway as error:
                log.info("queries are not checked", extra={"namespace": namespace, "error": str(error)})
                return ""
        return ""

    async def answers(
        self, asked: Sequence[str], span: Span | None, namespace: str, environment: str, attempt: Attempt
    ) -> list[Answer]:
        """To each query. Raises Unanswered as long as it is worth to wait for a Prometheus that is away."""
        client = self._client(namespace)
        if client is None or span is None:
            why = NOBODY if client is None else "nothing of the run is judged"
            return [Answer(one, problem=why) for one in asked]
        limit = asyncio.Semaphore(AT_ONCE)

        async def ask(promql: str) -> Answer | PrometheusAway:
            async with limit:
                return await _answer(client, promql, environment, span)

        found = await asyncio.gather(*(ask(one) for one in asked))
        away = [one for one in found if isinstance(one, PrometheusAway)]
        if not away:
            attempt.unanswered_since = None
        else:
            attempt.unanswered_since = attempt.unanswered_since or self._clock()
            if self._clock() - attempt.unanswered_since < PATIENCE:
                raise Unanswered(f"Prometheus at {away[0]}")
        pairs = zip(asked, found, strict=True)
        return [one if isinstance(one, Answer) else Answer(q, problem=f"Prometheus at {one}") for q, one in pairs]

    async def watch(self, seen: Observed, environment: str, attempt: Attempt) -> Mapping[str, tuple[Sample, ...]]:
        """What abort rules look at, as fresh as it is asked for."""
        client = self._client(seen.raw["metadata"]["namespace"])
        now, time = self._clock(), asyncio.get_running_loop().time()
        if client is None or seen.phase is not Phase.RUNNING or seen.frozen is None or time < attempt.watch_next:
            return attempt.watched
        rules = queries.watched(seen.frozen.test.spec)
        if rules:
            attempt.watch_next = time + WATCH_SECONDS
            attempt.watched = await self._lately(client, rules, seen, now, environment, attempt)
        return attempt.watched

    async def _lately(
        self,
        client: PrometheusClient,
        rules: Sequence[Threshold],
        seen: Observed,
        now: datetime,
        environment: str,
        attempt: Attempt,
    ) -> dict[str, tuple[Sample, ...]]:
        found: dict[str, tuple[Sample, ...]] = {}
        for threshold in rules:
            span, promql = queries.since(seen, threshold, now), threshold.promql or ""
            if span is None:
                continue
            query = queries.expanded(promql, environment)
            try:
                found[promql] = await client.samples(query, span.begin, span.end, span.step, QUICK_SECONDS)
            except QueryRefused as error:
                log.warning("an abort rule cannot act", extra={"rule": threshold.title, "error": str(error)})
            except PrometheusAway as error:
                log.warning("abort rules cannot act", extra={"rule": threshold.title, "error": str(error)})
                attempt.watch_next = asyncio.get_running_loop().time() + LEAVE_ALONE_SECONDS
                break
        return found


async def _answer(client: PrometheusClient, promql: str, environment: str, span: Span) -> Answer | PrometheusAway:
    query = queries.expanded(promql, environment)
    try:
        return Answer(promql, await client.samples(query, span.begin, span.end, span.step, JUDGING_SECONDS))
    except QueryRefused as error:
        return Answer(promql, problem=str(error))
    except PrometheusAway as error:
        return error
