"""The sample target as a real process on loopback."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

DEADLINE = 10.0


@asynccontextmanager
async def target(**environ: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest_target", "--port", "0"),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        line = await asyncio.wait_for(process.stdout.readline(), DEADLINE)
        yield process, int(line.rsplit(b":", 1)[1])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), await reader.readexactly(length)


async def test_pipelined_requests_are_answered_in_order_on_one_connection() -> None:
    async with target(TARGET_LATENCY="home=200ms/0,cart=1ms/0") as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /home HTTP/1.1\r\n\r\nGET /cart HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n")
        assert b'"home"' in (await answer(reader))[1]
        assert b'"cart"' in (await answer(reader))[1]
        assert (await answer(reader))[0] == 404
        writer.close()


async def test_sigterm_answers_what_is_in_flight_takes_nothing_new_and_exits_0() -> None:
    async with target(TARGET_LATENCY="home=500ms/0") as (process, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /home HTTP/1.1\r\n\r\n")
        stats_reader, stats_writer = await asyncio.open_connection("127.0.0.1", port)
        stats_writer.write(b"GET /_stats HTTP/1.1\r\n\r\n")
        assert b'"home"' in (await answer(stats_reader))[1]
        process.send_signal(signal.SIGTERM)
        assert (await answer(reader))[0] == 200
        assert await asyncio.wait_for(idle_reader.read(), DEADLINE) == b""
        assert await asyncio.wait_for(process.wait(), DEADLINE) == 0
        for each in (writer, idle_writer, stats_writer):
            each.close()


async def test_unreadable_bytes_are_answered_400_and_the_others_are_served_on() -> None:
    async with target() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\r\n\r\n")
        assert (await answer(reader))[0] == 400
        assert await asyncio.wait_for(reader.read(), DEADLINE) == b""
        reader, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert (await answer(reader))[0] == 200
        for each in (writer, other):
            each.close()


async def test_a_client_that_goes_away_leaves_no_status_behind() -> None:
    async with target(TARGET_LATENCY="home=300ms/0") as (_, port):
        _, gone = await asyncio.open_connection("127.0.0.1", port)
        gone.write(b"GET /home HTTP/1.1\r\n\r\n")
        await gone.drain()
        gone.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /home HTTP/1.1\r\n\r\nGET /_stats HTTP/1.1\r\n\r\n")
        await answer(reader)
        stats = (await answer(reader))[1]
        assert b'"requests": 2' in stats
        assert b'"200": 1' in stats
        writer.close()


async def test_a_wrong_environment_value_is_one_sentence_and_exit_2() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest_target", "--port", "0"),
        env={"TARGET_ERRORS": "cart=often"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert process.returncode == 2
    assert err == b"loadtest_target: TARGET_ERRORS: cart: 'often' is not a share of errors between 0 and 1.\n"
