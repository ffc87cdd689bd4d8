"""Of pictures that look alike, which one is kept: one published before, else the largest, else that with the longest caption."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wukong_build.batch import Batch
from wukong_build.errors import ConfigError
from wukong_build.hamming import (
    AT_MOST_DISTANCE,
    BITS,
    Hashes,
    Indices,
    Items,
    Near,
    Words,
    distances,
    first_kept,
    first_near,
    in_pairs,
    pieces_of,
    ways,
)
from wukong_build.hash_sets import FORGOTTEN_WITHIN, files_of, forgotten_in, read_hash_set
from wukong_build.hashing import places_in
from wukong_build.links import CorpusFilter
from wukong_build.perceptual import mirrored_dhashes

_KEY, _HASH = pa.binary(16), pa.binary(8)
_WORDS = {"dhash": pa.binary(8), "pdq": pa.binary(32)}
_VERIFY_DISTANCES: dict[str | None, int] = {"dhash": 8, "pdq": 31}
_TOGETHER = 1 << 27  # hashes
_MOST_PIXELS, _MOST_CHARACTERS = (1 << 38) - 1, (1 << 24) - 1  # that a rank tells apart
_DIGITS = np.array([f"{byte:02x}" for byte in range(256)], "S2")


class NearDuplicate(CorpusFilter, frozen=True, kw_only=True):
    """0 for a sample kept as it is or as a representative, 1 for one that looks like a kept one before it.

    Two pictures look alike if their hashes are within `hamming_distance` and, with `verify_with`, those of another link
    within `verify_distance`, and PDQ's of good quality; with `mirrored` also if that holds of one and the other's mirror
    image. Samples stand in one total order: published before (`against`), more pixels, longer caption, smaller key. Each is
    kept unless one kept before it looks like it, so no two kept ones look alike, and every other one names the first kept one
    that it looks like. A sample whose key one of the sets of `against` has is kept.
    """

    hash: Literal["phash", "dhash", "ahash", "whash"] = "phash"
    """The link whose hashes are compared; it stands before this one."""
    hamming_distance: Annotated[int, msgspec.Meta(ge=0, le=AT_MOST_DISTANCE)] = 4
    """Of 64 bits."""
    verify_with: Literal["dhash", "pdq"] | None = None
    """The link whose hashes confirm a match: with it `hamming_distance` may be larger."""
    verify_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] | None = None
    """Of the 64 bits of `dhash`, 8 where none is given; of the 256 of `pdq`, 31."""
    verify_quality: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50
    """Of `pdq`: a picture below it is too plain for a match to be confirmed, and is kept."""
    mirrored: bool = False
    """Whether a picture looks like its mirror image, whose hash is that of the link `phash_mirrored`, before this one as well."""
    against: tuple[str, ...] = ()
    """Earlier runs and hash sets: their pictures are kept. Those here that look like one, or one forgotten there, are not."""
    keep_captions: bool = False
    """Gather the captions of dropped samples in `alternate_captions` of the one kept in their place."""

    writes: ClassVar[dict[str, pa.DataType]] = {
        "near_duplicate_of": pa.string(),
        "near_duplicate_distance": pa.int32(),
        "near_duplicate_mirrored": pa.bool_(),
        "alternate_captions": pa.list_(pa.string()),
    }
    meaning: ClassVar[str] = "0 if kept as it is or as a representative, 1 if it looks like the kept sample `near_duplicate_of`"
    score_type: ClassVar[pa.DataType] = pa.int32()
    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """ConfigError where mirror images have no such hash, or nothing is confirmed."""
        if self.verify_with == self.hash:
            raise ConfigError(
                f"filter.near_duplicate.verify_with: found {self.hash}, which is compared already; pdq is another hash"
            )
        if self.mirrored and (self.hash != "phash" or self.verify_with == "pdq"):
            found = f"hash: {self.hash}" if self.hash != "phash" else "verify_with: pdq"
            raise ConfigError(f"filter.near_duplicate.mirrored: found with {found}; mirror images are known by phash and dhash")

    @property
    def rows_together(self) -> int:  # type: ignore[override]
        """As many as have so many hashes."""
        return _TOGETHER // len(self._sides)

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """Which hashes it looks at is a setting."""
        return ("key", "width", "height", "caption", *self._sides, *self._confirming)

    @property
    def tells(self) -> tuple[str, ...]:  # type: ignore[override]
        """The captions, where they are gathered."""
        return ("alternate_captions",) if self.keep_captions else ()

    @property
    def _near(self) -> Near:
        confirmed = _VERIFY_DISTANCES.get(self.verify_with, 0) if self.verify_distance is None else self.verify_distance
        return Near(self.hamming_distance, confirmed)

    @property
    def _sides(self) -> list[str]:
        return [self.hash, *(["phash_mirrored"] if self.mirrored else [])]

    @property
    def _confirming(self) -> list[str]:
        return {None: [], "dhash": ["dhash"], "pdq": ["pdq", "pdq_quality"]}[self.verify_with]

    def resources(self) -> Iterable[str]:
        """Files of the sets."""
        return [file for path in self.against for file in files_of(path)]

    def survey(self, batch: Batch) -> pa.Table:
        """The hashes of every sample that has them, and what its rank depends on."""
        pixels = pc.fill_null(pc.multiply(batch["width"].cast(pa.int64()), batch["height"].cast(pa.int64())), 0).to_numpy()
        characters = pc.fill_null(pc.utf8_length(batch["caption"]).cast(pa.int64()), 0).to_numpy()
        rank = np.clip(pixels, 0, _MOST_PIXELS) << 24 | np.minimum(characters, _MOST_CHARACTERS)
        columns = {"key": _bytes_of(batch["key"], _KEY), "rank": -rank}
        if self.keep_captions:
            columns["caption"] = batch["caption"]
        return self._hashed(pa.table(columns | {name: batch[name] for name in [*self._sides, *self._confirming]}), self._sides)

    def _hashed(self, table: pa.Table, sides: list[str]) -> pa.Table:
        """Rows whose hashes are there and good, with `hash`, of all sides, and `words` that confirm in place of hex digits."""
        for name in [*sides, *self._confirming]:
            table = table.filter(pc.is_valid(table[name]))
        if self.verify_with == "pdq":
            table = table.filter(pc.greater_equal(table["pdq_quality"], self.verify_quality))
        if self.verify_with:
            table = table.append_column("words", _bytes_of(table[self.verify_with], _WORDS[self.verify_with]))
        hashes = _bytes_of(pc.binary_join_element_wise(*(table[name] for name in sides), ""), pa.binary(8 * len(sides)))
        return table.append_column("hash", hashes).drop_columns([*sides, *self._confirming])

    def merge(self, surveys: pa.Table) -> pa.Table:
        """The dropped samples: their keys, the kept one each looks like, how near; and the captions that kept ones gather."""
        published = self._published()
        news = surveys.filter(pc.invert(pc.is_in(surveys["key"], _keys(published)))) if self.against else surveys
        order = np.lexsort((*_words_of(news["key"]).T[::-1], news["rank"].to_numpy()))
        items, others = _items(news).take(order), _items(published)
        forgotten = self._forgotten()
        gone = _first_forgotten(items, forgotten)
        known = np.where(gone < 0, first_near(items, others, self._near), -1)
        rest = np.flatnonzero((known < 0) & (gone < 0))
        kept = np.arange(len(order))
        kept[rest] = rest[first_kept(items.take(rest), self._near)]
        dropped, known_rows = np.flatnonzero(kept != np.arange(len(order))), np.flatnonzero(known >= 0)
        keys = news["key"].combine_chunks().take(order)
        tables = [
            self._dropped(keys, items, dropped, _digits_of(keys.take(kept[dropped])), items.take(kept[dropped])),
            self._dropped(keys, items, known_rows, published["key"].take(known[known_rows]), others.take(known[known_rows])),
            _gone(keys, items, gone, forgotten),
        ]
        if self.keep_captions:
            tables.append(_gathered(keys, news["caption"].take(order), dropped, kept[dropped]))
        return pa.concat_tables(tables, promote_options="default").sort_by("key")

    def _dropped(self, keys: pa.Array, items: Items, rows: Indices, kept: pa.Array, kept_items: Items) -> pa.Table:
        """The look-up for some rows: the key of each, of the kept sample it looks like, and the distance between the two."""
        pairs = ways(items.take(rows), kept_items)
        apart = np.stack([np.where(self._near.of(*pair), distances(*(each.hashes for each in pair)), BITS) for pair in pairs])
        columns = {
            "key": keys.take(rows),
            "near_duplicate_of": kept,
            "near_duplicate_distance": apart.min(axis=0).astype(np.int32),
        }
        if self.mirrored:
            columns["near_duplicate_mirrored"] = apart.argmin(axis=0) > 0
        return pa.table(columns)

    def pieces_of(self, surveys: pa.Table, pieces: int) -> npt.NDArray[np.int64]:
        """By each of the blocks in which two hashes may first agree."""
        return pieces_of(_hashes_of(surveys), self._near, pieces)

    def merge_piece(self, rows: pa.Table, number: int, pieces: int) -> pa.Table:
        """The rows that look like another one of the piece, or like a published one: the others are kept and drop nobody."""
        if self.mirrored:  # a row may have come by both of its hashes
            rows = _once(rows)
        items = _items(rows)
        alike = in_pairs(items, self._near, number // pieces)
        if number < pieces:  # one of the first block's, which have every row
            alike |= first_near(items, _items(self._published()), self._near) >= 0
            alike |= _first_forgotten(items, self._forgotten()) >= 0
        return rows.filter(pa.array(alike))

    def join_pieces(self, merged: pa.Table) -> pa.Table:
        """The look-up, of the rows that look like any other."""
        return self.merge(_once(merged))

    def _published(self) -> pa.Table:
        """What the sets of `against` hold, one after the other; mirror images are those of the new ones."""
        sides = self._sides[:1]
        sets = [self._hashed(read_hash_set(path, ["key", *sides, *self._confirming]), sides) for path in self.against]
        words = {"words": _WORDS[self.verify_with]} if self.verify_with else {}
        return pa.concat_tables([pa.schema({"key": pa.string(), **words, "hash": _HASH}).empty_table(), *sets])

    def _forgotten(self) -> pa.Table:
        """What the runs of `against` have forgotten: tombstones have a pHash alone, which nothing confirms."""
        tombstones = [forgotten_in(path) for path in self.against] if self.hash == "phash" else []
        rows = pa.concat_tables([pa.schema([("key", pa.string()), ("phash", pa.string())]).empty_table(), *tombstones])
        return pa.table({"key": rows["key"], "hash": _bytes_of(rows["phash"], _HASH)})

    def measure(self, batch: Batch, merged: pa.Table) -> dict[str, pa.Array]:
        """All columns; a sample without a hash is unmeasurable, and one that the look-up does not call a duplicate is kept."""
        rows = places_in(_raw(merged["key"]), _raw(_bytes_of(batch["key"], _KEY)))
        columns = {
            name: merged[name].combine_chunks().take(rows) if name in merged.column_names else pa.nulls(len(rows), kind)
            for name, kind in self.writes.items()
        }
        duplicate = columns["near_duplicate_of"].is_valid().cast(self.score_type)
        return {self.name(): pc.if_else(batch[self.hash].is_valid(), duplicate, None), **columns}


def _first_forgotten(items: Items, forgotten: pa.Table) -> Indices:
    """For each item the first of the forgotten ones that it, or its mirror image where that counts, looks like, or -1."""
    return first_near(Items.of(items.hashes), _items(forgotten), Near(FORGOTTEN_WITHIN))


def _gone(keys: pa.Array, items: Items, gone: Indices, forgotten: pa.Table) -> pa.Table:
    """The look-up for what looks like something forgotten: its tombstone's key stands for the kept sample's."""
    rows = np.flatnonzero(gone >= 0)
    tombstones = forgotten.take(gone[rows])
    apart = np.minimum.reduce([distances(side.hashes[rows], _items(tombstones).hashes) for side in items.sides()])
    columns = {"near_duplicate_of": tombstones["key"], "near_duplicate_distance": apart.astype(np.int32)}
    return pa.table({"key": keys.take(rows), **columns})


def _gathered(keys: pa.Array, captions: pa.ChunkedArray, dropped: Indices, kept: Indices) -> pa.Table:
    """The look-up for kept samples: distinct captions of those dropped for each, in order of rank; its own is none of them."""
    found = pa.table({"kept": kept, "caption": captions.take(dropped), "row": np.arange(len(dropped))}).drop_null()
    found = found.group_by(["kept", "caption"]).aggregate([("row", "min")]).sort_by("row_min")  # groups come in any order
    own = captions.take(found["kept"])
    found = found.filter(pc.fill_null(pc.not_equal(found["caption"], own), fill_value=True))
    lists = found.group_by("kept", use_threads=False).aggregate([("caption", "list")])
    return pa.table({"key": keys.take(lists["kept"].combine_chunks()), "alternate_captions": lists["caption_list"]})


def _keys(published: pa.Table) -> pa.Array:
    """Keys that may be those of samples; another program's are of other kinds."""
    return _bytes_of(published["key"].filter(pc.match_substring_regex(published["key"], "^[0-9a-f]{32}$")), _KEY)


