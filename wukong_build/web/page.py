"""The text of a page from its bytes: which encoding it is in, said or not."""

from __future__ import annotations

import codecs
import re

from turbohtml.detect import Detection, detect
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding, to_unicode

DETECT_BYTES = 40_000
"""As much of a page is looked at to tell its encoding; a hundred bytes do as a rule."""

FEW_BYTES = 16
"""So few bytes that are not ASCII may be UTF-8 by chance."""

AT_LEAST_SOUND = 10
"""So many characters that are not ASCII must be sound for one that is broken, where an encoding is to fit all the same."""

_TEXT_ENCODING = re.compile(r"utf-8|gb18030|big5hkscs|euc_jp|iso2022_jp|cp\d+|iso8859-\d+|koi8-[ru]|mac-roman")
"""Python's names of the encodings that browsers know; `hex` or `rot13` in a page's header is a joke or an attack."""

_EAST_ASIAN = frozenset({"gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "cp932", "cp949"})
_SAID = re.compile(rb"charset|encoding", re.IGNORECASE)
_NOT_ASCII_TEXT = re.compile(r"[^\x00-\x7f]+")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def decode_page(body: bytes, content_type: str | None) -> str:
    """The page as text, without NULs: by its byte order mark, else by what the server and the page say, and by what it holds.

    What is well-formed UTF-8 is UTF-8, whatever is said of it, for nothing else passes as that. An encoding that is said is
    taken where all of the page fits, but one of single bytes, which everything fits, only where the bytes do not look East
    Asian. Where nothing that is said fits, the bytes decide; at last U+FFFD stands for what cannot be read. The page may be cut
    anywhere.
    """
    by_mark, mark = read_bom(body)
    if by_mark is not None and mark is not None:
        return to_unicode(body[len(mark) :], by_mark).replace("\0", "")
    said = (http_content_type_encoding(content_type), html_body_declared_encoding(body))
    declared = [name for name in dict.fromkeys(said) if name and _TEXT_ENCODING.fullmatch(name)]
    return _decoded(body, declared).replace("\0", "")


def _decoded(body: bytes, declared: list[str]) -> str:
    fits = _strictly(body, "utf-8")
    east_asian = [name for name in declared if name in _EAST_ASIAN]
    if fits is not None and not (east_asian and _is_nearly_ascii(body)):
        return fits
    for encoding in east_asian:
        if (text := _strictly(body, encoding)) is not None:
            return text
    if fits is not None:
        return fits
    for encoding in ("utf-8", *east_asian):
        if (text := _with_few_faults(body, encoding)) is not None:
            return text
    found = _detected(body)
    by_bytes = [name for name in declared if name not in _EAST_ASIAN and name != "utf-8"]
    for encoding in ([found] if found in _EAST_ASIAN else []) + by_bytes + ([found] if found else []) + ["gb18030", "big5hkscs"]:
        if (text := _strictly(body, encoding)) is not None:
            return text
    return to_unicode(body, (declared or [found or "utf-8"])[0])


def _strictly(body: bytes, encoding: str) -> str | None:
    """The text, less a character that the end cuts through; None where the encoding does not fit."""
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(body)
    except UnicodeError:
        return None


def _with_few_faults(body: bytes, encoding: str) -> str | None:
    """The text, with U+FFFD for a broken character here and there; None where they are many beside those that are not ASCII."""
    text = to_unicode(body, encoding)
    faults = text.count("\ufffd")
    return text if sum(map(len, _NOT_ASCII_TEXT.findall(text))) > (AT_LEAST_SOUND + 1) * faults else None


def _is_nearly_ascii(body: bytes) -> bool:
    """Whether so few bytes are not ASCII that what they are said to be counts for more than what they look like."""
    found = _NOT_ASCII.finditer(body)
    return sum(1 for _, _ in zip(range(FEW_BYTES), found, strict=False)) < FEW_BYTES


def _detected(body: bytes) -> str | None:
    """Python's name of the encoding that the bytes look like, whatever the page says of them."""
    first = _NOT_ASCII.search(body)
    begin = max(0, first.start() - DETECT_BYTES // 4) if first else 0
    sample = _SAID.sub(b"", body[begin : begin + DETECT_BYTES])
    prefers = Detection(language="Chinese") if _is_nearly_ascii(body) else Detection()
    label = detect(sample, prefers).encoding
    name = resolve_encoding(label) if label else None
    return name if name and _TEXT_ENCODING.fullmatch(name) else None
