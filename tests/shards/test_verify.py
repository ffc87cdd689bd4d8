"""Whatever is not as it was published is found."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from small_dataset import Members, img2dataset_folder, picture, publish, row

from wukong_build.errors import StoreError
from wukong_build.shards.published import CHECKSUMS, write_checksums
from wukong_build.shards.verify import Report, verify_folder
from wukong_build.store import Store

EVERY = 13
"""Of the bytes of tars and manifests every so many is flipped, and each of the first header; of all other files each."""


def look(folder: Path, *, deep: bool = False) -> Report:
    """What verify says of a folder of shards."""
    return verify_folder(Store(str(folder)), "", deep=deep)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as it should be; read-only."""
    return publish(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "shards"))


def test_a_sound_dataset_is_found_sound(sound: Path) -> None:
    """Nothing is found, and nothing is left unchecked but what was not asked for."""
    assert look(sound, deep=True) == Report(files=8, samples=6, bytes=sum(path.stat().st_size for path in sound.iterdir()))
    assert look(sound).unchecked == ["whether pictures can be decoded: --deep looks"]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_sha256sum_reads_the_checksums(sound: Path) -> None:
    """The usual program checks all files but the list itself."""
    done = subprocess.run(["sha256sum", "-c", CHECKSUMS], cwd=sound, capture_output=True, text=True, check=True)  # noqa: S607
    assert done.stdout.splitlines() == [f"{path.name}: OK" for path in sorted(sound.iterdir()) if path.name != CHECKSUMS]


@pytest.mark.parametrize("name", ["00000.tar", "00000.parquet", "00000_stats.json", "README.md", CHECKSUMS])
def test_every_flipped_byte_is_found(tmp_path: Path, name: str) -> None:
    """In any file, at any place, whether a reader would notice or not."""
    path = publish(tmp_path, shards=1, samples=2) / name
    content = path.read_bytes()
    step = EVERY if path.suffix in {".tar", ".parquet"} else 1
    for place in sorted({*range(0, len(content), step), *range(min(len(content), 512))}):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        findings = look(path.parent).findings
        assert any(finding.file == name for finding in findings) or (findings and name == CHECKSUMS), place
    path.write_bytes(content)
    assert not look(path.parent).findings


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


@pytest.mark.parametrize("ending", [".tar", ".parquet", "_stats.json"])
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda path, other: path.unlink(), "is missing"),
        (lambda path, other: path.write_bytes(path.read_bytes()[:-1]), "has the sha256"),
        (lambda path, other: path.write_bytes(path.read_bytes() + b"\0"), "has the sha256"),
        (lambda path, other: path.write_bytes(b""), "has the sha256"),
        (lambda path, other: path.rename(path.with_name(f"00007{path.name[5:]}")), "is missing"),
        (lambda path, other: shutil.copy(path, path.with_name(f"00007{path.name[5:]}")), f"is not in {CHECKSUMS}"),
        (_swap, "has the sha256"),
    ],
    ids=["missing", "truncated", "longer", "empty", "renamed", "extra", "swapped"],
)
def test_files_that_are_not_as_listed(folder: Path, ending: str, damage: Callable[[Path, Path], Any], found: str) -> None:
    """A file that is missing, too short, too long, empty, renamed, too many, or another's is named."""
    damage(folder / f"00000{ending}", folder / f"00001{ending}")
    findings = look(folder).findings
    assert any(finding.file.endswith(ending) and finding.found.startswith(found) for finding in findings)


def test_whole_shards_swapped(folder: Path) -> None:
    """Shards that agree with themselves under each other's names are found."""
    for ending in (".tar", ".parquet", "_stats.json"):
        _swap(folder / f"00000{ending}", folder / f"00001{ending}")
    assert len(look(folder).findings) == 6


