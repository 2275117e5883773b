"""A headless Chromium, spoken to in its own protocol: what a page looks like, and what it complains about."""

import asyncio
import base64
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.testcluster import debian

PACKAGES = {"chromium": "chromium"}
DEADLINE = 60.0
# A screenshot in the protocol's JSON, in base64.
_MAX_MESSAGE = 64 << 20


@dataclass
class Page:
    """One tab. `complaints` is all that its console would show: errors, refused resources, violated policies."""

    _socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    async def open(self, file: Path) -> None:
        for domain in ("Page", "Log", "Runtime", "Network"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=file.as_uri())
        await self._until("Page.loadEventFired")

    async def look(self, *, width: int, scheme: str = "light", height: int = 900) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.ask("Emulation.setEmulatedMedia", media="screen", features=features)

    async def screenshot(self) -> bytes:
        """The whole page, however long, as PNG."""
        found = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    async def printed(self) -> bytes:
        """As a PDF."""
        await self.ask("Emulation.setEmulatedMedia", media="print", features=[])
        found = await self.ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(found["data"])

    async def value(self, expression: str) -> Any:
        found = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._next()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    async def _until(self, event: str) -> None:
        while (await self._next()).get("method") != event:
            pass

    async def _next(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self._socket.receive_json(), DEADLINE)
        params = message.get("params", {})
        match message.get("method"):
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled":
                self.complaints.append(str(params))
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
        return message


@asynccontextmanager
async def page() -> AsyncIterator[Page]:
    """A browser of its own, gone at the end; the Debian package is installed where it is missing."""
    await asyncio.to_thread(debian.ensure, PACKAGES)
    profile = Path(tempfile.mkdtemp(prefix="loadtest-browser-"))
    process = await asyncio.create_subprocess_exec(
        *("chromium", "--headless=new", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
        *("--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={profile}"),
        # Root, as in a container, may not use Chromium's own sandbox; the page is one that we wrote.
        *(("--no-sandbox",) if os.geteuid() == 0 else ()),
        "about:blank",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(profile)},  # it leaves folders there
    )
    draining: list[asyncio.Task[bytes]] = []
    try:
        assert process.stderr
        port = await asyncio.wait_for(_port(process.stderr), DEADLINE)
        draining.append(asyncio.create_task(process.stderr.read()))
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = [tab for tab in await answer.json(content_type=None) if tab["type"] == "page"]
            async with session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=_MAX_MESSAGE) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        await process.wait()
        await asyncio.gather(*draining)
        shutil.rmtree(profile, ignore_errors=True)


async def _port(stderr: asyncio.StreamReader) -> int:
    """Chromium says it once: `DevTools listening on ws://127.0.0.1:41231/devtools/browser/...`."""
    said = b""
    while line := await stderr.readline():
        said += line
        if line.startswith(b"DevTools listening on "):
            return int(line.split(b"/")[2].rsplit(b":")[-1])
    raise AssertionError(f"chromium ended at once: {said.decode(errors='replace')}")
