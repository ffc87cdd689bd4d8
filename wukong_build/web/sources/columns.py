"""Columns of a list as pairs want them: text, canonical URLs, further columns as JSON. Whole columns at a time, for speed.

Knows no file and no format.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.schema import TEXT
from wukong_build.web.url import canonical

_encode = msgspec.json.Encoder(enc_hook=str).encode


def canonical_urls(written: pa.Array) -> pa.Array:
    """The URLs in their one spelling; what is no URL stays, and fails as `bad_url` when it is fetched."""
    return pa.array([canonical(url) or url for url in pc.fill_null(written, "").to_pylist()], pa.string())


def candidate_texts(captions: pa.Array) -> pa.Array:
    """The captions as candidate texts of pairs; none where a caption is empty or null."""
    there = pc.fill_null(pc.greater(pc.binary_length(captions), 0), fill_value=False)
    texts = captions.filter(there)
    origins, distances = pa.repeat("caption", len(texts)), pa.repeat(pa.scalar(0, pa.int32()), len(texts))
    ends = pc.cumulative_sum(there.cast(pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays([texts, origins, distances], fields=list(TEXT)))


def as_text(column: pa.Array) -> pa.Array:
    """Any column as text: bytes are decoded, numbers written out. ValueError where it holds lists or the like."""
    column = _unpacked(column)
    if pa.types.is_nested(column.type):
        raise ValueError(f"text is meant where there is {column.type}")
    return _decoded(column) if pa.types.is_binary(column.type) else column.cast(pa.string())


def as_json(names: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
    """The columns as one JSON object a row: NaN as null, and what JSON has no type for as text."""
    rows = zip(*map(_json_values, columns), strict=True)
    return pa.array([json_text(dict(zip(names, row, strict=True))) for row in rows], pa.string())


def json_text(value: Any) -> str:
    """A value as JSON, NaN as null."""
    return _encode(value).decode()


def _json_values(column: pa.Array) -> list[Any]:
    """The values of a column, of types that JSON has."""
    holds_text = _is_text(column.type)
    column = _unpacked(column)
    if pa.types.is_binary(column.type) and not holds_text:
        return [_text_or_hex(value) for value in column.to_pylist()]
    if pa.types.is_binary(column.type) or pa.types.is_temporal(column.type):
        column = as_text(column)
    values: list[Any] = column.to_pylist()
    return values


def _unpacked(column: pa.Array) -> pa.Array:
    """The column without what only its storage knows: a dictionary, a time zone; and text as bytes, which may be no UTF-8."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if _is_text(kind) or any(is_bytes(kind) for is_bytes in _BYTES):
        kind = pa.binary()
    elif pa.types.is_timestamp(kind):
        kind = pa.timestamp(kind.unit)  # UTC; this machine may not know the zone
    return column.cast(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(is_text(kind) for is_text in _TEXT)


_TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BYTES = (pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)


def _text_or_hex(value: bytes | None) -> str | None:
    """Bytes that are no UTF-8 are a digest rather than a text."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _decoded(column: pa.Array) -> pa.Array:
    """Bytes as text, value by value only where some are no UTF-8."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if value is None else decoded(value) for value in column.to_pylist()], pa.string())


def decoded(text: bytes) -> str:
    """UTF-8, also where it was cut within its last character; what is not, in a Chinese list, is GB18030."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            with contextlib.suppress(UnicodeDecodeError):
                return text.decode("gb18030")
        return text.decode("utf-8", "replace")
