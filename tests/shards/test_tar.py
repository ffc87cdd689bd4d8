"""A tar whose members are written in any order is a tar like any other."""

from __future__ import annotations

import io
import itertools
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from webdataset.tariterators import group_by_keys, tar_file_expander

from wukong_build.shards.tar import END_SIZE, Tar, header, member_size, put

MEMBERS = {
    "0a.jpg": b"\xff\xd8" + bytes(1500),
    "0a.json": b'{"key":"0a"}',
    "0a.txt": "一只猫".encode(),
    "0b.png": b"",
    "0b.txt": b"x" * 512,
}


def tar_of(order: Sequence[str], members: dict[str, bytes] = MEMBERS) -> bytes:
    """The tar of the members: texts with the layout, images in some order."""
    tar = Tar((name, len(content)) for name, content in members.items())
    with tempfile.TemporaryFile() as file:
        tar.lay_out(file, {name: content for name, content in members.items() if name not in order})
        for name in order:
            put(file, members[name], tar.place(name))
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("order", [*list(itertools.permutations(MEMBERS))[::17], (), ("0b.png",), ("0a.jpg", "0b.txt")])
def test_the_order_of_writing_does_not_matter(order: Sequence[str]) -> None:
    """The same members give the same bytes, whichever are written with the layout."""
    assert tar_of(order) == tar_of(list(MEMBERS))


def test_it_is_what_tarfile_writes() -> None:
    """Byte by byte, with the mode, the owner and the time of a new member there."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in MEMBERS.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    assert tar_of(["0a.jpg"]) == file.getvalue()


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_python_reads_it(count: int) -> None:
    """Members stand in the planned order, with their bytes, and the tar has whole records."""
    members = {f"{number:032x}.txt": b"x" * number * 100 for number in range(count)}
    content = tar_of(list(members), members)
    assert len(content) % 10240 == 0
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        found = {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
    assert list(found.items()) == list(members.items())


def test_it_says_nothing_of_who_made_it_and_when() -> None:
    """Owner, mode and time are fixed: the same bytes anywhere."""
    with tarfile.open(fileobj=io.BytesIO(tar_of(list(MEMBERS)))) as tar:
        assert {(i.mode, i.uid, i.gid, i.uname, i.gname, i.mtime, i.type) for i in tar} == {
            (0o644, 0, 0, "", "", 0, tarfile.REGTYPE)
        }


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar command")
def test_the_tar_command_reads_it(tmp_path: Path) -> None:
    """The system's own tar lists and unpacks it."""
    path = tmp_path / "00000.tar"
    path.write_bytes(tar_of(list(MEMBERS)))
    listed = subprocess.run(["tar", "-tf", path], capture_output=True, check=True, text=True)  # noqa: S607  whichever there is
    assert listed.stdout.split() == list(MEMBERS)
    assert listed.stderr == ""
    subprocess.run(["tar", "-xf", path, "-C", tmp_path], check=True)  # noqa: S607  whichever there is
    assert {name: (tmp_path / name).read_bytes() for name in MEMBERS} == MEMBERS


def test_webdataset_reads_it() -> None:
    """A trainer's reader groups the members by key."""
    stream = io.BytesIO(tar_of(list(MEMBERS)))
    samples = list(group_by_keys(tar_file_expander([{"url": "00000.tar", "stream": stream}])))
    assert [(sample["__key__"], sample["txt"]) for sample in samples] == [
        ("0a", MEMBERS["0a.txt"]),
        ("0b", MEMBERS["0b.txt"]),
    ]
    assert samples[0]["jpg"] == MEMBERS["0a.jpg"]


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 4])
def test_a_member_has_the_size_that_was_planned(content: bytes) -> None:
    """Another size would overwrite the next member, and is refused."""
    with tempfile.TemporaryFile() as file, pytest.raises(ValueError, match="planned were 3"):
        Tar([("a.txt", 3)]).lay_out(file, {"a.txt": content})


def test_a_name_stands_once() -> None:
    """Two members of one name are refused, and so is one that was not planned."""
    with pytest.raises(ValueError, match="stands twice"):
        Tar([("a.txt", 3), ("a.txt", 3)])
    with pytest.raises(KeyError):
        Tar([("a.txt", 3)]).place("b.txt")


@pytest.mark.parametrize(
    ("name", "size", "complaint"),
    [("x" * 101, 3, "room for 100 ASCII letters"), ("猫.txt", 3, "ASCII"), ("a.txt", 8**11, "has room for 8589934591")],
)
def test_what_ustar_has_no_room_for(name: str, size: int, complaint: str) -> None:
    """A name or a size that some reader would not understand is refused in clear words; nothing is cut."""
    with pytest.raises(ValueError, match=complaint):
        header(name, size)
    assert len(header(name[:1] if name.isascii() else "a", 8**11 - 1)) == 512


@pytest.mark.parametrize("written", [0, 1, 511, 512, 513, 5000])
def test_the_size_of_a_member(written: int) -> None:
    """With its header, in whole blocks; the end takes no more than was said."""
    tar = Tar([("a.txt", written)])
    assert member_size(written) % 512 == 0
    assert written + 512 <= member_size(written) < written + 1024
    assert tar.size <= member_size(written) + END_SIZE
