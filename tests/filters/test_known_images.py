"""Images that lists name."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import png, values
from PIL import Image

from wukong_build.batch import Batch
from wukong_build.chain import Chain
from wukong_build.errors import ConfigError
from wukong_build.filters.known_images import KnownImages
from wukong_build.filters.pdq import Pdq
from wukong_build.filters.phash import Phash

Match = tuple[int | None, str | None, int | None, int | None]


def matches(link: KnownImages, files: list[bytes | None]) -> list[Match]:
    """Score, list, line and distance of each file."""
    digests = [None if content is None else sha256(content).hexdigest() for content in files]
    columns = link.measure(Batch(pa.table({"sha256": pa.array(digests, pa.string())}), lambda: files))
    return list(zip(*(column.to_pylist() for column in columns.values()), strict=True))


def flipped(hash_: object, *bits: int) -> str:
    """A hash in hex with some of its bits the other way round."""
    text = str(hash_)
    number = int(text, 16)
    for bit in bits:
        number ^= 1 << bit
    return f"{number:0{len(text)}x}"


@pytest.fixture
def files(photographs: list[Image.Image]) -> list[bytes | None]:
    """Four files that are pictures, and no file."""
    return [*map(png, photographs[:4]), None]


def test_files(files: list[bytes | None], tmp_path: Path) -> None:
    """A file is named by its digest, in either case, as `sha256sum` writes it; the first line that names it counts."""
    digests = [sha256(content).hexdigest() for content in files if content]
    lines = ["# withdrawn", "", digests[0].upper(), f"{digests[1]}  picture.jpg", digests[1], f"{digests[2]},2026", "f" * 64]
    path = str(tmp_path / "removed.txt")
    Path(path).write_text("\n".join(lines), encoding="utf-8")
    expected: list[Match] = [(1, path, 3, 0), (1, path, 4, 0), (1, path, 6, 0), (0, None, None, None), (None,) * 4]
    assert matches(KnownImages(sha256=(path,)), files) == expected


@pytest.mark.parametrize(("kind", "measure", "key"), [("phash", Phash(), "hamming_distance"), ("pdq", Pdq(), "pdq_distance")])
def test_looks(kind: str, measure: Phash | Pdq, key: str, files: list[bytes | None], tmp_path: Path) -> None:
    """A picture is named within the distance and not beyond it; the nearest hash counts, of equally near ones the first."""
    hashes = values(measure, files[:3])
    near = [flipped(hashes[0], 1, 2, 3), flipped(hashes[0], 5), flipped(hashes[0], 6), flipped(hashes[1], *range(5))]
    path = str(tmp_path / "blocked.parquet")
    pq.write_table(pa.table({kind: [*near, None, hashes[2]]}), path)
    found = {
        distance: matches(msgspec.convert({kind: [path], key: distance}, KnownImages), files[:4]) for distance in (0, 1, 4, 5)
    }
    no: Match = (0, None, None, None)
    assert found[0] == [no, no, (1, path, 6, 0), no]
    assert found[1] == found[4] == [(1, path, 2, 1), no, (1, path, 6, 0), no]
    assert found[5] == [(1, path, 2, 1), (1, path, 4, 5), (1, path, 6, 0), no]


def test_lists_of_every_kind(files: list[bytes | None], tmp_path: Path) -> None:
    """A digest counts before a pHash, that before a PDQ, and earlier lists before later ones at the same distance."""
    (by_looks,), (by_pdq,) = values(Phash(), files[1:2]), values(Pdq(), files[2:3])
    digests = [sha256(content or b"").hexdigest() for content in files]
    contents = {"a": digests[0], "b": f"{flipped(digests[0], 0)}\n{digests[1]}", "c": by_looks, "d": by_looks, "e": by_pdq}
    paths = {name: str(tmp_path / name) for name in contents}
    for name, content in contents.items():
        Path(paths[name]).write_text(f"{content}\n", encoding="utf-8")
    both = KnownImages(sha256=(paths["b"], paths["a"]), phash=(paths["c"], paths["d"]), pdq=(paths["e"],))
    no: Match = (0, None, None, None)
    assert matches(both, files[:4]) == [(1, paths["a"], 1, 0), (1, paths["b"], 2, 0), (1, paths["e"], 1, 0), no]
    looks = KnownImages(phash=(paths["d"], paths["c"]))
    assert matches(looks, files[:4]) == [no, (1, paths["d"], 1, 0), no, no]
    assert both.resources() == tuple(paths[name] for name in "bacde")


def test_plain_pictures_match_no_pdq(tmp_path: Path) -> None:
    """A picture that shows too little for its PDQ to mean much is named by no list of these."""
    grey = png(Image.new("L", (64, 64), 9))
    (hash_,) = values(Pdq(), [grey])
    path = tmp_path / "blocked.txt"
    path.write_text(f"{hash_}\n", encoding="utf-8")
    assert matches(KnownImages(pdq=(str(path),)), [grey]) == [(0, None, None, None)]


def test_broken_pictures(broken: list[bytes | None], tmp_path: Path) -> None:
    """What cannot be decoded has no looks, but is a file; without lists nothing is known of any."""
    path = tmp_path / "blocked.txt"
    path.write_text("0" * 16, encoding="utf-8")
    scores = [None, *[0] * (len(broken) - 1)]
    for link in (KnownImages(), KnownImages(phash=(str(path),))):
        assert [match[0] for match in matches(link, broken)] == scores


def test_a_picture_is_looked_at_only_for_its_looks(tmp_path: Path) -> None:
    """Lists of digests cost no reading of images."""
    path = tmp_path / "removed.txt"
    path.write_text("0" * 64, encoding="utf-8")
    batch = Batch(pa.table({"sha256": ["0" * 64]}), lambda: pytest.fail("looked at"))
    assert KnownImages(sha256=(str(path),)).score(batch).to_pylist() == [1]


def test_a_changed_list_is_noticed(files: list[bytes | None], tmp_path: Path) -> None:
    """Its content is part of the fingerprint, and what is read is what the list says now."""
    path, digest = tmp_path / "removed.txt", sha256(files[0] or b"").hexdigest()
    found = []
    for content in ("0" * 64, digest, "\n".join([f"{number:064x}" for number in range(1000)])):
        path.write_text(content, encoding="utf-8")
        chain = Chain.parse({"known_images": {"sha256": [str(path)]}}, "filter")
        found.append((chain.fingerprints()["known_images"], matches(KnownImages(sha256=(str(path),)), files[:1])[0][0]))
    assert [score for _, score in found] == [0, 1, 0]
    assert len({fingerprint for fingerprint, _ in found}) == 3


@pytest.mark.parametrize(
    ("values", "content", "said"),
    [
        ("sha256", b"# list\nhttp://a.test/\n", r"line 2: found \"http://a.test/\"; the 64 hex digits of a sha256 are meant"),
        ("sha256", b"0123456789abcdef", "the 64 hex digits"),
        ("phash", b"0" * 64, "the 16 hex digits of a phash"),
        ("pdq", b"g" * 64, "line 1"),
        ("sha256", "哈希".encode("gb18030"), "not UTF-8"),
    ],
)
def test_a_list_of_something_else(values: str, content: bytes, said: str, tmp_path: Path) -> None:
    """What is no hash of its kind is an error that names list and line."""
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        matches(msgspec.convert({values: [str(path)]}, KnownImages), [b"file"])


@pytest.mark.parametrize("column", [{"md5": ["0"]}, {"phash": [b"\xff" * 8]}, None])
def test_parquet_of_something_else(column: dict[str, list[Any]] | None, tmp_path: Path) -> None:
    """A table must have a column of its kind, in hex."""
    path = tmp_path / "list.parquet"
    if column is None:
        path.write_bytes(b"PAR1 and no more")
    else:
        pq.write_table(pa.table(column), path)
    with pytest.raises(ConfigError, match=r"list.parquet.*in a column phash is meant"):
        matches(KnownImages(phash=(str(path),)), [b"file"])


@pytest.mark.parametrize("values", [{"hamming_distance": 11}, {"pdq_distance": -1}, {"sha256": "list.txt"}])
def test_impossible_settings(values: dict[str, Any]) -> None:
    """Distances are those that can be looked up, and lists a list."""
    with pytest.raises(ConfigError, match=next(iter(values))):
        Chain.parse({"known_images": values}, "filter")


def test_a_million_hashes(tmp_path: Path) -> None:
    """A long list finds what it names, and nothing else."""
    rng = np.random.default_rng(0)
    path = str(tmp_path / "long.parquet")
    pq.write_table(pa.table({"sha256": [each.tobytes().hex() for each in rng.integers(0, 256, (1_000_000, 32), np.uint8)]}), path)
    named = pq.read_table(path)["sha256"][999_999].as_py()
    batch = Batch(pa.table({"sha256": [named, "0" * 64]}))
    columns = KnownImages(sha256=(path,)).measure(batch)
    assert columns["known_images_line"].to_pylist() == [1_000_000, None]
