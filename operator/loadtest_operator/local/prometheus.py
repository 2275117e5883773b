"""Thresholds on a PromQL query, asked from this machine when the load is over."""

from __future__ import annotations

import aiohttp

from loadtest_operator.decide import queries
from loadtest_operator.decide.queries import Span
from loadtest_operator.io.prometheus import PrometheusAway, PrometheusClient, QueryRefused
from loadtest_operator.local.run import Request
from loadtest_operator.verdict.queries import Answer
from loadtest_operator.verdict.record import RunRecord

ANSWER_SECONDS = 10.0
NOBODY = "nobody was asked: name a Prometheus with --prometheus URL"


async def asked(request: Request, record: RunRecord) -> RunRecord:
    """The record with what Prometheus says; without one, with the reason why it says nothing."""
    spec, span = request.test.spec, queries.judged_span(record)
    wanted = queries.unanswered(spec, record)
    if not wanted:
        return record
    if not request.prometheus or span is None:
        why = "nothing of the run is judged" if request.prometheus else NOBODY
        return queries.with_answers(spec, record, [Answer(one, problem=why) for one in wanted])
    async with aiohttp.ClientSession() as http:
        client = PrometheusClient(http, request.prometheus.rstrip("/"))
        return queries.with_answers(spec, record, [await _answer(client, one, span) for one in wanted])


async def _answer(client: PrometheusClient, promql: str, span: Span) -> Answer:
    try:
        return Answer(promql, await client.samples(promql, span.begin, span.end, span.step, ANSWER_SECONDS))
    except (QueryRefused, PrometheusAway) as error:
        return Answer(promql, problem=str(error))
