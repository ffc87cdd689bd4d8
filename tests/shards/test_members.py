"""What one sample is inside a tar."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wukong_build.schema import MANIFEST
from wukong_build.shards.members import PUBLIC, image_member, text_members

ROW: dict[str, Any] = {
    "key": "0a",
    "url": "http://a.test/猫.jpg",
    "page_url": None,
    "caption": "一只“猫”\U0001f431",
    "caption_found": "secret",
    "caption_origin": "alt",
    "width": 300,
    "height": 200,
    "format": "png",
    "image_bytes": 3,
    "sha256": "ff",
}


def test_members_are_called_by_key_and_kind() -> None:
    """The key, a dot and what it is; the image has its format's extension."""
    assert list(text_members(ROW)) == ["0a.json", "0a.txt"]
    assert image_member(ROW) == "0a.png"


def test_the_record_holds_what_is_public() -> None:
    """The `.json` member has these fields of the manifest, and only these; the untouched caption is not published."""
    record = json.loads(text_members(ROW)["0a.json"])
    assert record == {name: ROW[name] for name in PUBLIC}
    assert set(PUBLIC) <= {column.name for column in MANIFEST.columns}
    assert b"secret" not in b"".join(text_members(ROW).values())


def test_scores_that_the_config_names_are_told() -> None:
    """Behind the fields that every record has."""
    record = json.loads(text_members({**ROW, "language": 0.75, "listing": None}, ("language", "listing"))["0a.json"])
    assert record == {**{name: ROW[name] for name in PUBLIC}, "language": 0.75, "listing": None}
    assert list(record)[-2:] == ["language", "listing"]


@pytest.mark.parametrize("caption", ["", "猫", 'a "quoted" \\ text', "👩‍👩‍👧 𠮷"])
def test_the_caption_is_utf_8(caption: str) -> None:
    """The `.txt` member is the caption, and nothing else."""
    assert text_members({**ROW, "caption": caption})["0a.txt"].decode() == caption
