"""What the operator tells about itself: metrics, health, log lines."""

import asyncio
import json
import logging
import re
import sys
import time

import aiohttp
import pytest
from loadtest_operator.model.phases import Verdict
from loadtest_operator.runtime import logs
from loadtest_operator.runtime.health import Health
from loadtest_operator.runtime.metrics import Metrics
from loadtest_operator.runtime.objects import Key
from loadtest_operator.runtime.web import Web, measure_lag
from loadtest_operator.runtime.workqueue import WorkQueue
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.unit.decide_run.figures import judged
from tests.unit.runtime.timeless import timeless

CHECKOUT = Key("shop", "checkout")
UNITS = ("seconds", "bytes", "total", "ratio", "info", "per_second")
COUNTS = {
    "loadtest_asyncio_tasks",
    "loadtest_objects",
    "loadtest_queue_depth",
    "loadtest_leader",
    "loadtest_workqueue_depth",
    "loadtest_run_verdict",
}


def used():
    metrics = Metrics()
    with metrics.reconciling(), metrics.judging():
        metrics.failed("api")
    metrics.status_written()
    metrics.judged(CHECKOUT, judged(Verdict.FAILED, summary={"p95": "183ms", "rps": "195.2/s"}))
    return metrics


def families(metrics):
    return {one.name: one for one in parse(metrics.text().decode()) if one.name.startswith("loadtest_")}


def samples(metrics, name):
    found = (one for family in families(metrics).values() for one in family.samples)
    return {tuple(sorted(one.labels.items())): one.value for one in found if one.name == name}


def test_names_units_and_labels_follow_prometheus_conventions():
    for name, family in families(used()).items():
        assert re.fullmatch(r"loadtest(_[a-z0-9]+)+", name), name
        assert family.documentation, name
        if family.type == "counter":
            assert all(one.name.endswith(("_total", "_created")) for one in family.samples)
        elif not name.endswith("_created"):
            assert name.endswith(UNITS) or name in COUNTS, name
        for one in family.samples:
            assert set(one.labels) <= {"namespace", "test", "verdict", "kind", "le"}, one


def test_the_metrics_of_the_process_are_there_too():
    assert b"process_resident_memory_bytes" in used().text()


def test_the_last_run_s_numbers_are_in_base_units():
    where = (("namespace", "shop"), ("test", "checkout"))
    assert samples(used(), "loadtest_run_p95_seconds") == {where: 0.183}
    assert samples(used(), "loadtest_run_requests_per_second") == {where: 195.2}


def test_exactly_one_verdict_is_one():
    found = samples(used(), "loadtest_run_verdict")
    assert len(found) == len(Verdict)
    assert [dict(labels)["verdict"] for labels, value in found.items() if value] == ["Failed"]


def test_a_test_that_is_gone_is_forgotten_twice_without_complaint():
    metrics = used()
    for _ in range(2):
        metrics.forget(CHECKOUT)
    assert 'test="checkout"' not in metrics.text().decode()


async def test_the_endpoints_answer_in_words():
    wrong = ""
    web = Web(used(), lambda: wrong, lambda: "not watching yet")
    await web.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session:

        async def get(path):
            async with session.get(path) as response:
                return response.status, await response.text(), response.content_type

        assert (await get("/healthz"))[:2] == (200, "ok\n")
        assert (await get("/readyz"))[:2] == (503, "not watching yet\n")
        wrong = "the event loop stood still for 31 s"
        assert (await get("/healthz"))[:2] == (503, f"{wrong}\n")
        status, text, kind = await get("/metrics")
        assert (status, kind) == (200, "text/plain")
        assert "loadtest_run_p95_seconds" in text
        assert (await get("/anything"))[0] == 404
    await web.stop()


class Parts:
    """What health looks at."""

    def __init__(self):
        self.ready = asyncio.Event()
        self.succeeded_at = asyncio.get_running_loop().time()


def health():
    parts, queue = Parts(), WorkQueue()
    return Health(queue, parts, parts, 100.0), parts, queue


@timeless
async def test_a_process_that_stands_by_is_healthy_and_not_ready():
    found, _, _ = health()
    await asyncio.sleep(10_000)
    assert (found.healthy(), found.ready()) == ("", "not watching yet")


@timeless
async def test_it_is_ready_when_it_watches():
    found, parts, _ = health()
    found.beat()
    assert found.ready() == "not watching yet"
    parts.ready.set()
    assert found.ready() == ""


@timeless
async def test_a_look_that_is_late_a_loop_that_stands_still_and_lists_that_fail_are_told():
    found, parts, queue = health()
    found.beat()
    await asyncio.sleep(31)
    assert found.healthy() == "the event loop stood still for 31 s"
    found.beat()
    queue.add("a")
    await asyncio.sleep(61)
    found.beat()
    assert found.healthy() == "a LoadTest has waited 61 s for a look"
    queue._ready.clear()
    await asyncio.sleep(240)
    found.beat()
    assert found.healthy().startswith("no resync succeeded for 33")
    parts.succeeded_at = asyncio.get_running_loop().time()
    assert found.healthy() == ""


async def test_a_blocked_loop_is_measured():
    metrics, beat = Metrics(), asyncio.Event()
    task = asyncio.create_task(measure_lag(metrics, beat.set))
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251  the very thing that is measured
    await beat.wait()
    await asyncio.sleep(0)
    task.cancel()
    assert 0.05 < samples(metrics, "loadtest_loop_lag_max_seconds")[()] < 5
    assert samples(metrics, "loadtest_loop_lag_seconds_count")[()] == 1
    assert 0.05 < samples(metrics, "loadtest_loop_lag_seconds_sum")[()] < 5


def test_the_longest_look_is_kept():
    metrics = Metrics()
    for seconds in (0.03, 0.0):
        with metrics.reconciling():
            time.sleep(seconds)
    assert 0.03 <= samples(metrics, "loadtest_reconcile_max_seconds")[()] < 5
    assert samples(metrics, "loadtest_reconcile_seconds_count")[()] == 2


def record(message="worker lost", **fields):
    return logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "levelno": 20, "msg": message, "created": 1795252000.5, **fields}
    )


def test_a_json_line_is_one_object_with_its_fields():
    line = logs.Lines("json").format(record(test="shop/checkout", count=2))
    assert json.loads(line) == {
        "time": "2026-11-21T09:06:40.500+00:00",
        "level": "info",
        "logger": "x",
        "message": "worker lost",
        "test": "shop/checkout",
        "count": 2,
    }
    assert "\n" not in logs.Lines("json").format(record("two\nlines", error="three\nlines"))


def test_a_text_line_reads_from_left_to_right():
    line = logs.Lines("text").format(record(test="shop/checkout"))
    assert line == "2026-11-21T09:06:40.500+00:00 info    worker lost test=shop/checkout"


def test_what_a_user_wrote_cannot_look_like_another_line():
    line = logs.Lines("text").format(record("said\nno", error="x\n2026 info forged\x1b[2J\u2028é"))
    assert line.endswith("said\\nno error=x\\n2026 info forged\\x1b[2J\\u2028é")


def test_a_field_that_is_not_json_is_told_as_text():
    assert json.loads(logs.Lines("json").format(record(key=CHECKOUT)))["key"] == "shop/checkout"


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_comes_with_its_traceback(form):
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        line = logs.Lines(form).format(record(exc_info=sys.exc_info()))
    assert "RuntimeError: boom" in line
    assert "Traceback" in line
