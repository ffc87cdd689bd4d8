"""Answers in archives, whole and broken; hostile files where they lie beside the project."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from pathlib import Path

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from wukong_build.web.captures import captures
from wukong_build.web.fetch import Answer, Note
from wukong_build.web.recorder import Recorder
from wukong_build.web.wat import page_of

HEAD = (
    "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
    "Content-Type: application/http\r\nContent-Length: {length}\r\n\r\n"
)


def record(url: str = "http://a.test/", body: bytes = b"<p>x", length: int | None = None, headers: str = "") -> bytes:
    """A record of a page, plain."""
    content = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n".encode() + body
    return HEAD.format(url=url, length=len(content) if length is None else length).encode() + content + b"\r\n\r\n"


def read(tmp_path: Path, content: bytes, at_most_bytes: int = 10_000) -> list[tuple[str, str | None]]:
    """URL (the file's own name cut off) and error of everything in a file."""
    (tmp_path / "x.warc").write_bytes(content)
    found = captures(str(tmp_path / "x.warc"), at_most_bytes)
    return [(capture.answer.url.rpartition("/x.warc")[2], capture.answer.error) for capture in found]


A, B, C = (record(f"http://{name}.test/", name.encode() * 40) for name in "abc")
PACKED = [gzip.compress(each, mtime=0) for each in (A, B, C)]
SOUND = [("http://a.test/", None), ("http://b.test/", None), ("http://c.test/", None)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(A + B + C, SOUND, id="plain"),
        pytest.param(b"".join(PACKED), SOUND, id="members"),
        pytest.param(gzip.compress(A + B + C), SOUND, id="one member"),
        pytest.param(A + b"no record\r\n" + B + C, SOUND, id="rubbish between"),
        pytest.param(record(length=99_999) + B + C, [("http://a.test/", "truncated"), *SOUND[1:]], id="too long by far"),
        pytest.param(record(length=2_000_000) + B, [("http://a.test/", "truncated"), SOUND[1]], id="too large by its word"),
        pytest.param(record(length=-4) + B, [("http://a.test/", "corrupt"), SOUND[1]], id="negative length"),
        pytest.param(PACKED[0] + b"\0" * 30 + PACKED[2], [SOUND[0], ("#0", "corrupt"), SOUND[2]], id="member lost"),
        pytest.param(PACKED[0] + PACKED[1][:-30], [SOUND[0], ("http://b.test/", "truncated")], id="cut"),
        pytest.param(record("http://a.test:bad/") + B, [("http://a.test:bad/", "bad_url"), SOUND[1]], id="no URL"),
        pytest.param(record("<http://a.test/>"), SOUND[:1], id="wget"),
        pytest.param(record("dns:a.test"), [], id="no page"),
        pytest.param(record(body=b"x" * 20_000), [("http://a.test/", "too_large")], id="too large"),
        pytest.param(record(length=int("9" * 4000)) + B, [("http://a.test/", "corrupt"), SOUND[1]], id="a length of many digits"),
        pytest.param(
            record(headers="WARC-Truncated: length\r\n", body=b"x\r\n\r\n" + B) + C, [SOUND[0], SOUND[2]], id="a record in a page"
        ),
        pytest.param(
            record(body=B + b"x" * 2_000_000) + C, [("http://a.test/", "too_large"), SOUND[2]], id="a record in a large one"
        ),
        pytest.param(b"filedesc://x.arc 0.0.0.0\n", [("#0", "no_archive")], id="ARC"),
        pytest.param(b"", [("#0", "no_archive")], id="empty"),
    ],
)
def test_what_is_broken_costs_no_neighbour(tmp_path: Path, content: bytes, expected: list[tuple[str, str | None]]) -> None:
    """Each record is read, or has the class of its failure."""
    assert read(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<p>x", "Transfer-Encoding: chunked\r\n"),
        (b"2\r\n<p\r\n2\r\n>x\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),
        (gzip.compress(b"<p>x", mtime=0), "Content-Encoding: gzip\r\n"),
        (b"<p>x", "Content-Encoding: gzip\r\n"),
    ],
)
def test_bodies_are_unpacked_as_far_as_they_are_packed(tmp_path: Path, body: bytes, headers: str) -> None:
    """Headers that no longer hold are seen through."""
    (tmp_path / "x.warc").write_bytes(record(body=body, headers=headers))
    (capture,) = captures(str(tmp_path / "x.warc"), 10_000)
    assert (capture.answer.body, capture.answer.error, capture.note) == (b"<p>x", None, None)


