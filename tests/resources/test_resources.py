"""Word lists, shipped and the user's own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from wukong_build import resources
from wukong_build.errors import ConfigError


def test_shipped_by_name() -> None:
    """A list that ships is found by its name."""
    assert "点击查看大图" in resources.lines("boilerplate.txt")


@pytest.mark.parametrize("name", resources.shipped())
def test_shipped_lists(name: str) -> None:
    """Every list that ships begins with a comment on what it is, has entries, and names none twice."""
    assert resources.read_text(name).startswith("# ")
    entries = resources.lines(name)
    assert entries
    assert len(entries) == len(set(entries))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("甲\n乙\n", ("甲", "乙")),
        ("\ufeff甲\r\n  乙  \r\n", ("甲", "乙")),
        ("# 说明\n\n甲\n#乙\n", ("甲",)),
        ("two words\n", ("two words",)),
        ("", ()),
    ],
)
def test_lines(tmp_path: Path, content: str, expected: tuple[str, ...]) -> None:
    """One entry a line, stripped, without blank lines, comments and the byte order mark."""
    path = tmp_path / "词表.txt"
    path.write_bytes(content.encode())
    assert resources.lines(str(path)) == expected


def test_digest_follows_content(tmp_path: Path) -> None:
    """The digest is that of the bytes as they are now, so a changed list is another list."""
    path = tmp_path / "words.txt"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        assert resources.digest(str(path)) == hashlib.sha256(content).hexdigest()


def test_digest_of_a_large_file(tmp_path: Path) -> None:
    """It is remembered while the file stands as it is, and no longer."""
    path = tmp_path / "hashes.txt"
    for at, content in enumerate((b"1" * 10_000, b"2" * 10_000)):
        path.write_bytes(content)
        os.utime(path, (at, at))
        assert resources.digest(str(path)) == resources.digest(str(path)) == hashlib.sha256(content).hexdigest()


def test_fsspec_path(tmp_path: Path) -> None:
    """A list may lie on any file system that fsspec knows."""
    path = tmp_path / "words.txt"
    path.write_text("甲", encoding="utf-8")
    assert resources.lines(path.as_uri()) == ("甲",)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("no/such/file.txt", "no/such/file.txt"),
        ("surname.txt", "surnames.txt"),
        ("nonsense://file.txt", "nonsense"),
        (".", "'.'"),
    ],
)
def test_missing_list(path: str, hint: str) -> None:
    """What cannot be read is the config's fault: the message names the path, and the nearest list that ships."""
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        resources.digest(path)
    assert hint in str(caught.value)


def test_other_encoding(tmp_path: Path) -> None:
    """A list that is not UTF-8 is refused with the way to convert it."""
    path = tmp_path / "words.txt"
    path.write_bytes("赌场".encode("gb18030"))
    with pytest.raises(ConfigError, match="iconv"):
        resources.lines(str(path))
