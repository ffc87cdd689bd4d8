"""A web server on loopback that does whatever a test wants of it, and remembers who asked for what, and when."""

from __future__ import annotations

import io
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from PIL import Image

from wukong_build.web.manners import Manners, PerHost, Retries

Script = Callable[[socket.socket, threading.Event], None]
"""Writes an answer to a connection; the event is set when the test is over."""


_TLS_GREETING = b"\x16"  # answered as by a server that knows no TLS


class Asked(NamedTuple):
    """One request as it came; names of headers are in lower case."""

    time: float
    path: str
    headers: dict[str, str]


class Web(socketserver.ThreadingTCPServer):
    """Answers each path with bytes or a script, a connection a request; other paths are not there."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answers: dict[str, bytes | Script] = {}
        self.asked: list[Asked] = []
        self.connections = 0
        self.most_at_once = 0
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._at_once = 0

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self.server_address[1])

    @property
    def paths(self) -> list[str]:
        """The paths asked for, in their order."""
        return [asked.path for asked in self.asked]

    def verify_request(self, request: object, client_address: object) -> bool:
        """Count every connection, whether or not it asks for anything."""
        self.connections += 1
        return True

    def note(self, asked: Asked) -> None:
        """A request has begun."""
        with self._lock:
            self.asked.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)

    def forget(self) -> None:
        """A request has ended."""
        with self._lock:
            self._at_once -= 1

    @staticmethod
    def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
        """An answer as it should be."""
        lines = (f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(body)}", *headers, "", "")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body

    @classmethod
    def moved(cls, location: str, status: int = 302) -> bytes:
        """A redirect."""
        return cls.ok(b"", f"Location: {location}", status=f"{status} Moved")

    @staticmethod
    def after(seconds: float, answer: bytes) -> Script:
        """An answer that takes its time."""

        def script(connection: socket.socket, over: threading.Event) -> None:
            over.wait(seconds)
            connection.sendall(answer)

        return script

    @staticmethod
    def endless(head: bytes, chunk: bytes, pause_seconds: float = 0.0) -> Script:
        """An answer that never ends: a head, and the same chunk again and again."""

        def script(connection: socket.socket, over: threading.Event) -> None:
            connection.sendall(head)
            while not over.wait(pause_seconds):
                connection.sendall(chunk)

        return script

    @staticmethod
    def reset_after(answer: bytes) -> Script:
        """An answer cut off by a reset of the connection."""

        def script(connection: socket.socket, over: threading.Event) -> None:
            connection.sendall(answer)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        return script


class _Connection(socketserver.BaseRequestHandler):
    """Reads one request, and answers it."""

    server: Web

    def handle(self) -> None:
        try:
            head = self._head()
            if head:
                self._answer(head)
        except OSError:
            pass  # the client has hung up, which is what most of these tests are about

    def _head(self) -> str:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            block = self.request.recv(65_536)
            if block[:1] == _TLS_GREETING:
                self.request.sendall(self.server.ok(b"", status="400 Bad Request"))
            if block[:1] in (b"", _TLS_GREETING):
                return ""
            head += block
        return head.decode("latin-1")

    def _answer(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        path = first.split(" ")[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        self.server.note(Asked(time.monotonic(), path, headers))
        try:
            answer = self.server.answers.get(path, self.server.ok(b"", status="404 Not Found"))
            if callable(answer):
                answer(self.request, self.server.over)
            else:
                self.request.sendall(answer)
        finally:
            self.server.forget()


@pytest.fixture
def web() -> Iterator[Web]:
    """A server that has nothing yet."""
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def manners(web: Web) -> Manners:
    """No pause between requests, no repetitions, and hosts `a.test`, `b.test` and `c.test` that are the server."""
    hosts = dict.fromkeys(("a.test", "b.test", "c.test"), f"127.0.0.1:{web.port}")
    per_host = PerHost(delay_seconds=0, connections=8)
    return Manners("wukong-test/1.0 (+https://my.site)", per_host, Retries(times=0), resolve=hosts)


@pytest.fixture
def jpeg() -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "JPEG")
    return file.getvalue()
