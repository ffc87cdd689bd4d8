"""A list crawled from servers that fail in every way: each row ends in its class, and no host is asked more than it bears."""

from __future__ import annotations

import io
import socket
import socketserver
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from wukong_build import open_run, run
from wukong_build.inspect.run import Run

Script = Callable[[socket.socket], None]

PICTURE = io.BytesIO()
Image.effect_noise((64, 48), 80).save(PICTURE, "JPEG")
JPEG = PICTURE.getvalue()


def ok(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer whose length may be a lie."""
    said = f"Content-Length: {len(body) if length is None else length}"
    return "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", said, *headers, "", "")).encode() + body


def drip(connection: socket.socket) -> None:
    """An image that comes byte by byte, until nobody listens any more."""
    connection.sendall(ok(b"", length=len(JPEG)))
    for byte in JPEG:
        connection.sendall(bytes([byte]))
        connection.settimeout(0.2)
        try:
            if connection.recv(1) == b"":
                return
        except TimeoutError:
            continue


def reset(connection: socket.socket) -> None:
    """A connection that is cut off."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Raw(socketserver.ThreadingTCPServer):
    """Gives the answers of each host, one after the other, the last again and again; one for robots.txt and its like."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answers: dict[str, list[bytes | Script]] = {}
        self.site_file = ok(b"", status="404 Not Found")
        self.asked: list[tuple[str, str, str]] = []
        """Host, path and all of the head, of what was asked for; files of a site aside."""

    @property
    def address(self) -> str:
        """As `crawl.resolve` names it."""
        return f"127.0.0.1:{self.server_address[1]}"

    def count(self) -> Counter[str]:
        """Requests of each host since the last look."""
        hosts = Counter(host for host, _, _ in self.asked)
        self.asked.clear()
        return hosts


class _Connection(socketserver.BaseRequestHandler):
    """Answers one request."""

    server: Raw

    def handle(self) -> None:
        """As the host's next answer says."""
        head = b""
        try:
            while not head.endswith(b"\r\n\r\n"):
                head += self.request.recv(65_536) or b"\r\n\r\n"
            answer = self._answer(head.decode())
            if callable(answer):
                answer(self.request)
            else:
                self.request.sendall(answer)
        except OSError:
            pass  # the client has hung up

    def _answer(self, head: str) -> bytes | Script:
        path = head.split(" ")[1]
        host = head.partition("Host: ")[2].partition("\r\n")[0].partition(":")[0]
        if path.endswith((".txt", ".json")):
            return self.server.site_file
        self.server.asked.append((host, path, head))
        answers = self.server.answers.get(host, [ok(JPEG)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def raw() -> Iterator[Raw]:
    """A server that has an image for whatever it is asked."""
    with Raw() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def values(folder: Path, urls: Iterable[str], **crawl: Any) -> dict[str, Any]:
    """The config of a crawl of a list, one repetition a failure."""
    path = folder / "list.csv"
    path.write_text("url,caption\n" + "".join(f"{url},一张图\n" for url in urls), encoding="utf-8")
    settings = {
        "sources": [{"urls": {"path": str(path)}}],
        "user_agent": "wukong-test/1.0 (+https://my.site)",
        "per_host": {"delay_seconds": 0, "connections": 1},
        "retries": {"times": 1, "wait_seconds": 0.01},
        "image": {"timeout_seconds": 1, "at_most_bytes": 100_000},
        **crawl,
    }
    return {"run": str(folder / "run"), "crawl": settings, "executor": {"workers": 1}}


ANSWERS: dict[str, list[bytes | Script]] = {
    "fine.test": [ok(JPEG)],
    "half.test": [ok(JPEG[: len(JPEG) // 2])],
    "later.test": [ok(b"", "Retry-After: 1", status="429 Too Many Requests"), ok(JPEG)],
    "busy.test": [ok(b"", status="503 Service Unavailable")],
    "drip.test": [drip],
    "reset.test": [reset],
    "short.test": [ok(JPEG, length=len(JPEG) + 1)],
    "page.test": [ok(b"<html>", "Content-Type: image/jpeg")],
    "empty.test": [ok(b"", "Content-Type: image/jpeg")],
    "ssh.test": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "large.test": [ok(b"", length=100_001)],
    "gone.test": [ok(b"", status="410 Gone")],
    "loop.test": [ok(b"", "Location: /a.jpg", status="302 Found")],
    "ping.test": [ok(b"", "Location: http://pong.test/a.jpg", status="302 Found")],
    "pong.test": [ok(b"", "Location: http://ping.test/a.jpg", status="302 Found")],
    "moved.test": [ok(b"", "Location: http://fine.test/moved.jpg", status="301 Moved")],
    "inside.test": [ok(b"", "Location: http://127.0.0.1/a.jpg", status="302 Found")],
    "metadata.test": [ok(b"", "Location: http://169.254.169.254/latest/a.jpg", status="302 Found")],
}
"""Host → how the raw server answers for its image."""

EXPECTED: dict[str, tuple[str | None, int | None, int]] = {
    "http://fine.test/a.jpg": (None, 200, 1),
    "http://half.test/a.jpg": (None, 200, 1),
    "http://later.test/a.jpg": (None, 200, 2),
    "http://busy.test/a.jpg": ("5xx", 503, 2),
    "http://drip.test/a.jpg": ("timeout", None, 2),
    "http://reset.test/a.jpg": ("disconnected", None, 2),
    "http://short.test/a.jpg": ("truncated", None, 2),
    "http://page.test/a.jpg": ("not_an_image", 200, 1),
    "http://empty.test/a.jpg": ("empty", 200, 1),
    "http://ssh.test/a.jpg": ("protocol", None, 1),
    "http://large.test/a.jpg": ("too_large", 200, 1),
    "http://gone.test/a.jpg": ("410", 410, 1),
    "http://loop.test/a.jpg": ("redirects", 302, 1),
    "http://ping.test/a.jpg": ("redirects", 302, 1),
    "http://pong.test/a.jpg": ("redirects", 302, 1),
    "http://moved.test/a.jpg": (None, 200, 1),
    "http://inside.test/a.jpg": ("robots_unreachable", None, 0),
    "http://metadata.test/a.jpg": ("robots_unreachable", None, 0),
    "http://127.0.0.1/a.jpg": ("robots_unreachable", None, 0),
    "http://169.254.169.254/a.jpg": ("robots_unreachable", None, 0),
    "http://nowhere.invalid:22/a.jpg": ("robots_unreachable", None, 0),
    "http://nobody.test/a.jpg": ("robots_unreachable", None, 0),
    "https://tls.test/a.jpg": ("robots_unreachable", None, 0),
    "http://nginx.test/a.jpg": (None, 200, 1),
    "http://nginx.test/b.jpg": ("404", 404, 1),
    "ftp://fine.test/a.jpg": ("bad_url", None, 0),
}
"""URL → class, status, attempts."""

UNREACHABLE = {
    "http://127.0.0.1": "blocked_address",
    "http://169.254.169.254": "blocked_address",
    "http://nowhere.invalid:22": "blocked_port",
    "http://nobody.test": "connect",
    "https://tls.test": "tls",
}
"""Origin → why its robots.txt could not be had, so that nothing else of it was asked for."""


def ends(done: Run) -> dict[str, tuple[str | None, int | None, int]]:
    """How every row of a list ended."""
    rows = done.sql("SELECT url, error, http_status, attempts FROM latest").to_pylist()
    return {row["url"]: (row["error"], row["http_status"], row["attempts"]) for row in rows}


def test_every_row_has_its_class(
    raw: Raw,
    nginx: Callable[..., int],
    self_signed: Path,
    command: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    """Class, status and attempts of each row; `--retry` asks for the rows of its classes alone, and leaves the others alone."""
    raw.answers |= {host: [*answers] for host, answers in ANSWERS.items()}
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a.jpg").write_bytes(JPEG)
    pem = f'ssl_certificate "{self_signed}"; ssl_certificate_key "{self_signed}";'
    resolve = dict.fromkeys(ANSWERS, raw.address) | {
        "nginx.test": f"127.0.0.1:{nginx(tmp_path / 'root')}",
        "tls.test": f"127.0.0.1:{nginx(tmp_path / 'root', server=pem, listen='ssl')}",
        "nobody.test": "127.0.0.1:1",
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(values(tmp_path, EXPECTED, resolve=resolve)), encoding="utf-8")
    crawled = command("crawl", config)
    assert crawled.returncode == 0, crawled.stderr
    done = open_run(str(tmp_path / "run"))
    assert ends(done) == EXPECTED
    unreachable = done.sql("SELECT origin, error FROM robots WHERE http_status IS NULL").to_pylist()
    assert {row["origin"]: row["error"] for row in unreachable} == UNREACHABLE
    once_each = {host: EXPECTED[f"http://{host}/a.jpg"][2] or 1 for host in ANSWERS}
    over_five_hops = {"loop.test": 6, "ping.test": 6, "pong.test": 6}
    assert raw.count() == once_each | over_five_hops | {"fine.test": 2}  # for itself, and for what has moved there

    raw.answers |= {"busy.test": [ok(JPEG)], "reset.test": [ok(b"", status="404 Not Found")]}
    before = done.sql("SELECT * EXCLUDE (part, part_row) FROM answers ORDER BY url").to_pylist()
    retried = command("crawl", config, "--retry", "5xx,disconnected")
    assert retried.returncode == 0, retried.stderr
    mended = {"http://busy.test/a.jpg": (None, 200, 1), "http://reset.test/a.jpg": ("404", 404, 1)}
    assert ends(done) == {**EXPECTED, **mended}
    assert raw.count() == {"busy.test": 1, "reset.test": 1}
    after = done.sql("SELECT * EXCLUDE (part, part_row) FROM answers ORDER BY url").to_pylist()
    assert [row for row in after if row["url"] not in mended] == [row for row in before if row["url"] not in mended]


def test_an_image_not_modified_since_never(raw: Raw, tmp_path: Path) -> None:
    """A server that answers 304 without having been asked on condition has failed; the row stays, as every row does."""
    raw.answers["stale.test"] = [ok(b"", status="304 Not Modified")]
    done = run(values(tmp_path, ["http://stale.test/a.jpg"], resolve={"stale.test": raw.address}), ["crawl"])
    assert done.sql("SELECT url, image_bytes FROM samples").to_pylist() == [
        {"url": "http://stale.test/a.jpg", "image_bytes": None}
    ]
    assert raw.count() == {"stale.test": 1}


def test_a_page_not_modified_since_never(raw: Raw, tmp_path: Path) -> None:
    """As above; and it is not asked again and again."""
    raw.answers["stale.test"] = [*[ok(b"", status="304 Not Modified")] * 9, ok(b"<p>", "Content-Type: text/html")]
    config = values(tmp_path, [], resolve={"stale.test": raw.address}, sources=[{"pages": {"seeds": ["http://stale.test/"]}}])
    done = run(config, ["crawl"])
    assert raw.count() == {"stale.test": 1}
    assert done.sql("SELECT url FROM visits").to_pylist() == [{"url": "http://stale.test/"}]


def test_a_proxy(raw: Raw, tmp_path: Path) -> None:
    """What this machine cannot resolve is left to the proxy, what is inside is not; its password stands nowhere in the run."""
    urls = ["http://far.invalid/a.jpg", "http://far.invalid/b.jpg?c", "http://10.0.0.1/a.jpg"]
    proxy = f"http://me:geheim@{raw.address}"
    done = run(values(tmp_path, urls, proxies=proxy), ["crawl"])
    assert [error for error, _, _ in ends(done).values()].count(None) == 2
    assert ends(done)[urls[2]][0] == "robots_unreachable"
    assert sorted(path for _, path, _ in raw.asked) == urls[:2]
    assert all("Proxy-Authorization: Basic bWU6Z2VoZWlt\r\n" in head for _, _, head in raw.asked)
    record = (tmp_path / "run/run.yaml").read_text(encoding="utf-8")
    assert f"proxies: http://…@{raw.address}\n" in record
    assert not [path for path in (tmp_path / "run").rglob("*") if path.is_file() and b"geheim" in path.read_bytes()]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_proxy_that_fails(raw: Raw, tmp_path: Path, *, is_there: bool) -> None:
    """Nobody there, or one that wants to know who asks: no word of the host, whose robots.txt is unreachable then."""
    raw.site_file = ok(b"", status="407 Proxy Authentication Required")
    proxy = f"http://{raw.address if is_there else '127.0.0.1:1'}"
    done = run(values(tmp_path, ["http://far.invalid/a.jpg"], proxies=proxy), ["crawl"])
    assert done.sql("SELECT error FROM robots").to_pylist() == [{"error": "proxy"}]
    assert ends(done) == {"http://far.invalid/a.jpg": ("robots_unreachable", None, 0)}


def test_a_host_that_fails_is_let_alone(raw: Raw, tmp_path: Path) -> None:
    """After so many failures in a row nothing more is asked of it, but for one request a part that tells whether it is back."""
    raw.answers["down.test"] = [reset]
    urls = [f"http://{host}.test/{number}.jpg" for number in range(40) for host in ("down", "up")]
    config = values(
        tmp_path,
        urls,
        resolve=dict.fromkeys(("down.test", "up.test"), raw.address),
        per_host={"delay_seconds": 0, "connections": 1, "give_up_after": 5},
        retries={"times": 0},
        images_per_part=10,
    )
    done = run(config, ["crawl"])
    parts = len(done.store.parts("crawl/images"))
    assert parts == 8
    asked = raw.count()
    assert asked == {"up.test": 40, "down.test": 5 + parts - 1}
    assert Counter(end for url, end in ends(done).items() if "down" in url) == {
        ("disconnected", None, 1): asked["down.test"],
        ("given_up", None, 0): 40 - asked["down.test"],
    }
    raw.answers.clear()
    done = run(config, ["crawl"], retry=["given_up", "disconnected"])
    assert raw.count() == {"down.test": 40}
    assert {error for error, _, _ in ends(done).values()} == {None}


def test_a_host_that_wishes_to_be_let_alone(raw: Raw, tmp_path: Path) -> None:
    """Retry-After of an hour is heard once, and holds for all parts that follow."""
    raw.answers["busy.test"] = [ok(b"", "Retry-After: 3600", status="503 Service Unavailable")]
    urls = [f"http://{host}.test/{number}.jpg" for number in range(20) for host in ("busy", "up")]
    config = values(tmp_path, urls, resolve=dict.fromkeys(("busy.test", "up.test"), raw.address), images_per_part=5)
    done = run(config, ["crawl"])
    assert raw.count() == {"up.test": 20, "busy.test": 1}
    assert Counter(end for url, end in ends(done).items() if "busy" in url) == {("5xx", 503, 1): 1, ("given_up", None, 0): 19}