@pytest.mark.parametrize("name", ["00000.tar", "00000.parquet", "00000_stats.json", "README.md", CHECKSUMS])
def test_a_file_that_cannot_be_read(folder: Path, name: str) -> None:
    """It is named, with the reason, and everything else is looked at all the same."""
    (folder / name).unlink()
    (folder / name).symlink_to(folder / "nowhere")
    report = look(folder)
    assert [(finding.file, finding.found) for finding in report.findings] == [
        (name, f"cannot be read: [Errno 2] No such file or directory: '{folder / name}'")
    ]
    assert report.samples == (3 if name == "00000.tar" else 6)


def test_a_missing_list_is_found(folder: Path) -> None:
    """A dataset of ours without its checksums is not whole."""
    (folder / CHECKSUMS).unlink()
    assert [finding.told() for finding in look(folder).findings] == [
        f"{CHECKSUMS}: is missing; right would be the file that `wukong-build shard` writes last"
    ]


def _reorder(rows: list[dict[str, Any]], members: Members) -> None:
    first = rows[0]["key"]
    members[first] = members.pop(first)


def _replace(member: str, content: bytes) -> Callable[[list[dict[str, Any]], Members], None]:
    def change(rows: list[dict[str, Any]], members: Members) -> None:
        key = rows[0]["key"]
        assert f"{key}.{member}" in members[key]
        members[key][f"{key}.{member}"] = content

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_replace("txt", b"another"), 'is "another"'),
        (_replace("json", b"{"), "cannot be read: "),
        (_replace("json", b'{"key":"x"}'), 'key is "x"'),
        (_replace("png", picture(0)[:-1] + b"x"), "has the sha256 "),
        (_replace("png", b"short"), "has 5 bytes"),
        (lambda rows, members: members.pop(rows[1]["key"]), "is not in the tar"),
        (lambda rows, members: rows.pop(), "is not in the manifest"),
        (_reorder, "stands in another place than its row"),
        (lambda rows, members: members[rows[0]["key"]].pop(f"{rows[0]['key']}.txt"), "has the members png, json"),
        (
            lambda rows, members: members[rows[0]["key"]].update({f"{rows[0]['key']}.gif": b"GIF"}),
            "has the members png, json, txt, gif",
        ),
        (lambda rows, members: members.update({"x": {"README": b""}}), "has a name without a key"),
        (lambda rows, members: members.update({"x": {f"{rows[0]['key']}.cls": b"1"}}), "has members apart from its others"),
        (lambda rows, members: rows.append(rows[0]), "stands 2 times"),
    ],
)
def test_members_against_the_manifest(tmp_path: Path, change: Callable[[list[dict[str, Any]], Members], Any], found: str) -> None:
    """Digests that agree with what is wrong hide nothing: names, order, sizes, pictures, captions, records, keys."""
    folder = publish(tmp_path, change=lambda shard, rows, members: change(rows, members) if shard == 0 else None)
    assert any(finding.found.startswith(found) for finding in look(folder).findings), look(folder).findings


def test_a_key_in_two_shards(tmp_path: Path) -> None:
    """A sample stands once in the whole dataset."""

    def change(shard: int, rows: list[dict[str, Any]], members: Members) -> None:
        rows[0] = row(0)
        if shard:
            first = next(iter(members))
            members.pop(first)
            members |= {rows[0]["key"]: {}}

    twice = [finding for finding in look(publish(tmp_path, change=change)).findings if finding.found == "stands 2 times"]
    assert [finding.member for finding in twice] == [row(0)["key"]]


def test_a_whole_shard_twice(tmp_path: Path) -> None:
    """Of many keys that stand in two places the first are told, and how many there are."""
    folder = publish(tmp_path, shards=1, samples=30)
    for ending in (".tar", ".parquet", "_stats.json"):
        shutil.copy(folder / f"00000{ending}", folder / f"00001{ending}")
    twice = [finding for finding in look(folder).findings if finding.file == "*.parquet"]
    assert [finding.found for finding in twice] == ["25 more keys: several times", *["stands 2 times"] * 5]


def test_many_findings_of_a_kind_are_counted(tmp_path: Path) -> None:
    """A manifest beside another tar is told of in a few lines, however many rows it has."""

    def change(shard: int, rows: list[dict[str, Any]], members: Members) -> None:
        for each in rows:
            each["caption"] = "another"

    findings = look(publish(tmp_path, shards=1, samples=30, change=change)).findings
    assert [finding.found for finding in findings if finding.member is None] == [
        "25 more members: caption",
        "25 more members: record",
    ]


