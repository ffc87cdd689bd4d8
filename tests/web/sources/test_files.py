"""Which files a path means."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import fsspec
import pytest

from wukong_build.errors import ConfigError
from wukong_build.web.sources.files import Files
from wukong_build.web.sources.files import files_of as files_for
from wukong_build.web.sources.tables import is_list

NAMES = (
    *("a.csv", "b.csv.gz", "c.TSV", "d.jsonl.zst", "e.parquet", "f[1].csv", "g.txt", "h.json", "00000_stats.json", "00000.tar"),
    *(".hidden.csv", "README.md", "_tmp/a.parquet", "sub/z.csv", "sub/.b/z.csv", "sub/_tmp/z.csv", "sub/z_tmp.csv"),
)


def files_of(path: str) -> Files:
    """The lists that a path means."""
    return files_for(path, is_list, "list")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `lists` with files of every kind, below the working directory."""
    for name in NAMES:
        path = tmp_path / "lists" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "lists"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("lists/a.csv", ["a.csv"]),
        ("lists/00000.tar", ["00000.tar"]),
        ("lists/f[1].csv", ["f[1].csv"]),
        ("lists", ["a.csv", "b.csv.gz", "c.TSV", "d.jsonl.zst", "e.parquet", "f[1].csv"]),
        ("lists/", ["a.csv", "b.csv.gz", "c.TSV", "d.jsonl.zst", "e.parquet", "f[1].csv"]),
        ("lists/*.csv", ["a.csv", "f[1].csv"]),
        ("lists/[ab]*", ["a.csv", "b.csv.gz"]),
        ("lists/*", ["a.csv", "b.csv.gz", "c.TSV", "d.jsonl.zst", "e.parquet", "f[1].csv", "g.txt", "h.json"]),
        ("lists/**/z*", ["sub/z.csv", "sub/z_tmp.csv"]),
        ("lists/_tmp/*", ["_tmp/a.parquet"]),
    ],
)
@pytest.mark.parametrize("is_absolute", [False, True])
def test_files_of(folder: Path, path: str, expected: list[str], is_absolute: bool) -> None:
    """A file is itself; a folder or a pattern, the lists in it by name, less what is hidden or beside a list.

    Folders hold .json and .txt for other ends, so those are taken where they are asked for.
    """
    above = f"{folder.parent}/" if is_absolute else ""
    assert list(files_of(above + path)) == [f"{above}lists/{name}" for name in expected]


def test_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern may have no folder before it."""
    monkeypatch.chdir(folder)
    assert list(files_of("*.csv")) == ["a.csv", "f[1].csv"]
    assert next(iter(files_of("."))) == "./a.csv"


@pytest.mark.parametrize("path", ["lists/*.nothing", "lists/nothing*.csv", "lists/sub/_tmp/.*", "empty"])
def test_no_list(folder: Path, path: str) -> None:
    """A pattern or a folder without a list is a mistake."""
    Path("empty").mkdir()
    with pytest.raises(ConfigError, match=r"^crawl.sources: .*: there is no list"):
        files_of(path)


def test_any_file_system(tmp_path: Path) -> None:
    """Each path opens what it names, wherever that lies."""
    with zipfile.ZipFile(tmp_path / "lists.zip", "w") as archive:
        for name in ("in/b.csv", "in/a.csv", "c.csv"):
            archive.writestr(name, f"url\n{name}\n")
    memory = fsspec.filesystem("memory")
    memory.pipe({"/lists/b.csv": b"b", "/lists/a.csv": b"a"})
    try:
        for pattern in (f"zip://in/*.csv::{tmp_path}/lists.zip", "memory://lists/*.csv", "memory://lists"):
            found = list(files_of(pattern))
            assert [path.partition("::")[0].rsplit("/")[-1] for path in found] == ["a.csv", "b.csv"]
            for path in found:
                with fsspec.open(path) as file:
                    assert file.read()
    finally:
        memory.rm("/lists", recursive=True)


def test_what_is_said_of_a_file(folder: Path) -> None:
    """It is the same however the file was found, and changes with the file."""
    first = [files_of(path)["lists/a.csv"] for path in ("lists/a.csv", "lists/*.csv", "lists")]
    assert first[0] == first[1] == first[2]
    os.utime(folder / "a.csv", (1, 1))
    assert files_of("lists")["lists/a.csv"] != first[0]
