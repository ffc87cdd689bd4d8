"""Writes answers into an archive, as WARC 1.1, in the manner of Common Crawl: bodies unpacked, and the headers saying so.

Knows neither what is asked for nor why; what is noted with an answer comes back when the archive is read.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import importlib.metadata
import io
import itertools
from collections.abc import Collection, Mapping
from typing import IO

import msgspec
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from wukong_build.web.fetch import Answer, Note

NOTE = "X-Wukong-Build"
"""The field of a record with what was noted of its request, as JSON."""

SOFTWARE = f"wukong-build/{importlib.metadata.version('wukong-build')}"

COMPRESSION_LEVEL = 3
"""Of gzip: images gain nothing by any, and pages little by more."""

_NOT_AS_IT_CAME = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that no longer hold for an unpacked body."""

_CUT = {"too_large": "length", "timeout": "time", "truncated": "disconnect"}
"""The class of an answer whose body did not come whole → why, in the words of WARC."""


class Recorder:
    """One file of an archive, each record packed by itself, so that any can be read without those before it."""

    def __init__(self, file: IO[bytes], user_agent: str) -> None:
        self._file = file
        about = {"software": SOFTWARE, "format": "WARC File Format 1.1", "robots": "obey", "http-header-user-agent": user_agent}
        told = "".join(f"{name}: {value}\r\n" for name, value in about.items())
        self._write(WarcRecordType.warcinfo, {"Content-Type": "application/warc-fields"}, told.encode())

    def add(self, answer: Answer, note: Note) -> None:
        """An answer, where any came."""
        if answer.status is None:
            return
        is_unchanged = answer.error == "not_modified"
        headers = {"Content-Type": "application/http; msgtype=response"}
        if is_unchanged:
            headers["WARC-Profile"] = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
        if answer.error in _CUT:
            headers["WARC-Truncated"] = _CUT[answer.error]
        kind = WarcRecordType.revisit if is_unchanged else WarcRecordType.response
        self._write(kind, self._about(answer, note) | headers, _head(answer) + answer.body)

    def add_rendered(self, answer: Answer, note: Note) -> None:
        """A page as a browser had it once its scripts had run; it is no answer of a server."""
        headers = {"Content-Type": answer.header("Content-Type") or ""}
        self._write(WarcRecordType.conversion, self._about(answer, note) | headers, answer.body)

    def _about(self, answer: Answer, note: Note) -> dict[str, str]:
        return {
            "WARC-Target-URI": answer.url,
            "WARC-Date": answer.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            NOTE: msgspec.json.encode(note).decode(),
        }

    def _write(self, kind: WarcRecordType, headers: Mapping[str, str], content: bytes) -> None:
        record = WarcRecord()
        record.init_headers(record_type=kind)
        for name, value in headers.items():
            record.headers[name] = value
        record.set_bytes_content(content)
        packed = io.BytesIO()
        record.write(packed, checksum_data=True)
        self._file.write(gzip.compress(packed.getbuffer(), COMPRESSION_LEVEL, mtime=0))


def without(file: IO[bytes], urls: Collection[str], sha256s: Collection[str]) -> list[tuple[int, int]]:
    """Where, from byte to byte, an archive has records of other URLs than these and with other bodies."""
    kept: list[tuple[int, int]] = []
    begins: list[tuple[int, bool]] = []
    for record in ArchiveIterator(file, parse_http=False):
        content = record.reader.read()
        body = content.partition(b"\r\n\r\n")[2]
        url = record.headers.get("WARC-Target-URI")
        begins.append((record.stream_pos, url in urls or hashlib.sha256(body).hexdigest() in sha256s))
    end = file.seek(0, io.SEEK_END)
    for (start, is_gone), (stop, _) in itertools.pairwise([*begins, (end, False)]):
        if not is_gone:
            kept.append((start, stop))
    return kept


def _head(answer: Answer) -> bytes:
    """The status line and headers of an answer, with those that no longer hold under other names."""
    status = answer.status or 0
    phrase = http.client.responses.get(status, "")
    lines = [f"HTTP/1.1 {status} {phrase}"]
    for name, value in answer.headers.items():
        held = f"X-Crawl-{name}" if name.lower() in _NOT_AS_IT_CAME else name
        lines.append(f"{held}: {value}")
    lines.append(f"Content-Length: {len(answer.body)}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8", "surrogateescape")
