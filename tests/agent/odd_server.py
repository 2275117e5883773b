"""A server that answers in all the ways HTTP allows; it prints its address, and GET /_seen tells what came."""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SEEN: Counter[str] = Counter()
CONNECTIONS: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        CONNECTIONS["all"] += 1

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - names of the base class

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        url = urlsplit(self.path)
        if url.path == "/_seen":
            self._answer(200, json.dumps({"seen": SEEN, "connections": CONNECTIONS["all"]}).encode())
            return
        SEEN[f"{self.command} {self.path} {body}".strip()] += 1
        getattr(self, "on_" + url.path.strip("/").replace("-", "_"), self._missing)()

    def _missing(self) -> None:
        self._answer(404, b"no")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_plain(self) -> None:
        self._answer(200, b"hello")

    def on_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (b"chunk", b" of ", b"bread" * 5000):
            self.wfile.write(b"%x;note=1\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\nX-Trailer: 1\r\n\r\n")

    def on_to_the_end(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"until I close")
        self.close_connection = True

    def on_zipped(self) -> None:
        self._answer(200, gzip.compress(b"zipped bread"), Content_Encoding="gzip")

    def on_moved(self) -> None:
        self._answer(302, b"", Location="/landed?from=moved")

    def on_kept(self) -> None:
        self._answer(307, b"", Location="landed")

    def on_landed(self) -> None:
        self._answer(200, b"landed")

    def on_circle(self) -> None:
        self._answer(301, b"", Location="/circle")

    def on_elsewhere(self) -> None:
        self._answer(301, b"", Location="http://elsewhere.example/")

    def on_login(self) -> None:
        self._answer(200, b"in", Set_Cookie="session=s3cret; Path=/")

    def on_private(self) -> None:
        self._answer(200 if self.headers.get("Cookie") == "session=s3cret" else 403, b"")

    def on_slow(self) -> None:
        time.sleep(1)
        self._answer(200, b"slow")

    def on_nonsense(self) -> None:
        self.wfile.write(b"220 this is a mail server\r\n\r\n")
        self.close_connection = True

    def on_hangs_up(self) -> None:
        self.close_connection = True

    def on_headers(self) -> None:
        fine = self.headers["X-Env"] == "test" and self.headers["Authorization"] == "Bearer t0p"
        self._answer(200 if fine else 400, b"")

    def log_message(self, *_: object) -> None:
        return


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
