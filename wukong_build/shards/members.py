"""What one sample is inside a tar: its image, its caption, and its public record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

PUBLIC = ("key", "url", "page_url", "caption", "width", "height", "format", "sha256")
"""Fields of the `.json` member, to which the config adds scores."""


def text_members(row: Mapping[str, Any], scores: Sequence[str] = ()) -> dict[str, bytes]:
    """Member name → content of everything but the image, for a row of a manifest."""
    record = msgspec.json.encode({name: row[name] for name in (*PUBLIC, *scores)})
    return {f"{row['key']}.json": record, f"{row['key']}.txt": row["caption"].encode()}


def image_member(row: Mapping[str, Any]) -> str:
    """Name of the image member."""
    return f"{row['key']}.{row['format']}"