def test_only_deep_looks_at_pixels(tmp_path: Path) -> None:
    """A picture that was published broken agrees with its digests; whoever decodes it finds out."""

    def change(shard: int, rows: list[dict[str, Any]], members: Members) -> None:
        broken = picture(0)[:44]
        members[rows[0]["key"]][f"{rows[0]['key']}.png"] = broken
        rows[0] |= {"image_bytes": len(broken), "sha256": hashlib.sha256(broken).hexdigest()}
        members[rows[0]["key"]][f"{rows[0]['key']}.json"] = b"{}"

    folder = publish(tmp_path, shards=1, change=change)
    assert not look(folder).findings
    (finding,) = look(folder, deep=True).findings
    assert finding.found == "cannot be decoded"


def test_a_folder_of_img2dataset(tmp_path: Path) -> None:
    """It is checked as far as it goes, and what it has no digests for is said."""
    folder = img2dataset_folder(tmp_path / "foreign")
    report = look(folder, deep=True)
    assert not report.findings
    assert report.samples == 6
    assert any(CHECKSUMS in said for said in report.unchecked)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda folder: (folder / "00001.parquet").unlink(), "is missing"),
        (lambda folder: _swap(folder / "00000.tar", folder / "00001.tar"), "is not in the manifest"),
        (
            lambda folder: (folder / "00000.tar").write_bytes((folder / "00000.tar").read_bytes()[:3000]),
            "it ends within the member",
        ),
        (lambda folder: (folder / "00000.tar").write_bytes((folder / "00000.tar").read_bytes()[:5120]), "it "),
        (lambda folder: (folder / "00000_stats.json").write_text('{"count": 3, "successes": 3}'), "count is 3"),
        (lambda folder: shutil.copy(folder / "00000.parquet", folder / "00001.parquet"), "stands 2 times"),
    ],
)
def test_damage_in_a_folder_of_img2dataset(tmp_path: Path, damage: Callable[[Path], Any], found: str) -> None:
    """What the files say of each other is held against each other."""
    folder = img2dataset_folder(tmp_path / "foreign")
    damage(folder)
    assert any(finding.found.startswith(found) for finding in look(folder).findings)


def test_tars_alone(tmp_path: Path) -> None:
    """A folder of tars, as any WebDataset may be, is checked by what a tar tells."""
    folder = img2dataset_folder(tmp_path / "foreign")
    for path in [*folder.glob("*.parquet"), *folder.glob("*.json")]:
        path.unlink()
    report = look(folder, deep=True)
    assert (report.findings, report.samples) == ([], 6)
    assert "what `.parquet` files would say: there are none" in report.unchecked


def test_a_folder_without_shards(tmp_path: Path) -> None:
    """An empty folder is no sound dataset."""
    with pytest.raises(StoreError, match="there are no shards here"):
        look(tmp_path)


def test_a_dataset_without_samples(folder: Path, tmp_path: Path) -> None:
    """It is sound where its checksums say so; where they say otherwise every file is missed."""
    for path in folder.glob("0*"):
        path.unlink()
    assert {finding.found for finding in look(folder).findings} == {"is missing"}
    folder.rename(tmp_path / "empty")
    write_checksums(Store(str(tmp_path)), "empty")
    assert look(tmp_path / "empty").findings == []


def test_what_was_written_has_the_digest_it_carries(sound: Path, tmp_path: Path) -> None:
    """Checksums written twice are the same; manifests read are what was written."""
    folder = Path(shutil.copytree(sound, tmp_path / "run/shards"))
    before = (folder / CHECKSUMS).read_bytes()
    write_checksums(Store(str(tmp_path / "run")))
    assert (folder / CHECKSUMS).read_bytes() == before
    assert pq.read_table(folder / "00000.parquet")["opt_out"].to_pylist() == [[], [], []]
