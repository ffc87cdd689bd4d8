"""What archives of the web hold: every answer in a WARC or WAT file, as if it had just come.

Archives come from many hands, and are cut, patched and mislabelled on the way: what can be read is read, and what cannot is
an answer with the class of its failure. Knows neither what is read from a page nor why an archive is read.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import logging
import re
from collections.abc import Iterator
from typing import IO

import fsspec
import msgspec
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from multidict import CIMultiDict, CIMultiDictProxy

from wukong_build.web import encoding, wat
from wukong_build.web.fetch import Answer, Note, status_class
from wukong_build.web.recorder import NOTE
from wukong_build.web.url import canonical

log = logging.getLogger("wukong_build")

AT_MOST_HEADER_BYTES = 1_000_000
"""A record may be so much larger than the body in it: headers, and the lengths of chunks."""

_PACKED = {b"\x1f\x8b": b"\x1f\x8b\x08", b"\x28\xb5": b"\x28\xb5\x2f\xfd"}
"""How a packed file begins → how each of its members does: gzip and zstd."""

_READ_BYTES = 1 << 20
_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LENGTH = re.compile(r"\s*(\d{1,18})\s*")
_SHA1 = re.compile(r"sha1:([A-Z2-7]{32})", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/[0-9.]+[ \t]+([0-9]{3})(?![0-9])")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(rb"\r?\n[ \t]+")
_CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_TRUNCATED = {"length": "too_large", "time": "timeout"}
"""Why an archiver cut a body → the class of it."""


class Capture(msgspec.Struct, frozen=True):
    """An answer as an archive holds it."""

    answer: Answer
    """Under its canonical URL, or under what stands in the place of one."""
    offset: int
    """Where in the file its record begins, or the pack of records that it is in."""
    note: Note | None = None
    """What was noted by the crawl that wrote it; null in archives of others."""
    hides_others: bool = False
    """Whether its record says a wrong length, so that others may begin within it."""


def captures(path: str, at_most_bytes: int) -> Iterator[Capture]:
    """The answers in a file, at any path or fsspec URL, in their order; bodies no larger than is allowed.

    OSError where the file itself cannot be read.
    """
    with fsspec.open(path, "rb") as opened:
        file = _Watched(opened)
        start, last, has_records = 0, 0, False
        lost: int | None = None
        while start >= 0:
            file.seek(start)
            try:
                for record in ArchiveIterator(file, parse_http=False, quirks_mode=True):
                    if lost is not None:
                        yield _unreadable(path, lost, "corrupt")
                    last, has_records, lost = record.stream_pos, True, None
                    capture = _captured(path, record, at_most_bytes)
                    if capture is not None:
                        yield capture
                        if capture.hides_others and not file.is_packed:
                            break
                else:
                    break
            except OSError:
                if file.failure is not None:
                    raise file.failure from None
                lost = last if lost is None else lost
            start = last = file.find_start(max(start, last) + 1)
        if lost is not None:
            yield _unreadable(path, lost, "corrupt")
        elif not has_records:
            yield _unreadable(path, 0, "no_archive")


class _Watched:
    """A file that remembers its own failures, which are none of what it holds, and finds where records may begin."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.failure: Exception | None = None
        start = _PACKED.get(file.read(2))
        self.is_packed = start is not None
        self._start = start or b"WARC/1."

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except Exception as error:
            self.failure = error
            raise

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        """Nothing: whoever opened the file closes it."""

    def find_start(self, at: int) -> int:
        """The first place not before `at` where a record, or a pack of some, may begin; -1 where there is none."""
        self.seek(at)
        held = b""
        while block := self.read(_READ_BYTES):
            held += block
            if (found := held.find(self._start)) >= 0:
                return at + found
            at += max(0, len(held) - len(self._start))
            held = held[-len(self._start) :]
        return -1


def _unreadable(path: str, offset: int, error: str) -> Capture:
    """What stands for records that cannot be read, and so have no URL."""
    return Capture(Answer(f"{path}#{offset}", error, at=_LONG_AGO), offset)


def _captured(path: str, record: WarcRecord, at_most_bytes: int) -> Capture | None:
    """The answer that a record holds, whatever is in it. OSError where what it is packed in is broken."""
    try:
        return _capture(record, at_most_bytes)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  what one record does to its reader costs no other
        log.warning("%s: the record at %d cannot be read: %r", path, record.stream_pos, error)
        return _unreadable(path, record.stream_pos, "corrupt")


