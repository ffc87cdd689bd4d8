"""The text of a page from its bytes: which encoding it is in, said or not."""

from __future__ import annotations

import codecs
import re

from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, to_unicode

_TEXT_ENCODING = re.compile(r"utf-8|gb18030|big5hkscs|euc_jp|iso2022_jp|cp\d+|iso8859-\d+|koi8-[ru]|mac-roman")
"""Python's names of the encodings that browsers know; `hex` or `rot13` in a page's header is a joke or an attack."""


def decode_page(body: bytes, content_type: str | None) -> str:
    """The page as text, without NULs: by its byte order mark, else in the first encoding in order that fits all of it.

    The order is what the server says, what the page says, UTF-8; where neither spoke, or both said UTF-8, GB18030 and Big5
    follow. Where none fits, the first said is taken, with U+FFFD for what it cannot read. The page may be cut anywhere.
    """
    by_mark, mark = read_bom(body)
    if by_mark is not None and mark is not None:
        return to_unicode(body[len(mark) :], by_mark).replace("\0", "")
    said = (http_content_type_encoding(content_type), html_body_declared_encoding(body))
    declared = [name for name in said if name and _TEXT_ENCODING.fullmatch(name)]
    # Nearly any bytes pass as GB18030, so it is tried only against UTF-8, which they do not pass as.
    guesses = ["utf-8", "gb18030", "big5hkscs"] if {*declared} <= {"utf-8"} else ["utf-8"]
    for encoding in dict.fromkeys(declared + guesses):
        text = _strictly(body, encoding)
        if text is not None:
            return text.replace("\0", "")
    return to_unicode(body, (declared + guesses)[0]).replace("\0", "")


def _strictly(body: bytes, encoding: str) -> str | None:
    """The text, less a character that the end cuts through; None where the encoding does not fit."""
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(body)
    except UnicodeError:
        return None
