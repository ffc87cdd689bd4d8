"""Images that lists name by their hashes: what partners block, what was to be removed. No list ships."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Annotated, ClassVar, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wukong_build import resources
from wukong_build.batch import Batch
from wukong_build.errors import ConfigError, shown
from wukong_build.hash_index import HashIndex, words_of
from wukong_build.links import Columns, Filter
from wukong_build.perceptual import pdq, phashes

_BITS = {"sha256": 256, "phash": 64, "pdq": 256}
_QUALITY = 50  # of a PDQ: below, Meta's own matching takes no notice of a picture
_LINE = r"^\s*(?P<hash>[^\s,;]+)"
_PARQUET = b"PAR1"


class KnownImages(Filter, frozen=True, kw_only=True):
    """1 for an image that a list names, else 0; beside it which list, which line of it, and how far the two hashes are apart.

    A list is text with a hash at the beginning of each line, as `sha256sum` writes it (`#` begins a comment), or Parquet with a
    column called `sha256`, `phash` or `pdq`. A SHA-256 names one file, byte for byte. A pHash or a PDQ names all that look like
    it, and is worth what its maker's program has in common with the link of that name. Where several lines name an image, a
    SHA-256 counts before a pHash, that before a PDQ, then the nearest hash, then the first.
    """

    writes: ClassVar[dict[str, pa.DataType]] = {
        "known_images_list": pa.string(),
        "known_images_line": pa.int64(),
        "known_images_distance": pa.int32(),
    }
    meaning: ClassVar[str] = "1 if a list names the image, by its file or by its looks; 0 if none does"
    score_type: ClassVar[pa.DataType] = pa.int32()

    sha256: tuple[str, ...] = ()
    """Lists of SHA-256 digests of files, 64 hex digits."""
    phash: tuple[str, ...] = ()
    """Lists of pHashes, 16 hex digits."""
    pdq: tuple[str, ...] = ()
    """Lists of PDQ hashes, 64 hex digits."""
    hamming_distance: Annotated[int, msgspec.Meta(ge=0, le=10)] = 4
    """Within which a pHash matches, of 64 bits."""
    pdq_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 31
    """Within which a PDQ matches, of 256 bits; pictures of a quality below 50 match none."""

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """Pictures, where a list needs them."""
        return ("sha256", *(["image"] if self.phash or self.pdq else []))

    def resources(self) -> tuple[str, ...]:
        """The lists."""
        return (*self.sha256, *self.phash, *self.pdq)

    def score(self, batch: Batch) -> pa.Array:
        """0 or 1; null where there is no image."""
        return self.measure(batch)[self.name()]

    def measure(self, batch: Batch) -> Columns:
        """All four columns; the evidence is null where no list names the image. A picture is looked at if a list needs it."""
        lists, lines, distances = np.full(len(batch), None, object), *(np.full(len(batch), -1) for _ in range(2))
        for kind, names, distance in (
            ("sha256", self.sha256, 0),
            ("phash", self.phash, self.hamming_distance),
            ("pdq", self.pdq, self.pdq_distance),
        ):
            asked = np.flatnonzero(distances < 0)
            if names and len(asked):
                known = _known(kind, tuple((name, resources.digest(name)) for name in names))
                hashes = _hashes(kind, batch.select(asked.tolist()))
                found = known.hashes.nearest(words_of(hashes.drop_null().to_pylist(), _BITS[kind]), distance)
                named = found.indices >= 0
                rows, places = asked[hashes.is_valid()][named], found.indices[named]
                lists[rows], lines[rows] = np.array(names, object)[known.lists[places]], known.lines[places]
                distances[rows] = found.distances[named]
        nowhere = distances < 0
        score = pa.array(~nowhere).cast(self.score_type)
        return {
            self.name(): pc.if_else(batch["sha256"].is_valid(), score, None),
            "known_images_list": pa.array(lists, pa.string()),
            "known_images_line": pa.array(lines, mask=nowhere),
            "known_images_distance": pa.array(distances, pa.int32(), mask=nowhere),
        }


def _hashes(kind: str, batch: Batch) -> pa.Array:
    """The hashes of the samples, in hex; null where there is none that could match."""
    if kind == "sha256":
        return batch["sha256"]
    if kind == "phash":
        return pa.array(phashes(batch.pictures()), pa.string())
    found = (picture and pdq(picture) for picture in batch.pictures())
    return pa.array([each[0] if each and each[1] >= _QUALITY else None for each in found], pa.string())


class _Known(NamedTuple):
    """What the lists of one kind name."""

    hashes: HashIndex
    lists: npt.NDArray[np.int64]
    """Of each hash, which of the lists has it."""
    lines: npt.NDArray[np.int64]
    """Its line, or row, from 1."""


@lru_cache(maxsize=8)
def _known(kind: str, lists: tuple[tuple[str, str], ...]) -> _Known:
    """Kept by name and digest, so that a list that changed is read again."""
    read = [_read(kind, name) for name, _ in lists]
    words = np.concatenate([words_of(table["hash"].to_pylist(), _BITS[kind]) for table in read])
    which = np.repeat(np.arange(len(read)), [len(table) for table in read])
    return _Known(HashIndex(words), which, np.concatenate([table["line"].to_numpy() for table in read]))


def _read(kind: str, name: str) -> pa.Table:
    """The hashes of one list, in hex, and their lines."""
    content = resources.read_bytes(name)
    if content[: len(_PARQUET)] == _PARQUET:
        try:
            table = pq.read_table(io.BytesIO(content), columns=[kind])
            hashes = table[kind].cast(pa.string())
        except (pa.ArrowException, KeyError) as error:
            raise ConfigError(f"list {name!r}: a Parquet file with hashes in hex in a column {kind} is meant: {error}") from error
    else:
        hashes = pc.struct_field(pc.extract_regex(pa.array(resources.read_text(name).splitlines(), pa.string()), _LINE), "hash")
    table = pa.table({"hash": hashes, "line": np.arange(1, len(hashes) + 1)})
    table = table.filter(pc.invert(pc.starts_with(table["hash"], "#")))
    digits = _BITS[kind] // 4
    wrong = table.filter(pc.invert(pc.match_substring_regex(table["hash"], rf"^[0-9a-fA-F]{{{digits}}}$")))
    if len(wrong):
        line, found = wrong["line"][0].as_py(), shown(wrong["hash"][0].as_py())
        raise ConfigError(f"list {name!r}, line {line}: found {found}; the {digits} hex digits of a {kind} are meant")
    return table
