"""A web server for a folder of hosts: `<folder>/<host>/<path>`, as the Host header says. It knows nothing of what it serves."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

REDIRECTS = "redirects.txt"
"""File in the served folder: a line for every moved URL, `<host><path> <status> <new URL>`."""

CONTENT_TYPES = {
    ".gif": "image/gif",
    ".html": "text/html",  # no charset: each page's own meta says it
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".webp": "image/webp",
}


class Request(NamedTuple):
    """One request as it came; `time` is monotonic, in seconds."""

    host: str
    path: str
    user_agent: str
    time: float


class Redirect(NamedTuple):
    """Where a URL has moved."""

    status: int
    location: str


class Server(ThreadingHTTPServer):
    """The running server and the log of its requests."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder = folder.resolve()
        self.redirects = _redirects(self.folder / REDIRECTS)
        self.requests: list[Request] = []

    @property
    def port(self) -> int:
        """Port on the loopback address."""
        return self.server_port

    def file(self, host: str, path: str) -> Path | None:
        """The file that answers for a path of a host; None where there is none, and for every way out of the host's folder."""
        root = (self.folder / host).resolve()
        found = (root / unquote(path).lstrip("/")).resolve()
        found = found / "index.html" if found.is_dir() else found
        inside = root.parent == self.folder and found.is_relative_to(root)
        return found if inside and found.is_file() else None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes: 40 ms an answer otherwise
    timeout = 10

    def do_GET(self) -> None:
        """The file, where it has moved, or 404."""
        host = self.headers.get("Host", "").partition(":")[0].lower()
        path = urlsplit(self.path).path
        self.server.requests.append(Request(host, self.path, self.headers.get("User-Agent", ""), time.monotonic()))
        redirect = self.server.redirects.get(host + path)
        if redirect is not None:
            self._answer(redirect.status, "text/plain", b"", {"Location": redirect.location})
            return
        try:
            found = self.server.file(host, path)
        except ValueError:  # a NUL in the path
            found = None
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"not found\n", {})
        else:
            self._answer(HTTPStatus.OK, CONTENT_TYPES.get(found.suffix, "application/octet-stream"), found.read_bytes(), {})

    do_HEAD = do_GET  # noqa: N815  the base class looks for this name

    def _answer(self, status: int, content_type: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Says nothing: `Server.requests` is the log."""


def _redirects(path: Path) -> dict[str, Redirect]:
    """Host and path → where it has moved."""
    lines = [line.split() for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return {moved: Redirect(int(status), location) for moved, status, location in lines}


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[Server]:
    """The server of a folder on the loopback address, on a free port unless one is given, until the block ends."""
    with Server(folder, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
