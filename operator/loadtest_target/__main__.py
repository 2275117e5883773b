"""`python3 -m loadtest_target`: serve the sample target until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from .server import Server
from .settings import Settings, SettingsError, from_environment

HELP = """\
A small shop to aim load tests at: /home /search /item /cart /checkout, and /healthz, /metrics.

environment:
  TARGET_LATENCY    median and spread, "search=20ms/0.4,home=5ms"
  TARGET_SLOWDOWN   factor on the latency, "search=1.5,checkout=2" ("all=2": every endpoint)
  TARGET_ERRORS     share of requests answered 503, "cart=0.05" or "cart=5%"
  TARGET_SEED       same seed, same sequence of latencies and errors (default 1)

while it runs:
  curl localhost:8080/_control -d '{"slowdown": {"search": 1.5}, "errors": {"cart": 0.05}, "healthy": true}'
  curl localhost:8080/_stats                  what was asked and answered
  curl -X DELETE localhost:8080/_stats        the same, and start counting anew
"""
USAGE_ERROR = 2


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m loadtest_target", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8080, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        return _refuse(str(error))
    try:
        asyncio.run(serve(settings, arguments.host, arguments.port))
    except (OSError, OverflowError) as error:
        where = f"{arguments.host}:{arguments.port}"
        return _refuse(f"cannot listen on {where} ({error}); choose another with --host and --port.")
    return 0


async def serve(settings: Settings, host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    server = Server(settings)
    chosen = await server.start(host, port)
    sys.stdout.write(f"sample target listens on http://{host}:{chosen}\n")
    sys.stdout.flush()
    await stopped.wait()
    await server.stop()


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"loadtest_target: {sentence}\n")
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
