"""What one sample is inside a tar: its image as it came, its caption, and its public record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

PUBLIC = ("key", "url", "page_url", "caption", "width", "height", "format", "sha256")
"""Fields of the `.json` member."""


def text_members(row: Mapping[str, Any]) -> dict[str, bytes]:
    """Member name → content of everything but the image, for a row of `MANIFEST`."""
    record = msgspec.json.encode({name: row[name] for name in PUBLIC})
    return {f"{row['key']}.json": record, f"{row['key']}.txt": row["caption"].encode()}


def image_member(row: Mapping[str, Any]) -> str:
    """Name of the image member."""
    return f"{row['key']}.{row['format']}"