def _once(rows: pa.Table) -> pa.Table:
    """Each of the rows once, in the order of their keys."""
    _, first = np.unique(_raw(rows["key"]), return_index=True)
    return rows.take(first)


def _hashes_of(table: pa.Table) -> Hashes:
    """A hash a row, or two."""
    hashes = _words_of(table["hash"])
    return hashes[:, 0] if hashes.shape[1] == 1 else hashes


def _items(table: pa.Table) -> Items:
    items = Items.of(_hashes_of(table))
    if "words" not in table.column_names:
        return items
    words = _words_of(table["words"])
    return items._replace(words=words if items.hashes.ndim == 1 else np.hstack([words, mirrored_dhashes(words)]))


def _bytes_of(digits: pa.Array | pa.ChunkedArray, kind: pa.FixedSizeBinaryType) -> pa.Array:
    """Hex digits, two a byte, as bytes; there are no nulls among them."""
    content = bytes.fromhex("".join(digits.to_pylist()))
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(digits), [None, pa.py_buffer(content)])


def _digits_of(keys: pa.Array) -> pa.Array:
    """Keys as hex digits."""
    digits = _DIGITS[_words_of(keys).astype(">u8").view(np.uint8).reshape(-1)]
    offsets = np.arange(len(keys) + 1, dtype=np.int64) * 2 * _KEY.byte_width
    return pa.LargeStringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(digits.tobytes())).cast(pa.string())


def _words_of(values: pa.Array | pa.ChunkedArray) -> Words:
    """Bytes as numbers of 64 bits, whose order is theirs: a row for each value."""
    content = _raw(values)
    return content.view(">u8").astype(np.uint64).reshape(-1, content.itemsize // 8)


def _raw(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Bytes as numpy has them, one value after the other."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    size = array.type.byte_width
    return np.frombuffer(array.buffers()[1] or b"", f"S{size}", len(array), array.offset * size)