def test_what_is_recorded_comes_back(tmp_path: Path) -> None:
    """Bodies, classes of failure, redirects and notes; what was not modified is as it was."""
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=dt.UTC)
    headers = CIMultiDictProxy(CIMultiDict({"Content-Encoding": "gzip", "X-Said": "caf\udce9 猫", "Content-Length": "3"}))
    moved = CIMultiDictProxy(CIMultiDict({"Location": "/b"}))
    answers = [
        Answer("http://a.test/1", None, 200, headers, b"<p>\xff", at=at, attempts=1),
        Answer("http://a.test/2", "404", 404, at=at, attempts=1),
        Answer("http://a.test/3", "too_large", 200, at=at, attempts=1),
        Answer("http://a.test/4", None, 302, moved, at=at, attempts=1),
        Answer("http://a.test/5", "not_modified", 304, at=at, attempts=1),
        Answer("http://a.test/6", "dns", at=at, attempts=1),
    ]
    file = io.BytesIO()
    recorder = Recorder(file, "me")
    note = Note("results", 3, "baidu", "猫", 7)
    for answer in answers:
        recorder.add(answer, note)
    (tmp_path / "x.warc.gz").write_bytes(file.getvalue())
    found = list(captures(str(tmp_path / "x.warc.gz"), 10_000))
    told = [(each.answer.url, each.answer.error, each.answer.status, each.answer.body, each.answer.at) for each in found]
    assert told == [(answer.url, answer.error, answer.status, answer.body, at) for answer in answers[:4]]
    assert {capture.note for capture in found} == {note}
    assert found[0].answer.header("X-Said") == "caf%E9 猫"
    assert found[3].answer.location == "http://a.test/b"


def test_the_page_of_a_wat_record() -> None:
    """Images with what they say, links, metas; and nothing where there is no page."""
    told = (
        b'{"Envelope":{"Payload-Metadata":{"HTTP-Response-Metadata":{"Response-Message":{"Status":"200"},"Headers":{"X-Robots-Tag":'
        b'"noai"},"HTML-Metadata":{"Head":{"Title":"<T>","Metas":[{"name":"robots","content":"noai"}]},"Links":['
        b'{"path":"IMG@/src","url":"/a.jpg","alt":"\\"x\\""},{"path":"A@/href","url":"/b","text":"go"}]}}}}}'
    )
    page = page_of(told)
    assert page is not None
    assert (page.status, page.headers["X-Robots-Tag"]) == (200, "noai")
    assert b'<img src="/a.jpg" alt="&quot;x&quot;">' in page.html
    assert b'<a href="/b">go</a>' in page.html
    assert b'<meta name="robots" content="noai">' in page.html
    assert [page_of(block) for block in (b"", b"[]", b'{"Envelope":{}}', b'{"Envelope":{"Payload-Metadata":3}}')] == [None] * 4
    odd = (
        told.replace(b'{"Title"', b'[{"Title"').replace(b'noai"}]}', b'noai"}]}]'),
        told.replace(b'"200"', b'"-1000000000000"'),
        b"[" * 100_000,
    )
    assert [page_of(block) for block in odd] == [None] * 3


def test_hostile_archives(shared: Path) -> None:
    """Archives that made other readers fail: each gives its pages, or a class that says why not."""
    found = {
        path.name: [
            (each.answer.url.rpartition("#")[2], each.answer.error, len(each.answer.body)) for each in captures(str(path), 10_000)
        ]
        for path in sorted((shared / "hostile" / "warc-warcio").iterdir())
        if path.name != "LICENSE"
    }
    page = ("http://example.com/", None, 1270)
    assert found["example.warc"] == found["example.warc.gz"] == found["example-bad-non-chunked.warc.gz"] == [page]
    assert found["example-wget-bad-target-uri.warc.gz"] == [page]
    assert found["example-iana.org-chunked.warc"] == [("http://www.iana.org/", None, 7223)]
    assert found["example-trunc.warc"] == found["example-wrong-chunks.warc.gz"] == [("http://example.com/", "corrupt", 0)]
    arcs = {name: rows for name, rows in found.items() if ".arc" in name}
    assert len(arcs) == 4
    assert all(rows == [("0", "no_archive", 0)] for rows in arcs.values())