def _capture(record: WarcRecord, at_most_bytes: int) -> Capture | None:
    """The answer that a record holds; None where it holds none."""
    headers, offset = record.headers, record.stream_pos
    said = (headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")
    is_answer = record.record_type in (WarcRecordType.response, WarcRecordType.resource, WarcRecordType.conversion)
    is_told = record.record_type == WarcRecordType.metadata and "json" in (headers.get("Content-Type") or "")
    is_copy = record.record_type == WarcRecordType.revisit
    if not (is_answer or is_told or is_copy) or not said.lower().startswith(("http:", "https:")):
        return None  # requests, the archiver's own words, screenshots, names and files
    url = canonical(said)
    answer = Answer(url or said, attempts=1, at=record.record_date or _LONG_AGO)
    if url is None:
        return Capture(msgspec.structs.replace(answer, error="bad_url"), offset)
    if is_copy:
        original = canonical(headers.get("WARC-Refers-To-Target-URI") or "")
        return None if original in (None, url) else Capture(_answered(answer, 302, {"Location": original or ""}), offset)
    damage, block = _block(record, at_most_bytes)
    if damage is not None:
        hides_others = damage != "too_large" and (not block or b"WARC/1." in block)
        return Capture(msgspec.structs.replace(answer, error=damage), offset, hides_others=hides_others)
    if is_told:
        page = wat.page_of(block)
        return None if page is None else Capture(_answered(answer, page.status, page.headers, page.html), offset)
    return Capture(_as_came(answer, record, block, at_most_bytes), offset, _note(headers.get(NOTE)))


def _note(said: str | None) -> Note | None:
    """What was noted of the request; None where nothing was, or by somebody else."""
    try:
        return None if said is None else msgspec.json.decode(said, type=Note)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def _block(record: WarcRecord, at_most_bytes: int) -> tuple[str | None, bytes]:
    """What a record holds; and the class of one that holds less than it says, or something else, or more than is read."""
    length = _LENGTH.fullmatch(record.headers.get("Content-Length") or "")
    if length is None:
        return "corrupt", b""
    wanted, at_most = int(length[1]), at_most_bytes + AT_MOST_HEADER_BYTES
    if wanted > at_most:
        there = sum(map(len, iter(lambda: record.reader.read(_READ_BYTES), b"")))
        return "too_large" if there >= wanted else "truncated", b""
    block = record.reader.read()
    if len(block) < wanted:
        return "truncated", b""
    said = _SHA1.fullmatch(record.headers.get("WARC-Block-Digest") or "")
    digest = base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()) if said else b""
    return "corrupt" if said is not None and digest != said[1].upper().encode() else None, block


def _as_came(answer: Answer, record: WarcRecord, block: bytes, at_most_bytes: int) -> Answer:
    """The answer with what came from the server."""
    if block.startswith(b"HTTP/") and record.record_type == WarcRecordType.response:
        status, headers, body = _http(block)
    else:
        status, headers, body = 200, CIMultiDict({"Content-Type": record.headers.get("Content-Type") or ""}), block
    if not status:
        return msgspec.structs.replace(answer, error="protocol")
    try:
        answer = _answered(answer, status, headers, _unpacked(body, headers, at_most_bytes))
    except encoding.Oversized:
        return msgspec.structs.replace(answer, status=status, error="too_large")
    except encoding.Broken:
        return msgspec.structs.replace(answer, status=status, error="truncated")
    why = record.headers.get("WARC-Truncated")
    is_part_of_page = answer.body and "html" in (answer.header("Content-Type") or "")
    if why is not None and answer.error is None and answer.location is None and not is_part_of_page:
        answer = msgspec.structs.replace(answer, error=_TRUNCATED.get(why.strip().lower(), "truncated"), body=b"")
    return answer


def _answered(answer: Answer, status: int, headers: CIMultiDict[str] | dict[str, str], body: bytes = b"") -> Answer:
    """The answer with what came, as the fetcher would have it."""
    answer = msgspec.structs.replace(
        answer, status=status, error=status_class(status), headers=CIMultiDictProxy(CIMultiDict(headers))
    )
    if answer.error is not None or answer.location is not None:
        return answer
    if status >= 300:  # noqa: PLR2004  as HTTP cuts its statuses
        return msgspec.structs.replace(answer, error="redirects")
    return msgspec.structs.replace(answer, body=body)


def _http(block: bytes) -> tuple[int, CIMultiDict[str], bytes]:
    """Status, headers and body of an HTTP response; the status 0 where it is none."""
    end = _HEADERS_END.search(block)
    head, body = (block, b"") if end is None else (block[: end.start()], block[end.end() :])
    first, *lines = _FOLDED.sub(b" ", head).split(b"\n")
    status = _STATUS.match(first)
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
        if colon:
            headers.add(name.strip(), value.strip())
    return int(status[1]) if status else 0, headers, body


def _unpacked(body: bytes, headers: CIMultiDict[str], at_most_bytes: int) -> bytes:
    """The body as it was before it was packed for the way, as far as it still is. Oversized, Broken."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        body = _joined(body)
    packed = headers.get("Content-Encoding")
    if packed:
        try:
            body = encoding.unpacked(body, packed, at_most_bytes)
        except encoding.Broken:
            if body[:2] == b"\x1f\x8b" or not body[:512].isascii():
                raise  # else it was unpacked when it was archived, and the header left as it was
    if len(body) > at_most_bytes:
        raise encoding.Oversized
    return body


def _joined(body: bytes) -> bytes:
    """The chunks of a body in one; all of it where it is in none, as many archivers join them and leave the header."""
    pieces: list[bytes] = []
    at = 0
    while (chunk := _CHUNK.match(body, at)) is not None:
        size = int(chunk[1], 16)
        pieces.append(body[chunk.end() : chunk.end() + size])
        at = chunk.end() + size
        if not size:
            break
    return b"".join(pieces) if pieces else body
